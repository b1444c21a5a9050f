"""Verdicts: one scale of words for every comparison, with a margin.

A difference is *equal* if it is shown to lie within the margin, else *better* or *worse* if it is
shown not to be 0, else *undecided*. Equality is tested first, so further runs cannot turn a
difference without importance into a *better* or *worse*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from reports.stats.model import Difference
from reports.stats.tests import holm
from rin_core.durations import core_time

Floats = NDArray[np.float64]
_POWER = 0.8
_MOST_SEEDS = 1000


@dataclass(frozen=True, slots=True)
class Rule:
    """What the verdicts of a report follow."""

    margin: float = 0.5
    """Differences of at most so many points count as equal."""
    level: float = 0.05
    """Probability of an error, of each test."""

    def __post_init__(self) -> None:
        if not 0 < self.margin < 100:
            raise ValueError(f"--margin {self.margin:g}: must be above 0 and below 100 points")


RULE = Rule()


class Word(StrEnum):
    """The scale."""

    BETTER = "better"
    WORSE = "worse"
    EQUAL = "equal"
    UNDECIDED = "undecided"
    FUTILE = "futile"
    """A planned study stopped it: further seeds would hardly decide it."""
    NOTHING_LEARNED = "not judged: nothing learned"
    """No run of the arms learned anything, so equal scores say nothing about the arms."""
    NO_VERDICT = "no verdict"
    """The plan of the study does not test the difference, and its seeds depend on the scores."""
    ONE_SEED = "one seed"
    """Of an arm, which has no variance."""
    NOT_RUN = "not run"
    SEARCH_FAILED = "search failed"
    """The settings that a search found are worse than those it started from."""


#: Verdicts that say on which side of the margin a difference is.
DECIDED = (Word.BETTER, Word.WORSE, Word.EQUAL)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word of the scale, with what it takes to decide."""

    word: Word
    margin: float
    more_seeds: float = math.nan
    """Further seeds of each arm that decide with 80 % probability; infinite if 1,000 do not, NaN
    unless undecided."""
    core_hours: float = math.nan
    """What these seeds cost; NaN if unknown."""
    is_planned: bool = False
    """Whether a plan set the further seeds. It then decides with at most so many."""

    def __str__(self) -> str:
        """Return the verdict as every page, table and terminal shows it."""
        if self.word is Word.EQUAL:
            return f"equal within {self.margin:g}"
        if self.word is not Word.UNDECIDED or math.isnan(self.more_seeds):
            return str(self.word)
        if math.isinf(self.more_seeds):
            return f"undecided, over {_MOST_SEEDS:,} more seeds"
        seeds = f"{self.more_seeds:.0f} more seed{'s' if self.more_seeds > 1 else ''}"
        seeds = f"up to {seeds}" if self.is_planned else seeds
        cost = "" if math.isnan(self.core_hours) else f" ≈ {core_time(self.core_hours)}"
        return f"undecided, {seeds}{cost}"


@dataclass(frozen=True, slots=True)
class Judged:
    """A difference with its verdict and the p values that led to it."""

    difference: Difference
    verdict: Verdict
    p_holm: float = math.nan
    """p of no difference, corrected for the family of the table; NaN where there is no family."""
    p_equal_holm: float = math.nan
    """The same of a difference outside the margin."""

    @property
    def p_equal(self) -> float:
        """Return p of a difference outside the margin."""
        return self.difference.p_equal(self.verdict.margin)


def judge_family(
    found: Sequence[Difference], hours: Sequence[float], rule: Rule = RULE
) -> list[Judged]:
    """Judge differences together, with Holm's correction of both tests.

    Each kind of error, a wrong *better* or *worse* and a wrong *equal*, then has at most the
    rule's probability in the whole family.

    Args:
        found: The differences. Those without a p do not count.
        hours: Core-hours of one more seed of every arm of each.
        rule: The margin and the level.
    """
    p_values = holm([one.p for one in found])
    p_equal = holm([one.p_equal(rule.margin) for one in found])
    tested = sum(not math.isnan(p) for p in p_values)
    return [
        Judged(one, judge(one, rule, p, q, tested, cost), p, q)
        for one, p, q, cost in zip(found, p_values, p_equal, hours, strict=True)
    ]


