"""Tests over seeds and over sentences, and Holm's correction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.stats.intervals import NOTHING
from reports.stats.tests import f1, holm, paired_difference, sentence_difference

P_VALUES = st.lists(st.floats(0, 1), max_size=8)


def test_paired_difference_by_hand() -> None:
    found = paired_difference({0: 82.0, 1: 84.0, 2: 90.0}, {2: 86.0, 0: 81.0, 1: 82.0, 7: 10.0})
    assert (found.estimate.n, found.estimate.mean) == pytest.approx((3, 7 / 3))
    # 1, 2, 4 all have one sign: of the 8 sign patterns only + + + and − − − are as extreme.
    assert found.p == pytest.approx(2 / 8)
    # |±1 ± 2 ± 4| is 1, 3, 5 or 7, and 1 + 2 − 4 is the least extreme of them.
    mixed = paired_difference({0: 1.0, 1: 2.0, 2: 0.0}, {0: 0.0, 1: 0.0, 2: 4.0})
    assert mixed.p == pytest.approx(1.0)


@pytest.mark.parametrize(("n", "smallest"), [(2, 0.5), (3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_the_smallest_possible_p(n: int, smallest: float) -> None:
    found = paired_difference({s: 80.0 + s for s in range(n)}, dict.fromkeys(range(n), 10.0))
    assert found.p == pytest.approx(smallest)


def test_arms_without_a_common_seed_are_not_compared() -> None:
    found = paired_difference({0: 80.0}, {1: 80.0})
    assert found.estimate == NOTHING
    assert math.isnan(found.p)
    assert math.isnan(paired_difference({0: 80.0}, {0: 79.0}).p)


def test_f1_by_hand() -> None:
    counts = np.array([[1, 2, 2], [0, 0, 0], [0, 3, 0], [2, 2, 2]])
    assert f1(counts).tolist() == pytest.approx([50, 0, 0, 100])
    assert float(f1(counts.sum(axis=0))) == pytest.approx(200 * 3 / (7 + 4))


def sentences(correct: list[int]) -> np.ndarray:
    """Two predicted and two gold triples in each sentence."""
    return np.array([[c, 2, 2] for c in correct])


def test_sentence_difference_by_hand() -> None:
    ours, reference = sentences([2, 2, 1, 1] * 30), sentences([1, 2, 1, 0] * 30)
    found = sentence_difference([ours], [reference])
    # 6 against 4 right of 8
    assert (found.estimate.n, found.estimate.mean) == pytest.approx((120, 25))
    # A sentence's difference is 50 or 0, half each: sd 25, and 25 / √120 = 2.28.
    assert found.estimate.sd == pytest.approx(2.28, abs=0.15)
    assert found.estimate.low == pytest.approx(25 - 1.96 * 2.28, abs=0.7)
    assert found.estimate.high == pytest.approx(25 + 1.96 * 2.28, abs=0.7)
    assert found.p == pytest.approx(2 / 2001)


def test_several_seeds_are_averaged_on_the_same_sentences() -> None:
    first, second = sentences([2, 2, 2, 2] * 20), sentences([1, 1, 1, 1] * 20)
    found = sentence_difference([first, second], [second, second])
    assert found.estimate.mean == pytest.approx(25)
    # Every sentence has the same difference, so redrawing changes nothing.
    assert (found.estimate.low, found.estimate.high) == pytest.approx((25, 25))


def test_the_same_predictions_do_not_differ() -> None:
    counts = sentences([0, 1, 2] * 10)
    found = sentence_difference([counts], [counts])
    assert (found.estimate.mean, found.estimate.low, found.estimate.high, found.p) == (0, 0, 0, 1)


def test_sentence_difference_is_fixed_and_antisymmetric() -> None:
    generator = np.random.default_rng(3)
    ours, reference = (sentences(generator.integers(0, 3, 60).tolist()) for _ in range(2))
    there, back = sentence_difference([ours], [reference]), sentence_difference([reference], [ours])
    assert there == sentence_difference([ours], [reference])
    assert there.estimate.mean == pytest.approx(-back.estimate.mean)
    assert there.estimate.low == pytest.approx(-back.estimate.high)
    assert there.p == pytest.approx(back.p)


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


def test_one_sentence_cannot_be_resampled() -> None:
    one = np.array([[1, 2, 3]])
    found = sentence_difference([one], [one])
    assert found.estimate.n == 0
    assert math.isnan(found.p)
