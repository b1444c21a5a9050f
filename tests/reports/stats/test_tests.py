"""F1, the bootstrap over seeds and sentences, and Holm's correction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.stats.tests import bootstrap_interval, f1, holm, resampled_f1

P_VALUES = st.lists(st.floats(0, 1), max_size=8)


def test_f1_by_hand() -> None:
    counts = np.array([[1, 2, 2], [0, 0, 0], [0, 3, 0], [2, 2, 2]])
    assert f1(counts).tolist() == pytest.approx([50, 0, 0, 100])
    assert float(f1(counts.sum(axis=0))) == pytest.approx(200 * 3 / (7 + 4))


def sentences(correct: list[int]) -> np.ndarray:
    """Two predicted and two gold triples in each sentence."""
    return np.array([[c, 2, 2] for c in correct])


def interval(ours: list[np.ndarray], reference: list[np.ndarray]) -> tuple[float, float]:
    scores = resampled_f1([*ours, *reference])
    return bootstrap_interval(scores[: len(ours)], scores[len(ours) :])


def test_sentences_are_resampled() -> None:
    ours, reference = sentences([2, 2, 1, 1] * 30), sentences([1, 2, 1, 0] * 30)
    low, high = interval([ours] * 2, [reference] * 2)
    # 6 against 4 right of 8. A sentence's difference is 50 or 0, half each: 25 / √120 = 2.28.
    assert low == pytest.approx(25 - 1.96 * 2.28, abs=0.7)
    assert high == pytest.approx(25 + 1.96 * 2.28, abs=0.7)


def test_seeds_are_resampled_with_the_variance_of_a_mean_of_new_ones() -> None:
    # Every sentence is alike, so only the choice of runs matters.
    runs = np.random.default_rng(0).normal(80, 1, size=40)
    ours, reference = ([np.full(2000, run) for run in own] for own in (runs[:20], runs[20:]))
    low, high = bootstrap_interval(ours, reference)
    se = math.sqrt((runs[:20].var(ddof=1) + runs[20:].var(ddof=1)) / 20)
    assert (high - low) / 2 == pytest.approx(1.96 * se, rel=0.1)


def test_equal_arms_are_rejected_as_often_as_promised() -> None:
    generator, outside = np.random.default_rng(0), 0
    for _ in range(200):
        level = generator.normal(0.6, 0.05, size=(2, 5, 1)).clip(0, 1)
        right = generator.binomial(1, level, size=(2, 5, 200))
        ours, theirs = ([np.stack([r, r * 0 + 1, r * 0 + 1], 1) for r in arm] for arm in right)
        low, high = interval(ours, theirs)
        outside += not low <= 0 <= high
    # With the seeds held fixed, it would be over 0.3. Percentiles of five runs are a bit narrow.
    assert outside / 200 < 0.12


def test_the_bootstrap_is_fixed() -> None:
    generator = np.random.default_rng(3)
    runs = [sentences(generator.integers(0, 3, 60).tolist()) for _ in range(4)]
    assert interval(runs[:2], runs[2:]) == interval(runs[:2], runs[2:])


def test_one_run_cannot_be_resampled() -> None:
    one = [sentences([1, 2])]
    assert all(map(math.isnan, interval(one, one)))
    assert resampled_f1([]) == []


def test_holm_by_hand() -> None:
    # sorted 0.01, 0.03, 0.04: times 3, 2, 1; the last may not fall below the second's 0.06.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    one, none, two = holm([0.02, math.nan, 0.04])
    assert (one, two) == pytest.approx((0.04, 0.04))
    assert math.isnan(none)


@given(P_VALUES)
def test_holm_keeps_order_and_lies_between_none_and_bonferroni(p_values: list[float]) -> None:
    corrected = holm(p_values)
    for p, q in zip(p_values, corrected, strict=True):
        assert p <= q <= 1
        assert q <= max(p, min(1, len(p_values) * p)) + 1e-12
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [corrected[k] for k in order] == sorted(corrected)
