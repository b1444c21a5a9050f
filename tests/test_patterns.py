"""Crossing triples: worked by hand, against what a factored score can give, on real corpora."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rin_core.config import Config
from rin_core.data.loading import load_dataset
from rin_core.model.heads import FactoredScores
from tests.patterns import crossing_share, crossing_triples

Rows = list[tuple[int, int, int, int]]


def marked(rows: Rows, *, self_pairs: bool = True) -> list[bool]:
    return [bool(one) for one in crossing_triples(table(rows), self_pairs=self_pairs)]


def table(rows: Rows) -> np.ndarray:
    return np.array(rows, np.int64).reshape(-1, 4).T


class TestByHand:
    def test_two_pairs_of_four_words(self) -> None:
        assert marked([(0, 1, 7, 2), (0, 3, 7, 4)]) == [True, True]

    @pytest.mark.parametrize("corner", [(0, 1, 7, 4), (0, 3, 7, 2)])
    def test_either_corner_uncrosses_them(self, corner: tuple[int, int, int, int]) -> None:
        assert marked([(0, 1, 7, 2), (0, 3, 7, 4), corner]) == [False] * 3

    def test_only_within_a_sentence_and_a_relation(self) -> None:
        assert marked([(0, 1, 7, 2), (0, 3, 8, 4), (1, 3, 7, 4)]) == [False] * 3

    def test_a_word_in_common_uncrosses(self) -> None:
        assert marked([(0, 1, 7, 2), (0, 1, 7, 4)]) == [False, False]
        assert marked([(0, 1, 7, 2), (0, 3, 7, 2)]) == [False, False]

    def test_only_what_crosses_is_marked(self) -> None:
        rows = [(5, 1, 0, 2), (5, 3, 0, 4), (5, 1, 1, 2), (6, 1, 0, 2)]
        assert marked(rows) == [True, True, False, False]
        assert marked(rows[::-1]) == [False, False, True, True]
        assert crossing_share(table(rows)) == 0.5

    def test_a_chain_and_its_reverse_need_a_word_with_itself(self) -> None:
        chain, mirror = [(0, 1, 7, 2), (0, 2, 7, 3)], [(0, 1, 7, 2), (0, 2, 7, 1)]
        for rows in (chain, mirror):
            assert marked(rows) == [True, True]
            assert marked(rows, self_pairs=False) == [False, False]
        assert marked([*mirror, (0, 1, 7, 1)]) == [False] * 3
        assert crossing_share(table(chain), self_pairs=False) == 0

    def test_of_nothing_nothing(self) -> None:
        assert marked([]) == []
        assert crossing_share(table([])) == 0


@given(
    st.integers(0, 2**31),
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.integers(1, 3),
)
@settings(max_examples=80)
def test_what_factors_never_crosses(seed: int, lengths: list[int], R: int) -> None:
    generator, L = torch.Generator().manual_seed(seed), max(lengths)
    shares = [torch.randn(R, len(lengths), L, generator=generator) for _ in range(2)]
    lengths_B = torch.tensor(lengths)
    padding_BL = torch.arange(L) >= lengths_B[:, None]
    triples = FactoredScores(shares[0], shares[1], lengths_B, padding_BL).triples()
    assert crossing_share(triples.numpy()) == 0


@given(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=10))
@settings(max_examples=80)
def test_what_does_not_cross_factors(pairs: set[tuple[int, int]]) -> None:
    """A subject scores by how many objects it has; an object asks for its least such subject."""
    assume(crossing_share(table([(0, i, 0, j) for i, j in pairs])) == 0)
    degree = [sum(i == word for i, _ in pairs) for word in range(4)]
    least = [min((degree[i] for i, j in pairs if j == word), default=5) for word in range(4)]
    subject, object_ = torch.tensor([[degree]]).float(), -torch.tensor([[least]]).float()
    triples = FactoredScores(subject, object_, torch.tensor([4]), None).triples()
    assert {(i, j) for _, i, _, j in triples.T.tolist()} == pairs


@pytest.mark.corpus
@pytest.mark.skipif(not os.environ.get("RIN_DATA_ROOT"), reason="RIN_DATA_ROOT is not set")
@pytest.mark.parametrize(
    ("corpus", "split", "percent", "without_self_pairs"),
    [
        ("webnlg_star", "train", 0.96, 0.34),
        ("webnlg_star", "test", 0.89, 0.76),
        ("nyt5k_star", "test", 3.93, 2.91),  # NYT's own test split
    ],
)
def test_the_price_of_separability(
    corpus: str, split: str, percent: float, without_self_pairs: float
) -> None:
    gold = getattr(load_dataset(corpus, Config()), split).gold_4M
    assert round(100 * crossing_share(gold), 2) == percent
    assert round(100 * crossing_share(gold, self_pairs=False), 2) == without_self_pairs
