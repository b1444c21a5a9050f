"""The case study on the page: which sentence it shows, and how it is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reports.figures.case import MOST_WORDS, CaseInfo, Found, case_info, draw_case
from reports.frames.predictions import Answer, SentenceCounts
from reports.frames.studies import StudyData
from reports.frames.trials import SCHEMA
from rin_core.data.corpus import Fact, Sentence
from study.ledger.state import TrialState

A, B, C = (0, "knows", 2), (2, "likes", 0), (0, "/people/person/sees", 4)
GOLD: tuple[frozenset[Fact], ...] = (
    frozenset({A}),
    frozenset({A, B}),
    frozenset({A, B}),
    frozenset({A, B, C}),
    frozenset(),
)
RUNS: dict[str, tuple[frozenset[Fact], ...]] = {
    # Right on all but the first sentence, and adds nothing to the last.
    "best": (frozenset(), *GOLD[1:]),
    # Right on the second; wrong on the third; misses one of the fourth.
    "other": (GOLD[0], GOLD[1], frozenset({A, C}), frozenset({A, B}), frozenset()),
}


def sentences(words: int = 6) -> tuple[Sentence, ...]:
    written = tuple(f"w{n}" for n in range(words))
    return tuple(Sentence(words=written, pos=None, entities=(), triples=()) for _ in GOLD)


def counts(said: Mapping[str, Sequence[frozenset[Fact]]], words: int = 6) -> SentenceCounts:
    answers = {
        name: tuple(Answer(gold, own) for gold, own in zip(GOLD, found, strict=True))
        for name, found in said.items()
    }
    return SentenceCounts(answers=answers, sentences=sentences(words))


def study(
    rows: Sequence[tuple[str, int, int, float]], found: SentenceCounts, **changes: object
) -> StudyData:
    """Return a study; a row is fingerprint, rounds, seed and dev F1."""
    frame = pd.DataFrame(
        [
            {
                **{"experiment": "e", "corpus": "webnlg_star", "settings": ""},
                "arm": f"k-{rounds}",
                **{"label": f"K = {rounds}", "seed": seed, "rounds": rounds, "dev_f1": f1},
                **{"fingerprint": name, "selection": "dev", "status": TrialState.FINISHED},
            }
            for name, rounds, seed, f1 in rows
        ]
    ).reindex(columns=[*SCHEMA])
    given = StudyData(corpus="webnlg_star", frame=frame, counts=found)
    return replace(given, **changes)  # type: ignore[arg-type]


@pytest.fixture
def info() -> CaseInfo:
    rows = [("best", 1, 3, 0.8), ("other", 0, 3, 0.9), ("third", 1, 3, 0.99)]
    found = case_info([study(rows, counts(RUNS))])
    assert found is not None
    return found


def test_the_best_run_with_interaction_stands_beside_its_seed_without(info: CaseInfo) -> None:
    """The third run has no predictions, and the second is better but without interaction."""
    assert [run.fingerprint for run in info.runs] == ["best", "other"]
    assert [run.label for run in info.runs] == ["K = 1, seed 3", "K = 0, seed 3"]
    assert info.corpus == "WebNLG"


def test_the_sentence_is_the_first_that_only_the_best_run_gets_all_right(info: CaseInfo) -> None:
    assert info.number == 2
    assert "right only with interaction in 2 of 4 test sentences, and only without it in 1" in (
        info.finding
    )
    found = [{(arc.subject, arc.object): arc.found for arc in run.arcs} for run in info.runs]
    assert found[0] == {(0, 2): Found.RIGHT, (2, 0): Found.RIGHT}
    assert found[1] == {(0, 2): Found.RIGHT, (0, 4): Found.WRONG, (2, 0): Found.MISSED}
    assert str(info.runs[1]) == "K = 0, seed 3: 1 of 2 right, 1 wrong"
    assert "(w2, likes, w0) missed" in info.in_words()


def test_without_another_run_the_best_stands_alone() -> None:
    for rows in ([("best", 1, 0, 0.5), ("other", 0, 1, 0.4)], [("best", 0, 0, 0.5)]):
        found = case_info([study(rows, counts(RUNS))])
        assert found is not None
        assert [run.fingerprint for run in found.runs] == ["best"]
        assert found.number == 1


def test_no_predictions_no_result_and_no_fitting_sentence_are_no_case() -> None:
    rows = [("best", 1, 0, 0.5)]
    good = study(rows, counts(RUNS))
    assert case_info([good]) is not None
    assert case_info([]) is None
    assert case_info([study(rows, SentenceCounts())]) is None, "no predictions"
    assert case_info([replace(good, outdated=True)]) is None
    assert case_info([study([("best", 1, 0, 0.0)], counts(RUNS))]) is None, "learned nothing"
    assert case_info([study(rows, counts(RUNS, MOST_WORDS + 1))]) is None, "too long"
    assert case_info([study(rows, counts({"best": [frozenset()] * 5}))]) is None, "never right"
    on_test = good.frame.assign(selection="test")
    assert case_info([replace(good, frame=on_test)]) is None
    running = good.frame.assign(status=TrialState.RUNNING)
    assert case_info([replace(good, frame=running)]) is None


@pytest.mark.parametrize("narrow", [False, True])
def test_every_word_relation_and_run_is_written(info: CaseInfo, *, narrow: bool) -> None:
    figure = draw_case(info, narrow=narrow)
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert texts[: len(info.words)] == list(info.words)
    relations = [text for text in texts if text in ("knows", "likes", "sees")]
    assert sorted(relations) == ["knows", "knows", "likes", "likes", "sees"]
    assert len(axes.patches) == 5
    assert sum("K = 0, seed 3: 1 of 2 right" in text for text in texts) == 1
    whole = figure.bbox
    for text in axes.texts:
        box = text.get_window_extent()
        assert whole.x0 <= box.x0 + 1, text
        assert box.x1 <= whole.x1 + 1, text
        assert whole.y0 <= box.y0 + 1, text
        assert box.y1 <= whole.y1 + 1, text


def test_arcs_of_the_same_words_do_not_lie_on_each_other(info: CaseInfo) -> None:
    (axes,) = draw_case(info).axes
    heights = [np.asarray(patch.get_path().vertices)[1, 1] for patch in axes.patches]
    assert len(set(heights)) == len(heights)
