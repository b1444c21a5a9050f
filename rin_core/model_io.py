"""A trained model from its weights file, which holds all that it takes."""

from __future__ import annotations

from pathlib import Path

from rin_core.checkpoint import CheckpointError, load_tensors
from rin_core.config import Config
from rin_core.model import RIN
from rin_core.vocabulary import Vocabulary


def load_model(path: Path) -> tuple[RIN, Vocabulary, Config]:
    """Rebuild the selected epoch's model, on CPU and without dropout.

    Args:
        path: A trial's ``weights.safetensors``.

    Raises:
        CheckpointError: The file is damaged, or no model of this version of the code.
        FileNotFoundError: There is no such file.
    """
    tensors, metadata = load_tensors(path)
    try:
        config = Config.from_flat(metadata["config"])
        vocabulary = Vocabulary.from_json(metadata["vocabulary"])
        model = RIN(config, vocabulary)
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{path}: holds no model that this version can use ({error}); train it again"
        ) from error
    return model.eval(), vocabulary, config
