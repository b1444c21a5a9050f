"""A checkpoint that fits its checksum but not the run: the run is trained from scratch."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.fuzz.seeds import (
    checkpoint_file,
    ends_as_undisturbed,
    metadata_of,
    weights_file,
    with_metadata,
)


def _epoch_without_recall(content: dict[str, Any]) -> None:
    del content["history"][0]["selection_scores"]["recall"]


def _epoch_with_an_unknown_score(content: dict[str, Any]) -> None:
    content["history"][0]["selection_scores"]["luck"] = 0.5


def _no_loss(content: dict[str, Any]) -> None:
    content["history"][0]["train_loss"] = float("nan")


@pytest.mark.parametrize("damage", [_epoch_without_recall, _epoch_with_an_unknown_score, _no_loss])
def test_metadata(tmp_path: Path, damage: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(metadata_of(checkpoint_file()))
    damage(content)
    changed = json.dumps(content).encode()
    assert ends_as_undisturbed(tmp_path, lambda path: with_metadata(load_file(path), changed, path))


@pytest.mark.parametrize("content", [weights_file, bytes, lambda: b"[" * 100_000])
def test_another_file_in_its_place(tmp_path: Path, content: Callable[[], bytes]) -> None:
    assert ends_as_undisturbed(tmp_path, lambda path: path.write_bytes(content()))


@pytest.mark.parametrize("name", ["alien", "model.alien", "adam.alien.step", "adam.0.alien"])
def test_tensors(tmp_path: Path, name: str) -> None:
    def damage(path: Path) -> None:
        tensors = {**load_file(path), name: torch.zeros(2)}
        with_metadata(tensors, metadata_of(checkpoint_file()), path)

    assert ends_as_undisturbed(tmp_path, damage)
