"""The simulated sign-flip test, against p values that were counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.sign_flip import EXACT, all_signs, needed, sign_flip_p, signs_of


def test_p_by_hand() -> None:
    differences = np.array([[1.0, 2.0, 3.0], [1.0, -1.0, 0.0], [3.0, -1.0, 1.0]])
    # Of 8 signs: those whose sum is at least 6; all; those whose sum is at least 3.
    assert sign_flip_p(differences, all_signs(3)) == pytest.approx([2 / 8, 1.0, 6 / 8])


def test_random_signs_begin_with_those_of_the_data() -> None:
    assert signs_of(EXACT).shape == (2**EXACT, EXACT)
    assert (signs_of(EXACT + 1)[0] == 1).all()


def test_a_large_effect_needs_as_few_seeds_as_have_a_small_p() -> None:
    assert [needed(50, 50.0, tests) for tests in (1, 2, 5)] == [6, 7, 8]
    few, many = (needed(50, effect, 1) for effect in (1.0, 0.7))
    assert few is not None
    assert many is not None
    assert few < many


def test_no_number_of_seeds_finds_nothing() -> None:
    assert needed(20, 0.0, 1) is None
