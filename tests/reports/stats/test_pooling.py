"""Random-effects pooling: by hand where that is possible, by simulation where it is not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reports.stats.pooling import pool
from reports.stats.verdicts import Word


def test_equal_estimates_have_no_spread() -> None:
    found = pool([1.0, 1.0, 1.0, 1.0], [0.2] * 4)
    assert (found.value, found.tau) == pytest.approx((1.0, 0.0))
    # No smaller than the error of the weighted mean, although the estimates agree by chance.
    assert found.se == pytest.approx(0.2 / math.sqrt(4))
    assert found.verdict().word is Word.BETTER
    assert all(one.mean == pytest.approx(1.0) for one in found.shrunk)


def test_two_estimates_by_hand() -> None:
    # With equal errors, τ² is the variance of the two minus their squared error.
    found = pool([0.0, 2.0], [0.5, 0.5])
    assert found.value == pytest.approx(1.0)
    assert found.tau**2 == pytest.approx(2.0 - 0.25, rel=1e-3)
    assert found.se == pytest.approx(1.0, rel=1e-3)
    assert found.df == 1
    own = found.tau**2 / (found.tau**2 + 0.25)
    assert found.shrunk[1].mean == pytest.approx(1 + own, rel=1e-3)


def test_the_interval_of_tau_by_hand() -> None:
    # With equal errors, Q is Σ (effect − mean)² / (τ² + SE²), here 200 / (τ² + 1). The 97.5 % and
    # 2.5 % quantiles of χ² with two degrees of freedom are −2 ln 0.025 and −2 ln 0.975.
    found = pool([-10.0, 0.0, 10.0], [1.0] * 3)
    low, high = (math.sqrt(200 / (-2 * math.log(p)) - 1) for p in (0.025, 0.975))
    assert (found.tau_low, found.tau_high) == pytest.approx((low, high), rel=1e-6)
    assert found.tau_low < found.tau < found.tau_high
    alike = pool([1.0, 1.0, 1.0], [1.0] * 3)
    assert (alike.tau_low, alike.tau_high) == (0.0, 0.0)


@pytest.mark.parametrize("values", [[0.5, 1.1, 1.6], [0.9, 1.0, 1.1]])
def test_the_error_is_that_of_the_weights(values: list[float]) -> None:
    errors = [0.4, 0.3, 0.5]
    found = pool(values, errors)
    weights = [1 / (found.tau**2 + error**2) for error in errors]
    assert found.se == pytest.approx(1 / math.sqrt(sum(weights)), rel=1e-5)


def test_a_small_effect_everywhere_is_equal() -> None:
    found = pool([0.1, -0.1, 0.0, 0.05], [0.1] * 4)
    assert str(found.verdict()) == "equal within 0.5"


def test_precise_estimates_move_least() -> None:
    found = pool([0.0, 1.0, 2.0], [0.1, 0.4, 1.0])
    moved = [abs(one.mean - raw) for one, raw in zip(found.shrunk, [0.0, 1.0, 2.0], strict=True)]
    assert moved[0] < moved[2]


@pytest.mark.parametrize(("values", "errors"), [([1.0], [0.1]), ([1.0, 2.0], [0.1, 0.0])])
def test_what_cannot_be_pooled(values: list[float], errors: list[float]) -> None:
    with pytest.raises(ValueError, match="two estimates"):
        pool(values, errors)


def test_the_interval_covers_the_mean() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(600):
        errors = rng.uniform(0.15, 0.4, size=4)
        true = 0.7 + 0.5 * rng.standard_normal(4)
        found = pool(list(true + errors * rng.standard_normal(4)), list(errors)).found
        covered += found.low < 0.7 < found.high
    assert 0.92 < covered / 600 < 0.985
