"""When training stops, and which epoch it keeps: functions of the epochs alone.

An epoch is judged by its F1 on the split that selects. While no epoch has an F1 above 0, the
training loss judges instead: a model that finds no triple yet may still be learning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

EndReason = Literal["patience", "max_epochs"]


def best_epoch(f1: Sequence[float], losses: Sequence[float]) -> int:
    """Return the epoch to keep, counted from 1: the first with the highest F1.

    If every F1 is 0, it is the first with the lowest training loss.

    Args:
        f1: By epoch, on the split that selects; at least one.
        losses: Training loss by epoch.

    Examples:
        >>> best_epoch([0.0, 0.2, 0.3, 0.3], [9.0, 8.0, 7.0, 6.0])
        3
        >>> best_epoch([0.0, 0.0, 0.0], [9.0, 7.0, 8.0])
        2
    """
    scores = f1 if any(f1) else [-loss for loss in losses]
    return scores.index(max(scores)) + 1


def end_reason(
    f1: Sequence[float], losses: Sequence[float], *, patience: int, max_epochs: int
) -> EndReason | None:
    """Return why training ends after these epochs, or None if it continues.

    Patience counts from :func:`best_epoch`. So it does not run out while every F1 is 0 and the
    training loss still falls.

    Args:
        f1: By epoch, on the split that selects.
        losses: Training loss by epoch.
        patience: Epochs without a better one after which training ends.
        max_epochs: Largest number of epochs.

    Examples:
        >>> end_reason([0.2, 0.1, 0.1], [9.0, 8.0, 7.0], patience=2, max_epochs=9)
        'patience'
        >>> end_reason([0.0, 0.0, 0.0], [9.0, 8.0, 7.0], patience=2, max_epochs=9)
    """
    if f1 and len(f1) - best_epoch(f1, losses) >= patience:
        return "patience"
    return "max_epochs" if len(f1) >= max_epochs else None
