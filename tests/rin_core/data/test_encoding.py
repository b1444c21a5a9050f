"""Sentences to arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from rin_core.config import DataConfig
from rin_core.data.batches import make_batch
from rin_core.data.corpus import Corpus, Sentence, Span, Triple, entity_place
from rin_core.data.encoding import (
    IGNORED,
    EncodedCorpus,
    EncodedSplit,
    corpus_vocabulary,
    encode_corpus,
    encode_split,
)
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
