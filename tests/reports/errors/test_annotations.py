"""Triples to check: what nearly all runs predict and the annotation does not have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.annotations import Options, main, measure, without
from reports.errors.annotations import Candidate, Kind, compare, entity_at, find_candidates
from reports.frames.predictions import Answer
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import read_ledger
from rin_core.data.corpus import Fact, Sentence, Span
from tests.ledgers import GOLD, Ledger

WORDS = Sentence(
    words=("a", "b", "a", "c"), pos=None, entities=(), triples=(), missing=(("a", "t", "nowhere"),)
)
NEW_YORK = Sentence(
    words=("New", "York", "is", "in", "the", "USA"),
    pos=None,
    entities=(Span(0, 2), Span(4, 6)),
    triples=(),
)


def found(
    sentence: Sentence, gold: set[Fact], said: Sequence[set[Fact]], needed: int = 3
) -> list[Candidate]:
    answers = [[Answer(frozenset(gold), frozenset(own))] for own in said]
    return compare([sentence], answers, needed, "last")


@pytest.mark.parametrize(
    ("fact", "kind", "annotated"),
    [
        ((2, "r", 1), Kind.PLACE, [(0, "r", 1)]),
        ((0, "s", 1), Kind.RELATION, [(0, "r", 1)]),
        ((1, "r", 0), Kind.REVERSED, [(0, "r", 1)]),
        ((1, "s", 0), Kind.REVERSED, [(0, "r", 1)]),
        ((0, "t", 3), Kind.UNLOCATED, []),
        ((1, "t", 3), Kind.ABSENT, []),
        ((0, "r", 3), Kind.ABSENT, []),
    ],
)
def test_how_a_triple_is_annotated(fact: Fact, kind: Kind, annotated: list[Fact]) -> None:
    (one,) = found(WORDS, {(0, "r", 1)}, [{fact, (0, "r", 1)}] * 3)
    assert (one.sentence, one.fact, one.runs) == (0, fact, 3)
    assert (one.kind, list(one.annotated)) == (kind, annotated)


def test_enough_runs_must_predict_a_triple_and_other_places_come_last() -> None:
    few, place, most, all_ = (0, "s", 3), (2, "r", 1), (3, "s", 0), (3, "r", 0)
    said = [{few, place, most, all_}, {place, most, all_}, {place, all_}, {place, most, all_}]
    candidates = found(WORDS, {(0, "r", 1)}, said)
    assert [(one.fact, one.runs) for one in candidates] == [(all_, 4), (most, 3), (place, 4)]


def test_any_word_of_an_annotated_entity_means_the_entity() -> None:
    assert found(NEW_YORK, {(1, "in", 5)}, [{(0, "in", 4), (1, "in", 4)}] * 3) == []
    (one,) = found(NEW_YORK, set(), [{(0, "in", 5)}, {(1, "in", 5)}, {(1, "in", 4), (0, "in", 5)}])
    assert (one.fact, one.runs) == ((1, "in", 5), 3)


def test_entities_with_the_same_last_word_are_two() -> None:
    words = ("topic", "model", ",", "kernel", "model", "for", "text")
    entities = (Span(0, 2), Span(3, 5), Span(6, 7))
    two = Sentence(words=words, pos=None, entities=entities, triples=())
    (one,) = found(two, {(1, "for", 6)}, [{(4, "for", 6)}] * 3)
    assert one.kind is Kind.ABSENT


def a_study(runs: Path) -> StudyData:
    """Three runs predict a triple that is not annotated; the others have none or predict none."""
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
    candidates = find_candidates(a_study(tmp_path))
    assert candidates is not None
    assert (candidates.runs, candidates.needed, candidates.left_out) == (3, 3, 1)
    assert [(one.sentence, one.fact) for one in candidates.found] == [(1, (2, "r", 5))]
    assert candidates.annotated == 4, "one of them is not in its sentence"


def test_runs_with_another_entity_word_than_most_are_not_asked(tmp_path: Path) -> None:
    study = a_study(tmp_path)
    first = study.frame["entity_word"].iloc[0]
    other = {"first": "last", "last": "first"}[str(first)]
    few = study.frame.assign(entity_word=[other, *study.frame["entity_word"].iloc[1:]])
    assert find_candidates(replace(study, frame=few)) is None
    answers = study.counts.answers
    three = next(iter(answers.values()))
    answers = {**answers, str(few["fingerprint"].iloc[4]): three}
    more = replace(study.counts, answers=answers)
    candidates = find_candidates(replace(study, frame=few, counts=more))
    assert candidates is not None
    assert (candidates.runs, candidates.left_out, candidates.entity_word) == (3, 1, first)


def test_runs_on_a_part_of_the_sentences_are_not_asked(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    made.describe(GOLD)
    right, unknown = (0, 0, "r", 1), (1, 2, "r", 5)
    for arm, share, said in (("gru-1", 1.0, (right, unknown)), ("gru-1-half", 0.5, (right,))):
        for seed in range(3):
            config = {"data.train_share": share}
            name = made.plan(arm, seed, config=config)
            made.predict(name, 2 / (len(said) + 4), said)
    made.save()
    candidates = find_candidates(study_data(tmp_path, read_ledger(tmp_path)))
    assert candidates is not None
    assert (candidates.runs, candidates.left_out, len(candidates.found)) == (3, 3, 1)


def test_two_runs_are_too_few(tmp_path: Path) -> None:
    study = a_study(tmp_path)
    left = dict(list(study.counts.answers.items())[1:])
    assert find_candidates(replace(study, counts=replace(study.counts, answers=left))) is None


@pytest.mark.parametrize("share", [0.5, 1.1, -1.0, float("nan")])
def test_a_share_is_that_of_a_majority(tmp_path: Path, share: float) -> None:
    with pytest.raises(ValueError, match=r"must be above 0\.5 and at most 1"):
        find_candidates(a_study(tmp_path), share)


def test_an_argument_is_the_entity_for_which_its_word_stands() -> None:
    nested = Sentence(
        words=("a", "b", "c"), pos=None, entities=(Span(0, 3), Span(1, 3)), triples=()
    )
    assert entity_at(nested, 2, "last") == Span(1, 3)
    assert entity_at(nested, 1, "last") == Span(1, 2)
    assert entity_at(nested, 0, "first") == Span(0, 3)


def test_removed_annotations_are_found_where_the_runs_predict_them(tmp_path: Path) -> None:
    study = a_study(tmp_path)
    right = (0, (0, "r", 1))
    candidates = find_candidates(without(study, {right}))
    assert candidates is not None
    listed = [(candidate.sentence, candidate.fact) for candidate in candidates.found]
    assert listed == [right, (1, (2, "r", 5))]
    assert measure(study, part=1.0, share=0.9, seed=0) == {
        "runs": 3,
        "removed": 3,
        "listed": 2,
        "recall": pytest.approx(1 / 3),
        "precision": 0.5,
    }


def test_the_measurement_needs_a_study_and_changes_no_file_without_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="NAME is missing"):
        main(Options(studies=(), runs=tmp_path, out=tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []
