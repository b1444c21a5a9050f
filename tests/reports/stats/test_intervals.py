"""Means and confidence intervals, checked by hand and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reports.stats.intervals import NOTHING, estimate, estimate_score


def test_estimate_by_hand() -> None:
    found = estimate([80, 84, 85])
    # deviations −3, 1, 2: sd = √(14 / 2); t(0.975, 2) = 4.30265
    assert (found.n, found.mean, found.sd) == pytest.approx((3, 83, math.sqrt(7)))
    half = 4.30265 * math.sqrt(7) / math.sqrt(3)
    assert (found.low, found.high) == pytest.approx((83 - half, 83 + half), rel=1e-5)


def test_zero_and_one_seed_have_no_interval() -> None:
    assert estimate([]) == NOTHING
    one = estimate([80])
    assert (one.n, one.mean) == (1, 80)
    assert all(math.isnan(value) for value in (one.sd, one.low, one.high))
    same = estimate([70, 70, 70])
    assert (same.sd, same.low, same.high) == (0, 70, 70)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_interval_covers_what_it_promises(n: int) -> None:
    drawn = np.random.default_rng(n).normal(82, 1.5, size=(3000, n))
    intervals = [estimate(sample) for sample in drawn]
    covered = np.mean([found.low <= 82 <= found.high for found in intervals])
    assert 0.935 < covered < 0.965


def test_scores_have_an_end_and_differences_have_none() -> None:
    values = [97.0, 99.0]
    assert estimate(values).high > 100
    assert estimate_score(values).high == 100
    assert estimate_score(values).low == estimate(values).low
    assert math.isnan(estimate_score([50.0]).low)
