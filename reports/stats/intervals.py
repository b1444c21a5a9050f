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
