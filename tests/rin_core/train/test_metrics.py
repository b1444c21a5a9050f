"""Scores worked by hand, and what must hold of any."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rin_core.config import Config, EncoderConfig, ModelConfig
from rin_core.data.corpus import Sentence, Span, Triple
from rin_core.data.encoding import EncodedSplit, encode_split
from rin_core.data.vocabulary import Vocabulary
from rin_core.model.rin import RIN
from rin_core.train.metrics import Decoded, Metrics, Score, decode, evaluate, score
from tests.trainings import padded_tags

RELATIONS = ("in", "of")
VOCABULARY = Vocabulary(
    words=("<pad>", "<unk>", "a", "b", "c"), pos=(), relations=RELATIONS, lowercase=True
)

Pairs = Sequence[tuple[int, str, int]]
Triples = Sequence[tuple[tuple[int, int], str, tuple[int, int]]]


def sentence(length: int, triples: Triples, spans: Sequence[tuple[int, int]] = ()) -> Sentence:
    """Write a sentence by its triples of spans; ``spans`` are entities without one."""
    found = tuple(Triple(Span(*s), r, Span(*o)) for s, r, o in triples)
    arguments = {span for t in found for span in (t.subject, t.object)}
    return Sentence(
        words=("a",) * length,
        pos=None,
        entities=tuple(sorted(arguments | {Span(*s) for s in spans})),
        triples=found,
    )


def split_of(*sentences: Sentence, entity_word: str = "first") -> EncodedSplit:
    return encode_split(sentences, VOCABULARY, entity_word)


def said(*sentences: tuple[str, Pairs]) -> Decoded:
    """Write what a model says: the tags and the triples of words of each sentence."""
    width = max(len(tags) for tags, _ in sentences)
    tags = [["BIESO".index(tag) for tag in text] for text, _ in sentences]
    rows = [
        (n, i, RELATIONS.index(r), j) for n, (_, pairs) in enumerate(sentences) for i, r, j in pairs
    ]
    return Decoded(
        np.array(rows, np.int64).reshape(-1, 4).T,
        np.array([row + [-1] * (width - len(row)) for row in tags]),
    )


def counts(score_: Score) -> tuple[int, int, int]:
    return score_.correct, score_.predicted, score_.gold


class TestScore:
    def test_ratios(self) -> None:
        found = Score(3, 4, 6)
        assert (found.precision, found.recall) == (0.75, 0.5)
        assert found.f1 == pytest.approx(2 * 0.75 * 0.5 / (0.75 + 0.5))

    @pytest.mark.parametrize("empty", [Score(0, 0, 0), Score(0, 0, 5), Score(0, 5, 0)])
    def test_an_empty_ratio_is_0(self, empty: Score) -> None:
        assert (empty.precision, empty.recall, empty.f1) == (0, 0, 0)

    @given(st.data())
    def test_f1_lies_between_precision_and_recall(self, data: st.DataObject) -> None:
        predicted, gold = data.draw(st.integers(0, 50)), data.draw(st.integers(0, 50))
        found = Score(data.draw(st.integers(0, min(predicted, gold))), predicted, gold)
        low, high = sorted([found.precision, found.recall])
        assert 0 <= low <= found.f1 + 1e-12
        assert found.f1 - 1e-12 <= high <= 1
        assert (found.f1 == 0) == (found.correct == 0)


# new york is in the usa: both entities in both directions, the pairs overlapping.
NEW_YORK = sentence(6, [((0, 2), "in", (5, 6)), ((5, 6), "of", (0, 2))])
GOLD_PAIRS = [(0, "in", 5), (5, "of", 0)]


class TestScoresByHand:
    def test_all_right(self) -> None:
        found = score(said(("BEOOOS", GOLD_PAIRS)), split_of(NEW_YORK), "first")
        assert counts(found.triple) == counts(found.exact) == (2, 2, 2)
        assert counts(found.entity) == counts(found.relation) == (2, 2, 2)

    def test_a_span_wrong_but_its_word_right(self) -> None:
        """Partial match asks for the word only; exact match loses both triples."""
        found = score(said(("BIEOOS", GOLD_PAIRS)), split_of(NEW_YORK), "first")
        assert counts(found.triple) == (2, 2, 2)
        assert counts(found.exact) == (0, 2, 2)
        assert counts(found.entity) == (1, 2, 2)

    def test_words_right_but_no_span(self) -> None:
        found = score(said(("BOOOOS", GOLD_PAIRS)), split_of(NEW_YORK), "first")
        assert counts(found.triple) == (2, 2, 2)
        assert counts(found.exact) == (0, 2, 2)
        assert counts(found.entity) == (1, 1, 2)

    def test_direction_and_relation_count(self) -> None:
        pairs = [(5, "in", 0), (0, "of", 5), (0, "in", 5)]
        found = score(said(("BEOOOS", pairs)), split_of(NEW_YORK), "first")
        assert counts(found.triple) == counts(found.exact) == (1, 3, 2)
        assert counts(found.relation) == (2, 2, 2)

    def test_several_objects_of_one_subject(self) -> None:
        split = split_of(
            sentence(4, [((0, 1), "in", (1, 2)), ((0, 1), "in", (3, 4)), ((0, 1), "of", (3, 4))])
        )
        found = score(said(("SSOS", [(0, "in", 1), (0, "of", 3)])), split, "first")
        assert counts(found.triple) == counts(found.exact) == (2, 2, 3)
        assert counts(found.relation) == (2, 2, 2)

    def test_repeated_words_are_different_places(self) -> None:
        """Gold is at the first "a"; the second one, though the same word, is wrong."""
        split = split_of(sentence(4, [((0, 1), "in", (1, 2))]))
        found = score(said(("OSSO", [(2, "in", 1)])), split, "first")
        assert counts(found.triple) == (0, 1, 1)
        assert counts(found.entity) == (1, 2, 2)
        assert counts(found.relation) == (1, 1, 1)

    def test_a_word_with_itself(self) -> None:
        split = split_of(sentence(2, [((0, 2), "in", (0, 2))]))
        found = score(said(("BE", [(0, "in", 0), (1, "in", 1)])), split, "first")
        assert counts(found.triple) == counts(found.exact) == (1, 2, 1)

    def test_nothing_predicted(self) -> None:
        found = score(said(("OOOOOO", [])), split_of(NEW_YORK), "first")
        assert all(counts(s) == (0, 0, 2) for s in all_of(found))
        assert set(found.flat().values()) == {0.0}

    def test_nothing_to_find(self) -> None:
        found = score(said(("SOS", [(0, "in", 2)])), split_of(sentence(3, [])), "first")
        assert counts(found.triple) == counts(found.exact) == (0, 1, 0)
        assert counts(found.entity) == (0, 2, 0)
        assert counts(found.relation) == (0, 1, 0)

    def test_nothing_at_all(self) -> None:
        found = score(said(("OOO", [])), split_of(sentence(3, [])), "first")
        assert all(counts(s) == (0, 0, 0) for s in all_of(found))

    def test_sentences_are_not_mixed(self) -> None:
        """What is right of one sentence is wrong of its neighbour."""
        split = split_of(NEW_YORK, sentence(6, []), sentence(1, [((0, 1), "of", (0, 1))]))
        decoded = said(("OOOOOO", []), ("BEOOOS", GOLD_PAIRS), ("S", [(0, "of", 0)]))
        found = score(decoded, split, "first")
        assert counts(found.triple) == counts(found.exact) == (1, 3, 3)
        assert counts(found.entity) == (1, 3, 3)
        assert counts(found.relation) == (1, 3, 3)

    def test_last_word(self) -> None:
        split = split_of(NEW_YORK, entity_word="last")
        right = [(1, "in", 5), (5, "of", 1)]
        found = score(said(("BEOOOS", [*right, (0, "in", 5)])), split, "last")
        assert counts(found.triple) == counts(found.exact) == (2, 3, 2)
        # The span's last word is right and its first one is not.
        found = score(said(("OSOOOS", right)), split, "last")
        assert (counts(found.triple), counts(found.exact)) == ((2, 2, 2), (0, 2, 2))

    def test_nested_gold_spans_of_one_word(self) -> None:
        """One triple of words, two of spans, of which BIESO can only say one."""
        split = split_of(sentence(3, [((0, 1), "in", (2, 3)), ((0, 2), "in", (2, 3))]))
        found = score(said(("BES", [(0, "in", 2)])), split, "first")
        assert counts(found.triple) == (1, 1, 1)
        assert counts(found.exact) == (1, 1, 2)
        assert counts(found.entity) == (2, 2, 3)

    def test_missed_triples_count_against_recall(self) -> None:
        unknown = sentence(6, [((0, 2), "in", (5, 6)), ((0, 2), "never_seen", (5, 6))])
        found = score(said(("BEOOOS", [(0, "in", 5)])), split_of(unknown), "first")
        assert counts(found.triple) == counts(found.exact) == (1, 1, 2)
        assert counts(found.relation) == (1, 1, 2)
        assert counts(found.entity) == (2, 2, 2)

    def test_an_entity_that_is_not_in_its_sentence_counts_against_recall(self) -> None:
        gold = sentence(3, [((0, 1), "in", (2, 3))])
        split = split_of(dataclasses.replace(gold, missing_entities=("gone",)))
        found = score(said(("SOS", [(0, "in", 2)])), split, "first")
        assert counts(found.entity) == (2, 2, 3)
        assert counts(found.triple) == (1, 1, 1)

    def test_a_relation_counts_once_a_sentence(self) -> None:
        split = split_of(
            sentence(4, [((0, 1), "in", (1, 2)), ((2, 3), "in", (3, 4))]),
            sentence(4, [((0, 1), "in", (1, 2))]),
        )
        pairs = [(3, "in", 2), (1, "in", 0), (0, "of", 1)]
        found = score(said(("SSSS", pairs), ("SSOO", [])), split, "first")
        assert counts(found.relation) == (1, 2, 2)
        assert counts(found.triple) == (0, 3, 3)

    def test_flat_names(self) -> None:
        triple, exact = Score(1, 2, 4), Score(1, 1, 1)
        entity, relation = Score(0, 1, 1), Score(3, 4, 3)
        flat = Metrics(triple=triple, exact=exact, entity=entity, relation=relation).flat()
        assert len(flat) == 12
        assert (flat["precision"], flat["recall"]) == (0.5, 0.25)
        assert flat["f1"] == pytest.approx(1 / 3)
        assert (flat["exact_f1"], flat["entity_f1"], flat["relation_precision"]) == (1, 0, 0.75)


def all_of(metrics: Metrics) -> tuple[Score, ...]:
    return metrics.triple, metrics.exact, metrics.entity, metrics.relation


@st.composite
def annotated(draw: st.DrawFn) -> Sentence:
    """Draw a sentence with spans that do not overlap and triples between them."""
    place, spans = 0, []
    for gap, width in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), max_size=4)):
        spans.append((place + gap, place + gap + width))
        place += gap + width
    triples = []
    if spans:
        span = st.sampled_from(spans)
        triples = draw(st.lists(st.tuples(span, st.sampled_from(RELATIONS), span), unique=True))
    return sentence(max(place, 1), triples, spans)


def spoken(gold: EncodedSplit, keep: Sequence[bool] | None = None) -> Decoded:
    """Say the gold annotation, or of its triples those to keep."""
    triples = gold.gold_4M if keep is None else gold.gold_4M[:, np.array(keep, bool)]
    return Decoded(triples, padded_tags(gold))


class TestProperties:
    @given(st.lists(annotated(), min_size=1, max_size=4), st.sampled_from(["first", "last"]))
    @settings(max_examples=80)
    def test_the_gold_annotation_is_perfect(self, sentences: list[Sentence], word: str) -> None:
        split = split_of(*sentences, entity_word=word)
        for found in all_of(score(spoken(split), split, word)):
            assert found.correct == found.predicted == found.gold
            assert found.f1 == (1 if found.gold else 0)

    @given(
        st.lists(annotated(), min_size=1, max_size=4),
        st.lists(annotated(), min_size=1, max_size=4),
    )
    @settings(max_examples=80)
    def test_bounds(self, gold: list[Sentence], other: list[Sentence]) -> None:
        count = min(len(gold), len(other))
        # Both as long as the longest, so that what is said of one can be asked of the other.
        length = max(len(s.words) for s in gold + other)
        padding = sentence(length, [])
        split, said_ = split_of(*gold[:count], padding), split_of(*other[:count], padding)
        found = score(spoken(said_), split, "first")
        for one in all_of(found):
            assert 0 <= one.correct <= min(one.predicted, one.gold)
            assert 0 <= one.f1 <= 1
        assert found.exact.correct <= found.triple.correct
        turned = score(spoken(split), said_, "first")
        for one, back in zip(all_of(found), all_of(turned), strict=True):
            assert counts(back) == (one.correct, one.gold, one.predicted)

    @given(annotated(), st.randoms(use_true_random=False))
    @settings(max_examples=60)
    def test_leaving_triples_out_costs_recall_only(self, one: Sentence, random: object) -> None:
        split = split_of(one)
        keep = [random.random() < 0.5 for _ in range(split.gold_4M.shape[1])]  # type: ignore[attr-defined]
        found = score(spoken(split, keep), split, "first")
        for part in (found.triple, found.exact):
            assert counts(part) == (sum(keep), sum(keep), len(keep))


class TestDecode:
    """From a model to sentences in the split's order."""

    SPLIT = split_of(
        *(sentence(n, [((0, 1), "in", (n - 1, n))]) for n in (3, 1, 5, 2, 5, 1, 4)),
    )

    def model(self) -> RIN:
        torch.manual_seed(0)
        encoder = EncoderConfig(word_dim=4, hidden_size=4, dropout=0.9)
        model = ModelConfig(feature_size=4, relation_bias=0.0)
        return RIN(Config(encoder=encoder, model=model), VOCABULARY)

    def test_rows_are_those_of_the_split(self) -> None:
        model, cpu = self.model(), torch.device("cpu")
        decoded = decode(model, self.SPLIT, cpu)
        lengths = self.SPLIT.lengths_N
        assert ((decoded.tags_NL >= 0).sum(1) == lengths).all()
        assert decoded.triples_4N.shape[1] > 0
        for n, length in enumerate(lengths):
            alone = decode(model, split_of(sentence(int(length), [])), cpu)
            mine = decoded.triples_4N[1:, decoded.triples_4N[0] == n]
            assert sorted(mine.T.tolist()) == sorted(alone.triples_4N[1:].T.tolist())
            assert (decoded.tags_NL[n, :length] == alone.tags_NL[0]).all()

    def test_without_dropout_and_the_mode_is_put_back(self) -> None:
        model, cpu = self.model(), torch.device("cpu")
        for training in (True, False):
            model.train(training)
            first, second = (evaluate(model, self.SPLIT, "first", cpu) for _ in range(2))
            assert first == second
            assert model.training is training