def judge_alone(found: Difference, rule: Rule = RULE, hours: float = math.nan) -> Judged:
    """Judge a difference by itself; see :func:`judge`."""
    return Judged(found, judge(found, rule, hours=hours))


def judge(
    found: Difference,
    rule: Rule = RULE,
    p: float | None = None,
    p_equal: float | None = None,
    family: int = 1,
    hours: float = math.nan,
) -> Verdict:
    """Judge whether a difference is above 0.

    Args:
        found: The difference.
        rule: The margin and the level.
        p: Corrected p of no difference; by default the difference's own.
        p_equal: Corrected p of a difference outside the margin; by default the difference's own.
        family: Number of contrasts that share the correction; the number of further seeds is for
            the level divided by it.
        hours: Core-hours of one more seed of every arm.
    """
    if not found.learned:
        return Verdict(Word.NOTHING_LEARNED, rule.margin)
    if found.n < 2 or math.isnan(found.p):
        return Verdict(Word.ONE_SEED if found.n else Word.NOT_RUN, rule.margin)
    if (found.p_equal(rule.margin) if p_equal is None else p_equal) < rule.level:
        return Verdict(Word.EQUAL, rule.margin)
    if (found.p if p is None else p) < rule.level:
        return Verdict(Word.BETTER if found.value > 0 else Word.WORSE, rule.margin)
    more = more_seeds(found, rule.margin, rule.level / family)
    return Verdict(Word.UNDECIDED, rule.margin, more, more * hours)


def more_seeds(found: Difference, margin: float, level: float) -> float:
    """Return how many further seeds of each arm decide with a probability of 80 %.

    The variance of a run is taken to be known, and the true difference to be distributed as the
    runs so far say (:func:`decision_chance`).

    Returns:
        Infinite if it exceeds 1,000.
    """
    more = np.arange(1, _MOST_SEEDS + 1)
    then = np.full(len(more), found.fixed)
    for term in found.terms:
        then += term.weight**2 * term.variance / (term.n + more)
    df = found.df + len(found.terms) * more
    chance = decision_chance(found.value, found.se, np.sqrt(then), df, margin, (level, level))
    enough = np.flatnonzero(chance >= _POWER)
    return float(enough[0] + 1) if len(enough) else math.inf


def decision_chance(
    value: ArrayLike,
    se: ArrayLike,
    later_se: ArrayLike,
    df: ArrayLike,
    margin: float,
    levels: tuple[ArrayLike, ArrayLike],
) -> Floats:
    """Return the probability that more seeds lead to *equal*, *better* or *worse*.

    The later estimate is normal around the present one, and its variance is the present squared
    standard error minus the later one. This is its distribution given the runs so far, without
    other knowledge. All arguments may be arrays; they broadcast.

    Args:
        value: The present estimate.
        se: Its standard error.
        later_se: The standard error with the further seeds.
        df: The degrees of freedom with them.
        margin: Of equality, in points.
        levels: Of the two-sided test of no difference, and of each one-sided test of equality.
    """
    later = np.asarray(later_se, dtype=float)
    spread = np.sqrt(np.maximum(np.square(se) - np.square(later), 1e-12))
    differs = stats.t.isf(np.divide(levels[0], 2), df) * later
    equal = np.maximum(margin - stats.t.isf(levels[1], df) * later, 0)

    def within(bound: Floats) -> Floats:
        """Return the probability that the later estimate is between ± bound."""
        upper, lower = ((end - np.asarray(value)) / spread for end in (bound, -bound))
        return np.asarray(stats.norm.cdf(upper) - stats.norm.cdf(lower))

    # Between the two bounds neither test decides; where they overlap, both do.
    return np.asarray(1 - within(np.maximum(differs, equal)) + within(equal))
