"""When training stops, and which epoch it keeps: functions of the epochs alone.

An epoch is judged by its F1 on the split that selects. While no epoch has an F1 above 0, the
training loss judges instead: a model that finds no triple yet may still be learning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rin_core.config import Config

EndReason = Literal["patience", "max_epochs"]

#: The settings that only say when training ends.
LIMITS = ("training.max_epochs", "training.patience")


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


def limits(config: Config) -> dict[str, int]:
    """Return the limits of a training, as :func:`end_reason` takes them.

    A moving average of the weights is scored after a fixed number of epochs, so that runs can be
    compared. Its training does not end by patience.
    """
    training = config.training
    fixed = training.average != "none"
    patience = training.max_epochs if fixed else training.patience
    return {"patience": patience, "max_epochs": training.max_epochs}


def without_limits(config: Config) -> Config:
    """Return settings with the default :data:`LIMITS`: equal for trainings with equal epochs."""
    default = Config().flat()
    return config.canonical().with_overrides({name: default[name] for name in LIMITS})


def obstacle(config: Config, source: Config, f1: Sequence[float], losses: Sequence[float]) -> str:
    """Return why a training cannot begin after the epochs of another one; empty if it can.

    An epoch depends on the seed, its number and the weights before it. It does not depend on how
    many epochs follow, unless the step sizes grow over a share of all steps.

    Args:
        config: Settings of the training.
        source: Settings of the other one, which differ in :data:`LIMITS` only.
        f1: F1 of the other's epochs, on the split that selects.
        losses: Training losses of the other's epochs.
    """
    training = config.training
    if training.warmup and training.max_epochs != source.training.max_epochs:
        return "with training.warmup, the step sizes depend on training.max_epochs"
    for count in range(1, len(f1)):
        if end_reason(f1[:count], losses[:count], **limits(config)) is not None:
            return f"training ends after epoch {count}, and only the last epoch of a run is kept"
    return ""
