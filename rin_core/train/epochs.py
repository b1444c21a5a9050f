"""What one epoch of training leaves, and how it is read from a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rin_core.errors import CheckpointError


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """The record of one epoch."""

    epoch: int
    """Counted from 1."""
    train_loss: float
    """Loss of Eq. 14 per sentence, mean over the training split."""
    selection_scores: dict[str, float]
    """:meth:`rin_core.train.metrics.Metrics.flat` of the split that selects the epoch."""
    seconds: float
    """Time of training and of scoring that split."""
    tokens_per_second: float
    """Words of the training split divided by ``seconds``."""

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Epoch:
        """Return an epoch from a checkpoint; before version 3, its scores were called ``dev``."""
        return cls(**{"selection_scores" if k == "dev" else k: v for k, v in row.items()})

    def is_sound(self) -> bool:
        """Tell whether all numbers are finite, and all scores from 0 to 1, F1 among them."""
        scores = [self.selection_scores["f1"], *self.selection_scores.values()]
        values = [self.train_loss, self.seconds, self.tokens_per_second, *scores]
        finite = all(type(value) in (int, float) and math.isfinite(value) for value in values)
        return finite and all(0 <= score <= 1 for score in scores)


def f1_and_losses(epochs: Iterable[Epoch]) -> tuple[list[float], list[float]]:
    """Return F1 on the split that selects, and training loss, both by epoch."""
    pairs = [(epoch.selection_scores["f1"], epoch.train_loss) for epoch in epochs]
    return [f1 for f1, _ in pairs], [loss for _, loss in pairs]


def read_epochs(path: Path, metadata: Mapping[str, Any]) -> list[Epoch]:
    """Return the epochs that a checkpoint's metadata holds.

    Raises:
        CheckpointError: They cannot be read.
    """
    try:
        epochs = [Epoch.from_json(row) for row in metadata["history"]]
        for number, epoch in enumerate(epochs, start=1):
            if epoch.epoch != number or not epoch.is_sound():
                raise ValueError(f"epoch {number}")
        return epochs
    except (KeyError, AttributeError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{path}: its epochs cannot be read; delete it") from error
