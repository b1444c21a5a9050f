"""The most probable letters that spell whole spans."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rin_core.data.tags import O_TAG, TAGS, best_letters


def spells_spans(letters: tuple[int, ...]) -> bool:
    open_span = False
    for letter in letters:
        name = TAGS[letter]
        if open_span != (name in "IE"):
            return False
        open_span = name in "BI"
    return not open_span


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_are_the_best_of_all_that_spell_spans(length: int) -> None:
    shares_NLT = np.random.default_rng(length).random((20, length, len(TAGS)))
    every = [k for k in itertools.product(range(len(TAGS)), repeat=length) if spells_spans(k)]
    products = np.stack([shares_NLT[:, np.arange(length), k].prod(-1) for k in every])
    wanted = [every[k] for k in products.argmax(0)]
    assert list(map(tuple, best_letters(shares_NLT).tolist())) == wanted


def test_no_span_goes_beyond_the_sentence() -> None:
    shares_NLT = np.random.default_rng(0).random((1, 6, len(TAGS)))
    padded = shares_NLT.copy()
    padded[:, 4:] = np.arange(len(TAGS)) == O_TAG
    alone = best_letters(shares_NLT[:, :4])
    assert best_letters(padded)[0].tolist() == [*alone[0].tolist(), O_TAG, O_TAG]
