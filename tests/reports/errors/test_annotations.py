"""Triples to check: what nearly all runs predict and the annotation does not have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.annotations import measure, without
from reports.errors.annotations import Kind, doubts, find_doubts, span_at
from reports.frames.predictions import Answer
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import read_ledger
from rin_core.data.corpus import Fact, Sentence, Span
from tests.ledgers import GOLD, Ledger

WORDS = Sentence(words=("a", "b", "a", "c"), pos=None, entities=(Span(2, 4),), triples=())


@pytest.mark.parametrize(
    ("fact", "kind", "annotated"),
    [
        ((2, "r", 1), Kind.PLACE, [(0, "r", 1)]),
        ((0, "s", 1), Kind.RELATION, [(0, "r", 1)]),
        ((1, "r", 0), Kind.REVERSED, [(0, "r", 1)]),
        ((0, "r", 3), Kind.ABSENT, []),
    ],
)
def test_how_a_triple_is_annotated(fact: Fact, kind: Kind, annotated: list[Fact]) -> None:
    answer = Answer(frozenset({(0, "r", 1)}), frozenset({fact, (0, "r", 1)}))
    (doubt,) = doubts([WORDS], [[answer]] * 3, needed=3)
    assert (doubt.sentence, doubt.fact, doubt.runs) == (0, fact, 3)
    assert (doubt.kind, list(doubt.annotated)) == (kind, annotated)


def test_enough_runs_must_predict_a_triple_and_other_places_come_last() -> None:
    gold = frozenset({(0, "r", 1)})
    few, place, most, all_ = (0, "s", 3), (2, "r", 1), (3, "s", 0), (3, "r", 0)
    said = [{few, place, most, all_}, {place, most, all_}, {place, all_}, {place, most, all_}]
    found = doubts([WORDS], [[Answer(gold, frozenset(own))] for own in said], needed=3)
    assert [(doubt.fact, doubt.runs) for doubt in found] == [(all_, 4), (most, 3), (place, 4)]


def a_study(runs: Path) -> StudyData:
    """Three runs predict a triple that is not annotated; the fourth predicts nothing."""
    made = Ledger(runs)
    made.describe(GOLD)
    right, unknown = (0, 0, "r", 1), (1, 2, "r", 5)
    for seed in range(3):
        made.predict(made.plan("gru-1", seed), 2 / (2 + 4), (right, unknown))
    made.finish(made.plan("gru-1", 3), 0.1)
    made.predict(made.plan("gru-1", 4), 0.0, ())
    made.save()
    return study_data(runs, read_ledger(runs))


def test_runs_that_predict_nothing_are_not_asked(tmp_path: Path) -> None:
    found = find_doubts(a_study(tmp_path))
    assert found is not None
    assert (found.runs, found.needed) == (3, 3)
    assert [doubt.fact for doubt in found.found] == [(2, "r", 5)]
    assert found.found[0].sentence == 1
    assert found.annotated == 3, "one of the four is not in its sentence"


def test_two_runs_are_too_few(tmp_path: Path) -> None:
    study = a_study(tmp_path)
    first = str(study.frame["fingerprint"].iloc[0])
    left = {name: own for name, own in study.counts.answers.items() if name != first}
    assert find_doubts(a_part(study, left)) is None


def a_part(study: StudyData, answers: dict[str, tuple[Answer, ...]]) -> StudyData:
    return replace(study, counts=replace(study.counts, answers=answers))


@pytest.mark.parametrize("share", [0.5, 1.1, -1.0, float("nan")])
def test_a_share_is_that_of_a_majority(tmp_path: Path, share: float) -> None:
    with pytest.raises(ValueError, match=r"must be above 0\.5 and at most 1"):
        find_doubts(a_study(tmp_path), share)


def test_an_argument_is_the_shortest_entity_at_its_word() -> None:
    both = Sentence(words=("a", "b", "c"), pos=None, entities=(Span(0, 3), Span(1, 3)), triples=())
    assert [span_at(both, word) for word in range(3)] == [Span(0, 3), Span(1, 3), Span(1, 3)]
    assert span_at(WORDS, 0) == Span(0, 1)


def test_removed_annotations_are_found_where_the_runs_predict_them(tmp_path: Path) -> None:
    study = a_study(tmp_path)
    right = (0, (0, "r", 1))
    found = find_doubts(without(study, {right}))
    assert found is not None
    assert [(doubt.sentence, doubt.fact) for doubt in found.found] == [right, (1, (2, "r", 5))]
    all_removed = measure(study, share=0.9, part=1.0, seed=0)
    assert all_removed == {
        "runs": 3,
        "removed": 3,
        "listed": 2,
        "found": pytest.approx(1 / 3),
        "removed_among_listed": 0.5,
    }
