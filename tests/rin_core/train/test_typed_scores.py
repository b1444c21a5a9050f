"""Scores with entity types, counted again with loops over sentences.

The slow count knows neither tags nor arrays: it compares spans, types and triples as sentences hold
them, gold and predicted.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rin_core.config import Config
from rin_core.data.corpus import Sentence, Span, Triple
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import EncodedSplit, corpus_vocabulary, encode_corpus, encode_split
from rin_core.data.vocabulary import Vocabulary
from rin_core.layout import WEIGHTS
from rin_core.predict.extraction import Extraction, Mention
from rin_core.predict.predictor import Predictor
from rin_core.train.loop import train
from rin_core.train.metrics import Decoded, Score, score
from tests.rin_core.train.test_metrics import counts, split_of
from tests.trainings import padded_tags

TYPES, RELATIONS = ("X", "Y"), ("in", "of")
VOCABULARY = Vocabulary(
    words=("<pad>", "<unk>", "a"), pos=(), relations=RELATIONS, lowercase=True, entity_types=TYPES
)

Typed = dict[Span, str]
Count = tuple[int, int, int]
SMALL: dict[str, object] = {
    "data.entity_types": True,
    "data.pos": "off",
    "encoder.word_dim": 12,
    "encoder.hidden_size": 24,
    "model.feature_size": 24,
    "training.batch_size": 3,
    "training.learning_rate": 0.02,
    "training.max_epochs": 13,
}
NAMES = ("triple", "exact", "strict", "entity", "entity_boundaries", "relation")


def sentence(length: int, types: Typed, triples: Sequence[tuple[Span, str, Span]]) -> Sentence:
    entities = tuple(sorted(types))
    return Sentence(
        words=("a",) * length,
        pos=None,
        entities=entities,
        triples=tuple(Triple(*t) for t in triples),
        types=tuple(types[span] for span in entities),
    )


def split(*sentences: Sentence) -> EncodedSplit:
    return encode_split(sentences, VOCABULARY, "first")


def says(encoded: EncodedSplit) -> Decoded:
    """Say the annotation of an encoded split."""
    return Decoded(encoded.gold_4M, padded_tags(encoded))


def slow_counts(gold: Sequence[Sentence], said: Sequence[Sentence], word: str) -> dict[str, Count]:
    """Count correct, predicted and gold of every score, item by item."""
    found = {name: [0, 0, 0] for name in NAMES}

    def at(span: Span) -> int:
        return span.start if word == "first" else span.end - 1

    for want, got in zip(gold, said, strict=True):
        types, own = (dict(zip(s.entities, s.types, strict=True)) for s in (want, got))
        pairs: dict[str, tuple[list[object], list[object]]] = {name: ([], []) for name in NAMES}
        for side, (one, kinds) in enumerate(((want, types), (got, own))):
            for span, kind in kinds.items():
                pairs["entity"][side].append((span, kind))
                pairs["entity_boundaries"][side].append(span)
            for s, r, o in one.triples:
                rows = {
                    "triple": (at(s), r, at(o)),
                    "exact": (s, r, o),
                    "strict": (s, kinds[s], r, o, kinds[o]),
                    "relation": r,
                }
                for name, row in rows.items():
                    if row not in pairs[name][side]:
                        pairs[name][side].append(row)
        for name, (right, mine) in pairs.items():
            found[name][0] += sum(item in right for item in mine)
            found[name][1] += len(mine)
            found[name][2] += len(right)
    return {name: (c, p, g) for name, (c, p, g) in found.items()}


def all_counts(gold: EncodedSplit, said: Decoded, word: str) -> dict[str, Count]:
    metrics = score(said, gold, word)
    scores = {name: getattr(metrics, name) for name in NAMES}
    assert all(isinstance(one, Score) for one in scores.values())
    return {name: counts(one) for name, one in scores.items()}


@st.composite
def annotated(draw: st.DrawFn, length: int = 6) -> Sentence:
    """Draw spans that do not overlap, a type for each, and triples between them."""
    cuts = sorted(draw(st.sets(st.integers(0, length), max_size=5)))
    spans = [Span(a, b) for a, b in itertools.pairwise(cuts) if draw(st.booleans())]
    types = {span: draw(st.sampled_from(TYPES)) for span in spans}
    triples: list[tuple[Span, str, Span]] = []
    if spans:
        span = st.sampled_from(spans)
        triples = draw(st.lists(st.tuples(span, st.sampled_from(RELATIONS), span), unique=True))
    return sentence(length, types, triples)


class TestAgainstTheSlowCount:
    @given(
        st.lists(st.tuples(annotated(), annotated()), min_size=1, max_size=4),
        st.sampled_from(["first", "last"]),
    )
    @settings(max_examples=150)
    def test_any_annotation_as_prediction_of_another(
        self, pairs: list[tuple[Sentence, Sentence]], word: str
    ) -> None:
        gold, said = zip(*pairs, strict=True)
        encoded = encode_split(gold, VOCABULARY, word)
        found = all_counts(encoded, says(encode_split(said, VOCABULARY, word)), word)
        assert found == slow_counts(gold, said, word)
        correct = {name: c for name, (c, _, _) in found.items()}
        assert correct["triple"] >= correct["exact"] >= correct["strict"]
        assert correct["entity_boundaries"] >= correct["entity"]

    @pytest.mark.slow
    def test_what_predict_returns_gives_the_scores_of_training(self, tmp_path: Path) -> None:
        config = Config().with_overrides(SMALL)
        whole = demo_corpus()
        short = [typed_by_place(s) for s in whole.train if len(s.words) <= 12][:60]
        corpus = dataclasses.replace(whole, train=tuple(short), dev=tuple(short), test=tuple(short))
        vocabulary = corpus_vocabulary(corpus, config.data)
        assert set(vocabulary.entity_types) == {"even", "odd"}
        result = train(
            config, encode_corpus(corpus, config.data, None, vocabulary), directory=tmp_path
        )
        predictor = Predictor.load(tmp_path / WEIGHTS)
        assert predictor.vocabulary == vocabulary
        found = slow_counts(short, [as_sentence(x) for x in predictor.predict(short)], "first")
        for name in ("exact", "strict", "entity", "entity_boundaries"):
            for ratio in ("precision", "recall", "f1"):
                wanted = result.test_scores[f"{name}_{ratio}"]
                assert getattr(Score(*found[name]), ratio) == pytest.approx(wanted), (name, ratio)
        assert 0 < found["strict"][0] < found["exact"][0]
        assert 0 < found["entity"][0] < found["entity_boundaries"][0]


def typed_by_place(one: Sentence) -> Sentence:
    """Give each entity a type that the model learns in small part: whether its start is even."""
    types = tuple("even" if span.start % 2 == 0 else "odd" for span in one.entities)
    return dataclasses.replace(one, pos=None, types=types)


def as_sentence(found: Extraction) -> Sentence:
    """Write what a model finds as if it were annotation."""

    def span(mention: Mention) -> Span:
        return Span(mention.start, mention.end)

    return Sentence(
        words=found.words,
        pos=None,
        entities=tuple(span(e.mention) for e in found.entities),
        triples=tuple(Triple(span(t.subject), t.relation, span(t.object)) for t in found.triples),
        types=tuple(e.type or "" for e in found.entities),
    )


class TestByHand:
    GOLD = sentence(6, {Span(0, 2): "X", Span(5, 6): "Y"}, [(Span(0, 2), "in", Span(5, 6))])

    def said(self, types: Typed) -> dict[str, Count]:
        other = sentence(6, types, [(Span(0, 2), "in", Span(5, 6))])
        return all_counts(split(self.GOLD), says(split(other)), "first")

    def test_all_right(self) -> None:
        found = self.said({Span(0, 2): "X", Span(5, 6): "Y"})
        assert set(found.values()) == {(1, 1, 1), (2, 2, 2)}

    def test_a_type_wrong(self) -> None:
        found = self.said({Span(0, 2): "X", Span(5, 6): "X"})
        assert found["triple"] == found["exact"] == (1, 1, 1)
        assert found["strict"] == (0, 1, 1)
        assert found["entity"] == (1, 2, 2)
        assert found["entity_boundaries"] == (2, 2, 2)

    @pytest.mark.parametrize(
        ("words", "partial", "whole"),
        [
            ([(0, 5)], (1, 1, 1), (1, 1, 1)),
            ([(1, 5)], (0, 1, 1), (1, 1, 1)),
            ([(0, 5), (1, 5)], (1, 2, 1), (1, 1, 1)),
            ([(0, 3)], (0, 1, 1), (0, 0, 1)),
        ],
    )
    def test_a_word_stands_for_the_entity_that_it_is_in(
        self, words: list[tuple[int, int]], partial: Count, whole: Count
    ) -> None:
        gold = split(self.GOLD)
        rows = np.array([(0, i, 0, j) for i, j in words]).T
        found = all_counts(gold, dataclasses.replace(says(gold), triples_4N=rows), "first")
        assert found["triple"] == partial
        assert found["exact"] == found["strict"] == whole

    def test_a_type_that_train_does_not_have_is_missed(self) -> None:
        gold = dataclasses.replace(self.GOLD, types=("X", "new"))
        found = all_counts(split(gold), says(split(self.GOLD)), "first")
        assert found["triple"] == found["exact"] == (1, 1, 1)
        assert found["strict"] == (0, 1, 1)
        assert found["entity"] == (1, 2, 2)
        assert found["entity_boundaries"] == (2, 2, 2)

    def test_what_is_not_in_the_sentence_counts_against_recall(self) -> None:
        gold = dataclasses.replace(
            self.GOLD, missing=(("gone", "in", "a"),), missing_entities=("gone",)
        )
        found = all_counts(split(gold), says(split(self.GOLD)), "first")
        assert found["triple"] == found["exact"] == found["strict"] == (1, 1, 2)
        assert found["entity"] == found["entity_boundaries"] == (2, 2, 3)

    def test_without_types_there_is_no_strict_score(self) -> None:
        untyped = split_of(self.GOLD)
        metrics = score(says(untyped), untyped, "first")
        assert (metrics.strict, metrics.entity_boundaries) == (None, None)
        assert len(metrics.flat()) == 12
        typed = score(says(split(self.GOLD)), split(self.GOLD), "first").flat()
        assert typed.keys() - metrics.flat().keys() == {
            f"{score}_{ratio}"
            for score in ("strict", "entity_boundaries")
            for ratio in ("precision", "recall", "f1")
        }
