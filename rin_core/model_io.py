"""Trained models from disk: from what a person types to a model that can predict.

A weights file carries its configuration and vocabulary, so it is all a model needs: no corpus,
no word vectors, no ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rin_core.checkpoint import CheckpointError, load_tensors
from rin_core.config import PROTOCOL_VERSION, Config, ConfigError
from rin_core.model import RIN
from rin_core.training import CHECKPOINT, WEIGHTS
from rin_core.vocabulary import Vocabulary


class ModelError(ValueError):
    """No such model, or not one that this version can use: names the file and what to give."""


def load_model(weights: Path, device: torch.device | None = None) -> tuple[RIN, Vocabulary, Config]:
    """Load a trained model, ready to predict (without dropout).

    Args:
        weights: A ``weights.safetensors`` of :mod:`rin_core.training`.
        device: Default: CPU.

    Raises:
        ModelError: There is no such file, or it is not a model of this version.
        CheckpointError: The file is damaged.
    """
    tensors, metadata = _read(weights)
    _check_protocol(weights, metadata)
    try:
        config = Config.from_flat(metadata["config"])
        vocabulary = Vocabulary.from_json(metadata["vocabulary"])
        model = _build(config, vocabulary, tensors)
    except (ConfigError, KeyError, TypeError, ValueError, RuntimeError) as error:
        # torch lists every tensor that does not fit, a line each.
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{weights}: was made by another version of this program ({reason})"
        ) from None
    return model.to(device or torch.device("cpu")).eval(), vocabulary, config


def find_weights(model: str, runs: Path) -> Path:
    """Return the weights that a person means.

    Args:
        model: A weights file, the folder of a unit, or the fingerprint of a unit in the ledger,
            of which the first digits are enough.
        runs: The ledger's folder.

    Raises:
        ModelError: There is none, or more than one.
    """
    path = Path(model)
    if path.is_file():
        return path
    if path.is_dir():
        return _weights_in(path)
    units = runs / "units"
    names = sorted(unit.name for unit in units.iterdir()) if units.is_dir() else []
    matching = [name for name in names if name.startswith(model)]
    if len(matching) == 1:
        return _weights_in(units / matching[0])
    if matching:
        raise ModelError(f"--model {model}: could be {_few(matching)}; give more digits")
    raise ModelError(
        f"--model {model}: no such file or folder, nor a unit of the ledger {runs} "
        f"({_few(names) if names else 'which has none'}); --runs names another ledger"
    )


def is_in_training(weights: Path) -> bool:
    """Tell whether the unit of these weights has not finished: later ones may take their place."""
    return weights.with_name(CHECKPOINT).exists()


def _read(weights: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        tensors, metadata = load_tensors(weights)
    except FileNotFoundError:
        raise ModelError(f"{weights}: no such file; wanted a trained model's {WEIGHTS}") from None
    except CheckpointError as error:
        raise CheckpointError(
            f"{weights}: cannot be read as a model ({error.__cause__}); is the copy whole?"
        ) from None
    if "vocabulary" not in metadata:
        what = "a checkpoint of a training" if "history" in metadata else "no model of this program"
        raise ModelError(f"{weights}: is {what}; wanted a trained model's {WEIGHTS}")
    return tensors, metadata


def _check_protocol(weights: Path, metadata: Mapping[str, Any]) -> None:
    # Files without the entry are from before there was a second protocol.
    protocol = metadata.get("protocol", 1)
    if protocol != PROTOCOL_VERSION:
        raise ModelError(
            f"{weights}: was trained under protocol {protocol}, and this version computes protocol "
            f"{PROTOCOL_VERSION}; use the version it was trained with, or train it again"
        )


def _build(config: Config, vocabulary: Vocabulary, tensors: Mapping[str, Tensor]) -> RIN:
    # The start values that the weights replace must not advance the caller's generator.
    with torch.random.fork_rng(devices=[]):
        model = RIN(config, vocabulary)
    model.load_state_dict(tensors)
    return model


def _weights_in(folder: Path) -> Path:
    if not (folder / WEIGHTS).is_file():
        raise ModelError(
            f"{folder}: has no {WEIGHTS}; wanted the folder of a unit that has trained"
        )
    return folder / WEIGHTS


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more
