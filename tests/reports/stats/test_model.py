"""The model of the scores against statsmodels and SciPy, and its values by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reports.stats.model import (
    NO_DIFFERENCE,
    Difference,
    against,
    contrast,
    permutation_p,
    residual,
)

DRAWN: list[float] = np.random.default_rng(1).normal(86, 0.65, size=20).tolist()
SCORES = {"a": DRAWN[:5], "b": DRAWN[5:9], "c": DRAWN[9:15], "d": DRAWN[15:]}
WEIGHTS = {"a": 0.5, "b": 0.5, "c": -1.0}


def test_a_contrast_is_that_of_a_linear_model_with_one_variance() -> None:
    arms = list(SCORES)
    design = np.concatenate(
        [np.tile(np.eye(4)[k], (len(SCORES[a]), 1)) for k, a in enumerate(arms)]
    )
    fit = sm.OLS(np.concatenate(list(SCORES.values())), design).fit()
    theirs = fit.t_test([WEIGHTS.get(arm, 0.0) for arm in arms])
    pooled = residual(SCORES.values())
    ours = contrast(SCORES, WEIGHTS, pooled)
    assert pooled.sd == pytest.approx(math.sqrt(fit.scale))
    assert (ours.value, ours.se) == pytest.approx((theirs.effect[0], theirs.sd[0, 0]))
    assert (ours.p, ours.df) == pytest.approx((float(theirs.pvalue), fit.df_resid))
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.conf_int()[0]))


def test_unequal_variances_are_not_pooled() -> None:
    generator = np.random.default_rng(0)
    scores = {
        arm: generator.normal(0, sd, size=12).tolist() for arm, sd in {"a": 0.2, "b": 3.0}.items()
    }
    pooled = residual(scores.values())
    assert pooled.p_equal_variances == pytest.approx(
        stats.levene(*scores.values(), center="median").pvalue
    )
    assert not pooled.is_pooled
    ours = contrast(scores, {"a": 1.0, "b": -1.0}, pooled)
    welch = stats.ttest_ind(scores["a"], scores["b"], equal_var=False)
    assert (ours.p, ours.df) == pytest.approx((welch.pvalue, welch.df))
    assert ours.low == pytest.approx(welch.confidence_interval().low)


def test_two_one_sided_tests_by_hand() -> None:
    found = contrast(SCORES, WEIGHTS, residual(SCORES.values()))
    upper = stats.t.cdf((found.value - 0.5) / found.se, found.df)
    lower = stats.t.sf((found.value + 0.5) / found.se, found.df)
    assert found.p_equal(0.5) == pytest.approx(max(upper, lower))
    # The usual reading: TOST at 5 % rejects if the 90 % interval lies within the margin.
    half = stats.t.ppf(0.95, found.df) * found.se
    inside = abs(found.value) + half
    assert found.p_equal(inside * 1.001) < 0.05 < found.p_equal(inside * 0.999)


@pytest.mark.parametrize("arms", [[], [[86.0]], [[86.0], [87.0]]])
def test_single_runs_have_no_variance(arms: list[list[float]]) -> None:
    found = residual(arms)
    assert (found.df, found.arms, found.is_pooled) == (0, 0, True)
    assert math.isnan(found.sd)
    scores = dict(enumerate(arms)) | {"b": [80.0]}
    named = {str(arm): values for arm, values in scores.items()}
    one = contrast(named, dict.fromkeys(named, 1.0), found)
    assert all(map(math.isnan, (one.p, one.p_equal(0.5), one.low, one.high)))


def test_an_arm_without_runs_has_no_difference() -> None:
    assert contrast(SCORES, {"a": 1, "x": -1}, residual(SCORES.values())) is NO_DIFFERENCE
    assert contrast(SCORES, {}, residual(SCORES.values())) is NO_DIFFERENCE
    assert NO_DIFFERENCE.n == 0


def test_equal_scores_leave_no_doubt() -> None:
    scores = {"a": [86.0, 86.0], "b": [85.0, 85.0], "c": [85.0, 85.0]}
    pooled = residual(scores.values())
    differs, same = (contrast(scores, {x: 1, "b": -1}, pooled) for x in "ac")
    assert (differs.p, differs.p_equal(0.5), differs.low) == (0, 1, 1)
    assert (same.p, same.p_equal(0.5)) == (1, 0)


def test_constant_scores_leave_no_doubt_beside_arms_that_vary() -> None:
    varied = {"c": [80.1, 81.9, 80.4, 79.2, 80.8], "d": [79.0, 80.9, 80.2, 79.5, 81.3]}
    for value, p, p_equal in ((100.0, 1.0, 0.0), (99.0, 0.0, 1.0)):
        scores = {"a": [100.0] * 5, "b": [value] * 5, **varied}
        pooled = residual(scores.values())
        assert not pooled.is_pooled
        found = contrast(scores, {"a": 1, "b": -1}, pooled)
        assert (found.p, found.p_equal(0.5), found.df) == (p, p_equal, 8)


def test_the_largest_variance_is_that_of_an_f_test() -> None:
    arms = [SCORES["a"], SCORES["b"], [86.0, 89.0, 83.0, 87.0]]
    rest = np.concatenate([np.subtract(own, np.mean(own)) for own in arms[:2]])
    ratio = np.var(arms[2], ddof=1) / ((rest**2).sum() / (len(rest) - 2))
    assert residual(arms).p_largest == pytest.approx(3 * stats.f.sf(ratio, 3, len(rest) - 2))


def test_one_run_that_learned_nothing_does_not_hide_what_the_others_show() -> None:
    scores = {arm: [86 + 0.4 * k for k in range(5)] for arm in "abcdef"}
    scores |= {"b": [83 + 0.4 * k for k in range(5)], "c": [86.0, 86.4, 0.0, 87.2, 87.6]}
    pooled = residual(scores.values())
    assert pooled.p_equal_variances > 0.05, "Brown and Forsythe do not see it"
    assert not pooled.is_pooled
    assert contrast(scores, {"a": 1, "b": -1}, pooled).p < 0.001
    assert contrast(scores, {"a": 1, "c": -1}, pooled).p > 0.3


def test_arms_that_learned_nothing_say_nothing_about_the_variance_of_others() -> None:
    nothing = [[0.0] * 5] * 3
    assert residual([*SCORES.values(), *nothing]) == residual(SCORES.values())
    assert residual(nothing).df == 0


def test_published_numbers_add_their_own_variance() -> None:
    ours = contrast(SCORES, {"a": 1.0}, residual(SCORES.values()))
    exact = against(ours, 86.0)
    assert exact.value == pytest.approx(ours.value - 86)
    assert exact.se == pytest.approx(math.sqrt(ours.se**2 + 0.1**2 / 12))
    noisy = against(ours, 86.0, [ours.se**2])
    assert noisy.se == pytest.approx(math.sqrt(2 * ours.se**2 + 0.1**2 / 12))


def test_the_permutation_test_of_two_arms_is_exact() -> None:
    low, high = [1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]
    # Of the 252 splits, only the observed one and its mirror image are as extreme.
    assert permutation_p({"a": low, "b": high}, {"a": 1, "b": -1}) == pytest.approx(2 / 252)
    assert permutation_p({"a": low, "b": low}, {"a": 1, "b": -1}) == pytest.approx(1)
    assert math.isnan(permutation_p({"a": low, "b": [1.0]}, {"a": 1, "b": -1}))
    assert math.isnan(permutation_p({"a": low}, {"a": 1, "x": -1}))


def test_a_permutation_test_of_several_arms_is_near_the_t_test() -> None:
    t_test = contrast(SCORES, WEIGHTS, residual(SCORES.values()))
    assert permutation_p(SCORES, WEIGHTS) == pytest.approx(t_test.p, abs=0.05)
    assert permutation_p(SCORES, WEIGHTS) == permutation_p(SCORES, WEIGHTS)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6), st.floats(-3, 3))
def test_a_shift_of_an_arm_shifts_the_estimate_alone(values: list[float], shift: float) -> None:
    def difference(change: float) -> Difference:
        scores = {"a": [v + change for v in values], "b": [1.0, 2.0, 4.0]}
        return contrast(scores, {"a": 1, "b": -1}, residual([[1.0, 2.0, 4.0]]))

    before, after = difference(0.0), difference(shift)
    assert after.value - before.value == pytest.approx(shift, abs=1e-9)
    assert after.se == pytest.approx(before.se)
