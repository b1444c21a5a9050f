"""Arms that differ in their share of the training sentences only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from reports.frames.settings import split_settings
from rin_core.config import canonical_settings

_SHARE = "data.train_share"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """One model on several shares of the training sentences."""

    label: str
    """Of the arm with the largest share."""
    arms: tuple[str, ...]
    """The smallest share first."""
    shares: tuple[float, ...]
    """Of each arm, above 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Two neighbours of a curve."""

    curve: LearningCurve
    smaller: str
    """The arm with fewer sentences."""
    larger: str
    text: str
    """Both shares: ``25 % → 50 % of train``."""


def learning_curves(frame: pd.DataFrame) -> list[LearningCurve]:
    """Return the curves of a study; none if all arms have the same share.

    Args:
        frame: One study under one settings value, see
            :func:`~reports.frames.trials.select_settings`.
    """
    groups: dict[str, list[tuple[float, str, str]]] = {}
    for arm, own in frame.groupby("arm", sort=False):
        first = own.iloc[0]
        settings = split_settings(str(first["variant"]))
        model = canonical_settings({k: v for k, v in settings.items() if k != _SHARE})
        groups.setdefault(model, []).append(
            (float(first["train_share"]), str(arm), str(first["label"]))
        )
    curves = []
    for found in groups.values():
        shares, arms, labels = zip(*sorted(found), strict=True)
        if len(set(shares)) == len(shares) > 1:
            curves.append(LearningCurve(label=labels[-1], arms=arms, shares=shares))
    return curves


def steps(curves: Sequence[LearningCurve]) -> list[Step]:
    """Return each pair of neighbours of some curves, in their order."""
    return [
        Step(
            curve=curve,
            smaller=curve.arms[k],
            larger=curve.arms[k + 1],
            text=f"{percent(curve.shares[k])} → {percent(curve.shares[k + 1])} of train",
        )
        for curve in curves
        for k in range(len(curve.arms) - 1)
    ]


def percent(share: float) -> str:
    """Return a share in percent.

    Examples:
        >>> percent(0.125), percent(1.0)
        ('12.5 %', '100 %')
    """
    return f"{100 * share:.3g} %"
