"""Start a training from the checkpoint of another one that had fewer epochs.

Trainings that differ only in their limits have the same first epochs, to the bit. See
:func:`rin_core.train.stopping.obstacle` for the exceptions.
"""

from __future__ import annotations

from pathlib import Path

from rin_core.config import Config
from rin_core.errors import CheckpointError
from rin_core.layout import CHECKPOINT, WEIGHTS
from rin_core.train.checkpoint import load_metadata, load_tensors, save_tensors
from rin_core.train.epochs import Epoch, f1_and_losses, read_epochs
from rin_core.train.stopping import best_epoch


def checkpoint_epochs(folder: Path) -> tuple[Config, str, list[Epoch]]:
    """Return the settings of a checkpoint, the digest of its data, and its epochs.

    Raises:
        CheckpointError: It cannot be read.
        FileNotFoundError: There is none.
    """
    path = folder / CHECKPOINT
    metadata = load_metadata(path)
    try:
        config, data = Config.from_flat(metadata["config"]), str(metadata["data"])
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: its settings cannot be read ({error})") from error
    return config, data, read_epochs(path, metadata)


def copy_training(source: Path, target: Path, config: Config) -> list[Epoch]:
    """Copy checkpoint and weights of a training as those of another, and return its epochs.

    The weights come first: without them a checkpoint is of no use.

    Args:
        source: Folder of a training without an obstacle. It is not changed.
        target: Folder of the training that begins there.
        config: Settings of the training that begins there.

    Raises:
        CheckpointError: A file is missing or damaged, or the weights are of another epoch.
    """
    try:
        tensors, metadata = load_tensors(source / CHECKPOINT)
        weights, of_weights = load_tensors(source / WEIGHTS)
    except FileNotFoundError as error:
        raise CheckpointError(f"{error.filename}: does not exist") from error
    epochs = read_epochs(source / CHECKPOINT, metadata)
    if not epochs or of_weights.get("epoch") != best_epoch(*f1_and_losses(epochs)):
        raise CheckpointError(f"{source / WEIGHTS}: is not of the best epoch of its checkpoint")
    changed = {"config": config.flat()}
    continued = {"run": source.name, "epochs": len(epochs)}
    save_tensors(target / WEIGHTS, weights, of_weights | changed)
    save_tensors(target / CHECKPOINT, tensors, metadata | changed | {"continued": continued})
    return epochs
