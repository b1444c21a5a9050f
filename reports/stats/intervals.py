"""Means over seeds and their confidence intervals.

All values are in points, 0 to 100.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[Any]
CONFIDENCE = 0.95
_POWER = 0.8
_MOST_SEEDS = 1000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its confidence interval; NaN for what the seeds do not determine."""

    n: int
    """Number of seeds."""
    mean: float
    sd: float
    """Standard deviation over seeds, with n − 1 in the denominator; NaN below two seeds."""
    low: float
    """Lower end of the 95 % confidence interval of the mean."""
    high: float
    """Upper end of the 95 % confidence interval of the mean."""


NOTHING = Estimate(0, math.nan, math.nan, math.nan, math.nan)


def estimate(values: Iterable[float]) -> Estimate:
    """Return mean, standard deviation and the 95 % t interval of the mean.

    Student's t interval covers 95 % for any n if scores are roughly normal. Its half-width shows
    how little a few seeds can tell: ± 9.0 sd with two seeds, ± 2.5 sd with three, ± 1.2 sd with
    five. A bootstrap interval would be too narrow, because it only resamples the observed values:
    it covers the mean of a normal distribution in 67 % of cases with three seeds, and in 84 % with
    five.

    Args:
        values: One value for each seed, in points.

    Examples:
        >>> found = estimate([86.0, 87.0, 88.0])
        >>> f"{found.mean} ± {found.sd}, {found.low:.1f} to {found.high:.1f}"
        '87.0 ± 1.0, 84.5 to 89.5'
    """
    sample = np.array(list(values), dtype=float)
    n = len(sample)
    if n == 0:
        return NOTHING
    mean = float(sample.mean())
    if n == 1:
        return Estimate(1, mean, math.nan, math.nan, math.nan)
    sd = float(sample.std(ddof=1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * sd / math.sqrt(n)
    return Estimate(n, mean, sd, mean - half, mean + half)


def estimate_score(values: Iterable[float]) -> Estimate:
    """Return :func:`estimate` of scores, with the interval clipped to 0 to 100 points."""
    found = estimate(values)
    # np.clip and not min and max: a missing end stays NaN.
    low, high = np.clip([found.low, found.high], 0, 100)
    return replace(found, low=float(low), high=float(high))


def widened(ours: Estimate, seeds: int) -> Estimate:
    """Return our mean with the interval of a difference to another, equally noisy mean.

    The variance of a difference of two means is the sum of their variances. If both means have
    equally many seeds, the interval becomes √2 times as wide.

    Args:
        ours: Our mean, in points.
        seeds: Number of seeds behind the other mean.
    """
    factor = math.sqrt(1 + ours.n / seeds)
    low, high = (ours.mean + factor * (end - ours.mean) for end in (ours.low, ours.high))
    return replace(ours, low=low, high=high)


def seeds_needed(sd: float, difference: float) -> float:
    """Return the number of seeds that would show a difference of this size, if it exists.

    With this many seeds the 95 % t interval of the mean difference excludes 0 with a probability
    of 80 %, for normally distributed differences. The number is rough: a standard deviation
    estimated from five seeds lies between 0.3 and 1.7 times the true one in 95 % of cases.

    Args:
        sd: Standard deviation of the differences over seeds, in points.
        difference: The mean difference to detect, in points, of either sign.

    Returns:
        The smallest such number, infinite if it exceeds 1,000. NaN if ``sd`` is NaN or
        ``difference`` is 0.
    """
    if math.isnan(sd) or not difference:
        return math.nan
    n = np.arange(2, _MOST_SEEDS + 1)
    bound = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)
    with np.errstate(divide="ignore"):
        shift = np.sqrt(n) * abs(difference) / np.float64(sd)
    # The power is 1 long before a shift of 30, and scipy's distribution fails beyond it.
    shift = np.minimum(shift, 30)
    enough = stats.nct.sf(bound, n - 1, shift) >= _POWER
    return float(n[enough][0]) if enough.any() else math.inf
