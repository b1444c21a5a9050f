"""Sentences to arrays, and arrays to batches."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rin_core.config import DataConfig
from rin_core.data.batches import make_batch, scoring_batches, training_batches
from rin_core.data.corpus import Corpus, Sentence, Span, Triple, entity_place
from rin_core.data.encoding import (
    IGNORED,
    EncodedCorpus,
    EncodedSplit,
    corpus_vocabulary,
    encode_corpus,
    encode_split,
)
from rin_core.data.tags import TAGS, decode_spans, span_tags
from rin_core.data.vectors import WordVectors
from rin_core.data.vocabulary import PAD, UNKNOWN, Vocabulary

CPU = torch.device("cpu")


def sentence(
    words: str,
    triples: Sequence[tuple[tuple[int, int], str, tuple[int, int]]] = (),
    *,
    pos: str | None = None,
    missing: Sequence[tuple[str, str, str]] = (),
) -> Sentence:
    """Write a sentence whose entities are the arguments of its triples."""
    found = tuple(Triple(Span(*s), r, Span(*o)) for s, r, o in triples)
    return Sentence(
        words=tuple(words.split()),
        pos=tuple(pos.split()) if pos else None,
        entities=tuple(sorted({span for t in found for span in (t.subject, t.object)})),
        triples=found,
        missing=tuple(missing),
    )


VOCABULARY = Vocabulary(
    words=("<pad>", "<unk>", "a", "b", "c"), pos=(), relations=("r", "s"), lowercase=True
)


def encode(*sentences: Sentence, entity_word: str = "first") -> EncodedSplit:
    return encode_split(sentences, VOCABULARY, entity_word)


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


@st.composite
def spans_apart(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Draw spans that do not overlap, and the length of their sentence."""
    gaps = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=6))
    place, spans = 0, []
    for gap, length in gaps:
        spans.append(Span(place + gap, place + gap + length))
        place += gap + length
    return spans, max(1, place + draw(st.integers(0, 3)))


def letters(tags: Sequence[int]) -> str:
    return "".join(TAGS[tag] for tag in tags)


class TestSpanTags:
    @given(spans_apart(), st.randoms(use_true_random=False), st.integers(0, 3))
    def test_round_trip(self, drawn: tuple[list[Span], int], random: object, pad: int) -> None:
        spans, length = drawn
        shuffled = sorted(spans, key=lambda _: random.random())  # type: ignore[attr-defined]
        tags = np.array([span_tags(shuffled, length) + [IGNORED] * pad])
        assert sorted(decode_spans(tags).T.tolist()) == [[0, *span, 0] for span in spans]

    @pytest.mark.parametrize(
        ("spans", "tags"),
        [
            ([], "OOOOO"),
            ([(0, 5)], "BIIIE"),
            ([(0, 1), (1, 3), (4, 5)], "SBEOS"),
            ([(0, 2), (1, 4)], "OBIEO"),
            ([(1, 4), (0, 2)], "OBIEO"),
            ([(0, 2), (1, 3)], "BEOOO"),
            ([(0, 1), (0, 4), (2, 3)], "BIIEO"),
            ([(0, 4), (3, 5), (4, 5)], "BIIES"),
        ],
    )
    def test_the_longest_is_kept_and_of_equals_the_first(
        self, spans: list[tuple[int, int]], tags: str
    ) -> None:
        assert letters(span_tags([Span(*span) for span in spans], 5)) == tags


