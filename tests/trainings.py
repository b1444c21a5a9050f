"""A training that takes a second, how a test stops it, and its gold tags."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from rin_core.config import Config
from rin_core.data.encoding import Array, EncodedSplit, padded, word_places
from rin_core.train.epochs import Epoch
from rin_core.train.loop import Result

EPOCHS = 9
TINY = Config().with_overrides(
    {
        "encoder.word_dim": 12,
        "encoder.pos_dim": 4,
        "encoder.hidden_size": 24,
        "model.feature_size": 24,
        "training.batch_size": 3,
        "training.learning_rate": 0.02,
        "training.max_epochs": EPOCHS,
    }
)


class Stop(Exception):
    """What a scheduler or a signal raises from ``on_epoch``."""


def stop_after(last: int) -> Callable[[Epoch], None]:
    def on_epoch(epoch: Epoch) -> None:
        if epoch.epoch == last:
            raise Stop

    return on_epoch


def padded_tags(split: EncodedSplit) -> Array:
    """Return the gold tags of a split [N, L]; padding is -1."""
    return padded(split.tags_S, word_places(split.word_starts, np.arange(len(split))), -1)


def timeless(result: Result) -> dict[str, Any]:
    """Return a result without what a clock measured."""
    history = [
        {
            k: v
            for k, v in dataclasses.asdict(epoch).items()
            if k not in ("seconds", "tokens_per_second")
        }
        for epoch in result.history
    ]
    decoded = [array.tolist() for array in dataclasses.astuple(result.test_decoded)]
    return {**dataclasses.asdict(result), "history": history, "test_decoded": decoded}


def losses(result: Result) -> list[float]:
    return [epoch.train_loss for epoch in result.history]
