"""Verdicts: what our seeds say about a published number or a claimed order of arms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from reports.stats.intervals import Estimate

#: Half of the last digit that the paper prints, in points.
_ROUNDING = 0.05


class Verdict(StrEnum):
    """Our score compared with a published one."""

    REPRODUCED = "reproduced"
    ABOVE = "ours above"
    BELOW = "ours below"
    ONE_SEED = "one seed"
    NOT_RUN = "not run"
    NOTHING_PUBLISHED = "–"


class Order(StrEnum):
    """Our differences between arms compared with a claimed order of the arms."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"
    ONE_SEED = "one seed"
    NOT_RUN = "not run"


def order(differences: Sequence[Estimate]) -> Order:
    """Judge the claim that each of some differences is above 0.

    The claim is supported if every confidence interval lies above 0, and contradicted if one lies
    below 0.
    """
    fewest = min((found.n for found in differences), default=0)
    if fewest < 2:
        return Order.ONE_SEED if fewest else Order.NOT_RUN
    if any(found.high < 0 for found in differences):
        return Order.CONTRADICTED
    above = all(found.low > 0 for found in differences)
    return Order.SUPPORTED if above else Order.UNDECIDED


VERDICT_RULE = (
    "Verdict: *reproduced* if the published number lies in the 95 % CI of our mean over seeds, "
    "widened by the paper's rounding (± 0.05). Otherwise *ours above* or *ours below*. The rule "
    "ignores the spread of the published number, which is rarely printed. One seed has no CI and "
    "no verdict. With two or three seeds the CI is so wide that *reproduced* means little."
)


def verdict(ours: Estimate, published: float | None, printed_scores: int = 1) -> Verdict:
    """Judge a published number by :data:`VERDICT_RULE`.

    Args:
        ours: Our estimate, in points.
        published: The published number, in points; ``None`` if there is none.
        printed_scores: How many rounded scores the number is the sum or difference of.

    Examples:
        >>> from reports.stats.intervals import estimate
        >>> verdict(estimate([86.0, 87.0, 88.0]), published=85.0)
        <Verdict.REPRODUCED: 'reproduced'>
    """
    rounding = printed_scores * _ROUNDING
    if published is None:
        return Verdict.NOTHING_PUBLISHED
    if ours.n < 2 or math.isnan(ours.low):
        return Verdict.ONE_SEED if ours.n else Verdict.NOT_RUN
    if ours.low - rounding > published:
        return Verdict.ABOVE
    return Verdict.BELOW if ours.high + rounding < published else Verdict.REPRODUCED