class TestEncodeSplit:
    def test_words_and_padding(self) -> None:
        split = encode(sentence("a B zzz"), sentence("c"))
        assert split.words_S.tolist() == [2, 3, UNKNOWN, 4]
        assert split.tags_S.tolist() == [4, 4, 4, 4]
        assert split.lengths_N.tolist() == [3, 1]
        assert split.word_starts.tolist() == [0, 3, 4]
        assert split.pos_S is None
        assert (len(split), split.tokens) == (2, 4)
        batch = make_batch(split, np.array([1, 0]), CPU)
        assert batch.words_BL.tolist() == [[4, PAD, PAD], [2, 3, UNKNOWN]]
        assert batch.tags_BL.tolist() == [[4, IGNORED, IGNORED], [4, 4, 4]]

    def test_a_long_sentence_does_not_widen_the_others(self) -> None:
        split = encode(*[sentence("a")] * 1000, sentence("a " * 1000))
        assert split.words_S.nbytes == split.tags_S.nbytes == 4 * 2000

    def test_part_of_speech(self) -> None:
        vocabulary = Vocabulary(
            words=VOCABULARY.words, pos=("<pad>", "<unk>", "N"), relations=("r",), lowercase=True
        )
        sentences = [sentence("a b", pos="N V"), sentence("a")]
        split = encode_split(sentences, vocabulary, "first")
        assert split.pos_S is not None
        assert split.pos_S.tolist() == [2, UNKNOWN, PAD]

    def test_the_word_that_stands_for_an_entity(self) -> None:
        given_sentence = sentence("a b c a b", [((0, 3), "r", (3, 5)), ((4, 5), "s", (0, 3))])
        first, last = (encode(given_sentence, entity_word=word) for word in ("first", "last"))
        assert first.gold_4M.T.tolist() == [[0, 0, 0, 3], [0, 4, 1, 0]]
        assert last.gold_4M.T.tolist() == [[0, 2, 0, 4], [0, 4, 1, 2]]
        assert first.exact_8X.T.tolist() == [[0, 0, 2, 0, 0, 3, 4, 0], [0, 4, 4, 0, 1, 0, 2, 0]]
        assert last.exact_8X.T.tolist() == [[0, 2, 0, 0, 0, 4, 3, 0], [0, 4, 4, 0, 1, 2, 0, 0]]
        assert entity_place(Span(2, 5), "first") == (2, 4)
        assert entity_place(Span(2, 5), "last") == (4, 2)

    def test_gold_is_a_set(self) -> None:
        """Two spans with the same first word are one triple of words, and two of spans."""
        split = encode(sentence("a b c", [((0, 1), "r", (2, 3)), ((0, 2), "r", (2, 3))]))
        assert split.gold_4M.T.tolist() == [[0, 0, 0, 2]]
        assert split.exact_8X.T.tolist() == [[0, 0, 0, 0, 0, 2, 2, 0], [0, 0, 1, 0, 0, 2, 2, 0]]
        assert split.relations_2P.T.tolist() == [[0, 0]]
        assert split.entities_4E.T.tolist() == [[0, 0, 1, 0], [0, 0, 2, 0], [0, 2, 3, 0]]
        assert split.missed_triples == 0

    def test_types(self) -> None:
        """The last type is not in train: no tag, and no number that a model predicts."""
        vocabulary = replace(VOCABULARY, entity_types=("X", "Y"))
        triples = [((0, 2), "r", (3, 4)), ((3, 4), "s", (4, 5))]
        given_sentence = replace(sentence("a b c a b", triples), types=("Y", "X", "new"))
        split = encode_split([given_sentence], vocabulary, "last")
        tags = [vocabulary.entity_tags[tag] for tag in split.tags_S]
        assert tags == ["B-Y", "E-Y", "O", "S-X", "O"]
        assert split.entities_4E.T.tolist() == [[0, 0, 2, 1], [0, 3, 4, 0], [0, 4, 5, -1]]
        assert split.exact_8X.T.tolist() == [[0, 1, 0, 1, 0, 3, 3, 0], [0, 3, 3, 0, 1, 4, 4, -1]]

    def test_what_cannot_be_found_is_missed(self) -> None:
        split = encode(
            sentence("a b", [((0, 1), "r", (1, 2)), ((0, 1), "new", (1, 2))]),
            sentence("a b", [((1, 2), "new", (0, 1)), ((1, 2), "newer", (0, 1))]),
            sentence("a", missing=[("a", "r", "x"), ("x", "new", "a"), ("x", "new", "y")]),
        )
        assert split.gold_4M.T.tolist() == [[0, 0, 0, 1]]
        assert split.missed_triples == 3 + 3
        # r is expressed by sentences 0 and 2; "new" by all three and "newer" by one cannot be.
        assert split.relations_2P.T.tolist() == [[0, 0], [2, 0]]
        assert split.missed_relations == 4

    def test_nothing_to_find(self) -> None:
        split = encode(sentence("a b"), sentence("c"))
        assert split.gold_4M.shape == (4, 0)
        assert split.exact_8X.shape == (8, 0)
        assert split.entities_4E.shape == (4, 0)
        assert split.relations_2P.shape == (2, 0)
        assert split.gold_starts.tolist() == [0, 0, 0]
        batch = make_batch(split, np.array([1, 0]), CPU)
        assert batch.gold_4N.shape == (4, 0)


class TestEncodeCorpus:
    TRAIN = (sentence("A b a", [((0, 1), "r", (1, 2))], pos="X Y X"),)
    CORPUS = Corpus(name="c", train=TRAIN, dev=TRAIN, test=(sentence("d", pos="Z"),))

    def test_settings_reach_the_vocabulary(self) -> None:
        built = corpus_vocabulary(self.CORPUS, DataConfig())
        assert built.words == ("<pad>", "<unk>", "a", "b")
        assert built.pos == ("<pad>", "<unk>", "X", "Y")
        bare = corpus_vocabulary(self.CORPUS, DataConfig(lowercase=False, pos="off"))
        assert set(bare.words[2:]) == {"A", "a", "b"}
        assert bare.pos == ()

    def test_types_are_part_of_the_digest_where_tags_have_them(self) -> None:
        def encoded(types: tuple[str, ...], *, use: bool) -> EncodedCorpus:
            train = (replace(self.TRAIN[0], types=types),)
            corpus = replace(self.CORPUS, train=train)
            data = DataConfig(entity_types=use)
            return encode_corpus(corpus, data, None, corpus_vocabulary(corpus, data))

        untyped = encoded((), use=False)
        assert encoded(("X", "Y"), use=False).digest == untyped.digest
        assert encoded((), use=True).digest == encoded(("", ""), use=True).digest == untyped.digest
        typed, other = encoded(("X", "Y"), use=True), encoded(("X", "X"), use=True)
        assert len({untyped.digest, typed.digest, other.digest}) == 3
        assert typed.content == other.content == untyped.content
        assert typed.train.has_types
        assert not untyped.train.has_types

    def test_digest_is_of_the_content(self) -> None:
        def digest(corpus: Corpus, vectors: WordVectors | None = None) -> str:
            settings_ = DataConfig()
            vocabulary = corpus_vocabulary(corpus, settings_)
            return encode_corpus(corpus, settings_, vectors, vocabulary).digest

        other = Corpus(name="c", train=self.TRAIN, dev=self.TRAIN, test=self.TRAIN)
        renamed = Corpus(name="d", train=self.TRAIN, dev=self.TRAIN, test=self.CORPUS.test)
        zeros = np.zeros((4, 2), np.float32)
        vectors = WordVectors(name="v", matrix=zeros, found=zeros[:, 0] > 0, digest="x")
        assert digest(renamed) == digest(self.CORPUS)
        assert len({digest(self.CORPUS), digest(other), digest(self.CORPUS, vectors)}) == 3


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
