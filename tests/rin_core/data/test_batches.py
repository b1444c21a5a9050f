"""Sentences cut into batches, batches as tensors, and words dropped from a batch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rin_core.data.batches import drop_words, make_batch, scoring_batches, training_batches
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import IGNORED, EncodedSplit, encode_split
from rin_core.data.vocabulary import PAD, UNKNOWN, build_vocabulary
from tests.rin_core.data.test_encoding import CPU, encode, sentence


def of_lengths(*lengths: int) -> EncodedSplit:
    """Encode sentences of given lengths, each with as many triples as its number."""
    pairs = [(i, j) for i in range(30) for j in range(30)]
    return encode(
        *(
            sentence(
                "a " * n,
                [((i, i + 1), "r", (j, j + 1)) for i, j in pairs if i < n and j < n][: k % 4],
            )
            for k, n in enumerate(lengths)
        )
    )


lengths_strategy = st.lists(st.integers(1, 12), min_size=1, max_size=40)


class TestTrainingBatches:
    @given(lengths_strategy, st.integers(1, 45), st.integers(0, 99))
    @settings(max_examples=60)
    def test_each_sentence_once_in_batches_of_like_length(
        self, lengths: list[int], size: int, seed: int
    ) -> None:
        split = of_lengths(*lengths)
        batches = training_batches(split, size, np.random.default_rng(seed))
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
        assert len(batches) == -(-len(lengths) // size)
        assert all(len(b) == size for b in sorted(batches, key=len)[1:])
        by_length = sorted((split.lengths_N[b].min(), split.lengths_N[b].max()) for b in batches)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(by_length))

    def test_a_function_of_the_generator(self) -> None:
        split = of_lengths(*[3, 4] * 20)

        def order(seed: int) -> list[list[int]]:
            return [b.tolist() for b in training_batches(split, 7, np.random.default_rng(seed))]

        assert order(1) == order(1)
        assert order(1) != order(2)

    @pytest.mark.parametrize("order", ["random", "file"])
    def test_other_orders_have_each_sentence_once(self, order: str) -> None:
        split = of_lengths(*[9, 3] * 10)

        def cut(seed: int) -> list[list[int]]:
            generator = np.random.default_rng(seed)
            return [b.tolist() for b in training_batches(split, 8, generator, order)]

        assert [len(batch) for batch in cut(0)] == [8, 8, 4]
        rows = [row for batch in cut(0) for row in batch]
        if order == "file":
            assert rows == list(range(20))
            assert cut(0) == cut(1)
        else:
            assert sorted(rows) == list(range(20))
            assert cut(0) == cut(0) != cut(1)
            assert any(len(set(split.lengths_N[batch].tolist())) > 1 for batch in cut(0))

    @pytest.mark.parametrize("order", ["length", "random", "file"])
    def test_a_longer_epoch_repeats_the_sentences_in_several_passes(self, order: str) -> None:
        split = of_lengths(*[2, 4, 6, 8] * 5)
        batches = training_batches(split, 10, np.random.default_rng(0), order, 70)
        assert [len(batch) for batch in batches] == [10] * 7
        assert all(len(set(batch.tolist())) == 10 for batch in batches), "no copies in a batch"
        times = np.bincount(np.concatenate(batches), minlength=20)
        assert set(times.tolist()) == {3, 4}

    def test_other_sentences_are_repeated_once_more_in_another_epoch(self) -> None:
        split, seen = of_lengths(*[3, 4] * 10), set[tuple[int, ...]]()
        for seed in range(3):
            batches = training_batches(split, 10, np.random.default_rng(seed), epoch_size=30)
            times = np.bincount(np.concatenate(batches), minlength=20)
            seen.add(tuple(np.flatnonzero(times == 2).tolist()))
        assert len(seen) == 3

    def test_batches_come_in_random_order_of_length(self) -> None:
        split = of_lengths(*range(1, 13))
        orders = {
            tuple(split.lengths_N[b[0]] for b in training_batches(split, 1, rng))
            for rng in map(np.random.default_rng, range(5))
        }
        assert len(orders) == 5


class TestScoringBatches:
    @given(lengths_strategy, st.integers(1, 60))
    @settings(max_examples=60)
    def test_each_sentence_once_within_the_bound(self, lengths: list[int], tokens: int) -> None:
        split = of_lengths(*lengths)
        batches = list(scoring_batches(split, tokens))
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
        for rows in batches:
            assert len(rows) == 1 or len(rows) * split.lengths_N[rows].max() <= tokens

    def test_batches_are_as_large_as_the_bound_allows(self) -> None:
        split = of_lengths(2, 3, 2, 3, 3, 9, 2)
        assert [rows.tolist() for rows in scoring_batches(split, 6)] == [
            [0, 2, 6],
            [1, 3],
            [4],
            [5],
        ]


class TestMakeBatch:
    SPLIT = of_lengths(3, 2, 4, 3, 2)

    def test_gold_is_renumbered_by_place_in_the_batch(self) -> None:
        rows = np.array([3, 0, 2])
        batch = make_batch(self.SPLIT, rows, CPU)
        wanted = [
            (place, *triple[1:])
            for place, row in enumerate(rows)
            for triple in self.SPLIT.gold_4M.T.tolist()
            if triple[0] == row
        ]
        assert [b for b, *_ in wanted] == [0, 0, 0, 2, 2]
        assert list(map(tuple, batch.gold_4N.T.tolist())) == wanted

    def test_the_split_is_left_alone(self) -> None:
        before = self.SPLIT.gold_4M.copy()
        for rows in ([2], [4, 2], [3, 2, 1]):
            make_batch(self.SPLIT, np.array(rows), CPU).gold_4N.fill_(9)
        assert (before == self.SPLIT.gold_4M).all()

    def test_width_is_that_of_the_longest_sentence(self) -> None:
        batch = make_batch(self.SPLIT, np.array([1, 0]), CPU)
        assert batch.words_BL.tolist() == [[2, 2, PAD], [2, 2, 2]]
        assert batch.tags_BL[0, 2] == IGNORED
        assert batch.lengths_B.tolist() == [2, 3]
        assert batch.padding_BL is not None
        assert batch.padding_BL.tolist() == [[False, False, True], [False, False, False]]

    def test_no_mask_without_padding(self) -> None:
        batch = make_batch(self.SPLIT, np.array([0, 3]), CPU)
        assert batch.padding_BL is None
        assert batch.words_BL.shape == (2, 3)
        assert batch.words_BL.dtype == batch.gold_4N.dtype == torch.int64

    def test_read_only_arrays_will_do(self) -> None:
        """An object store hands out arrays that cannot be written."""
        split = of_lengths(3, 2)
        for array in (split.words_S, split.tags_S, split.word_starts, split.gold_4M):
            array.setflags(write=False)
        batch = make_batch(split, np.array([1, 0]), CPU)
        assert batch.gold_4N[0].tolist() == [0]


def test_a_share_of_the_words_becomes_unknown_and_no_padding() -> None:
    train = demo_corpus(sentences=100).train
    vocabulary = build_vocabulary(train, lowercase=True, use_pos=False)
    split = encode_split(train, vocabulary, "first")
    batch = make_batch(split, np.arange(len(train)), torch.device("cpu"))
    torch.manual_seed(0)
    dropped = drop_words(batch, 0.2)
    changed = dropped.words_BL != batch.words_BL
    assert (dropped.words_BL[changed] == UNKNOWN).all()
    assert not changed[batch.words_BL == PAD].any()
    share = changed.sum() / (batch.words_BL != PAD).sum()
    assert 0.15 < share < 0.25
    assert dropped.tags_BL is batch.tags_BL
