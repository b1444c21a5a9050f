"""The first screen as data: which effects, cards and curves a ledger has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reports.figures.answers import AnswerCurve, Series, draw_answer_curve, draw_effects
from reports.figures.rounds_curve import Point
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import read_ledger, select_settings
from reports.paper.answers import Answers, find_answers
from reports.stats.verdicts import Word
from tests.ledgers import Ledger, a_plan
from tests.records import scores as all_scores


def answers(runs: Path) -> Answers:
    return find_answers([], [study_data(runs, select_settings(read_ledger(runs)))], [])


def finished(path: Path, scores: Mapping[str, tuple[float, ...]]) -> Ledger:
    ledger = Ledger(path / "runs")
    for arm, values in scores.items():
        for seed, f1 in enumerate(values):
            ledger.finish(ledger.plan(arm, seed), f1)
    ledger.save()
    return ledger


SCORES = {"bilstm-s": (0.80, 0.81, 0.82), "gru-1": (0.90, 0.91, 0.92), "gru-2": (0.90, 0.91, 0.92)}


def test_one_round_is_the_first_card(tmp_path: Path) -> None:
    found = answers(finished(tmp_path, SCORES).runs)
    first = found.cards[0]
    assert (first.word, first.value) == (Word.BETTER, "+10.0 F1")
    assert len(first.runs) == 6
    assert found.effects is not None
    keys = [row.key for row in found.effects.rows]
    assert keys[0] == "one-round"
    assert {"interaction", "rounds"} <= set(keys)


def test_the_card_of_rounds_says_what_parameters_alone_do(tmp_path: Path) -> None:
    wide = {**SCORES, "bilstm-s-wide": (0.91, 0.92, 0.93), "gru-3": (0.90, 0.91, 0.92)}
    cards = answers(finished(tmp_path, wide).runs).cards
    (rounds,) = [card for card in cards if "rounds" in card.title]
    assert any("as many parameters: −1.0 (95 % CI −" in text for text in rounds.more)


def test_a_difference_that_the_plan_does_not_test_has_no_verdict(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    average = {"training.average": "ema"}
    first = {}
    for arm in ("bilstm-s", "gru-1"):
        names = [ledger.plan(arm, seed, average) for seed in range(3)]
        first[arm] = names[0]
        for seed, name in enumerate(names):
            ledger.finish(name, SCORES[arm][seed])
    ledger.save(decisions=a_plan(first))
    found = answers(ledger.runs)
    assert found.effects is not None
    words = {row.key: row.marks[0].word for row in found.effects.rows}
    assert words == {"one-round": Word.NO_VERDICT, "interaction": Word.EQUAL}
    assert (found.cards[0].value, found.cards[0].word) == ("+10.0 F1", Word.NO_VERDICT)


def test_a_study_before_the_first_look_at_its_plan_answers_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    first = {}
    for arm in ("bilstm-s", "gru-1"):
        first[arm] = ledger.plan(arm, 0, {"training.average": "ema"})
        ledger.finish(first[arm], SCORES[arm][0])
    ledger.save(decisions=a_plan(first).model_copy(update={"outcomes": []}))
    found = answers(ledger.runs)
    assert (found.cards, found.effects, found.pooled) == ((), None, None)


def of_corpus(path: Path, corpus: str, scores: Mapping[str, tuple[float, ...]]) -> StudyData:
    runs = finished(path / corpus, scores).runs
    return replace(study_data(runs, select_settings(read_ledger(runs))), corpus=corpus)


def test_parameters_of_another_corpus_are_not_those_of_a_cards_corpus(tmp_path: Path) -> None:
    three = {**SCORES, "gru-3": (0.90, 0.91, 0.92)}
    one = of_corpus(tmp_path, "one", three)
    two = of_corpus(tmp_path, "two", {"bilstm-s-wide": (0.91, 0.92, 0.93), **SCORES})
    cards = find_answers([], [one, two], []).cards
    (rounds,) = [card for card in cards if "rounds" in card.title]
    assert "on one, the paper's settings" in rounds.sure
    assert not any("as many parameters" in text for text in rounds.more)


def test_each_settings_value_of_a_corpus_has_its_effect(tmp_path: Path) -> None:
    """An effect of averaged weights says so, and its settings are no others."""
    ledger, studies = Ledger(tmp_path / "runs"), []
    given = {
        "older": {"training.average": "ema"},
        "own": {"preset": "own", "training.average": "ema"},
        "newest": {},
    }
    for number, (name, settings) in enumerate(given.items(), start=1):
        start = len(ledger.trials)
        for arm, values in SCORES.items():
            for seed, f1 in enumerate(values):
                both = ("averaged_selection_scores", "averaged_test_scores")
                averaged = dict.fromkeys(both, all_scores(f1)) if settings else {}
                ledger.finish(ledger.plan(arm, seed, settings), f1, averaged)
        every, ledger.trials = ledger.trials, ledger.trials[start:]
        ledger.save(name, updated=f"2020-01-0{number}")
        ledger.trials = every
        frame = select_settings(read_ledger(ledger.runs, [name]))
        studies.append(study_data(ledger.runs, frame))
    found = find_answers([], studies, [])
    assert found.effects is not None
    keys = [row.key for row in found.effects.rows if "one-round" in row.key]
    assert keys == ["one-round", "one-round preset own"]
    assert found.pooled is not None
    assert [part.how for part in found.pooled.parts] == [
        "the paper's settings",
        "preset own, averaged weights",
    ]
    (rounds,) = [card for card in found.cards if card.title == "Four more rounds (slope in K)"]
    assert rounds.sure.endswith("on WebNLG, the paper's settings.")


def test_two_seeds_have_no_interval(tmp_path: Path) -> None:
    two = {arm: values[:2] for arm, values in SCORES.items()}
    found = answers(finished(tmp_path, two).runs)
    assert found.effects is not None
    lows = [mark.low for row in found.effects.rows for mark in row.marks]
    assert all(map(math.isnan, lows))
    assert "CI" not in found.cards[0].sure


def test_other_models_are_compared_with_the_first(tmp_path: Path) -> None:
    found = answers(finished(tmp_path, {"a": (0.5, 0.6, 0.7), "b": (0.6, 0.7, 0.8)}).runs)
    assert [card.value for card in found.cards] == ["+10.0 F1"]
    assert found.curve is None


def test_nothing_finished_has_no_answers(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    ledger.plan("gru-1", 0)
    ledger.plan("bilstm-s", 0)
    ledger.save()
    found = answers(ledger.runs)
    assert (found.cards, found.effects, found.curve) == ((), None, None)


def point(rounds: int, mean: float, low: float, high: float, seeds: int = 3) -> Point:
    return Point(
        rounds=rounds,
        mean=mean,
        low=low,
        high=high,
        n=seeds,
        n_planned=seeds,
        seeds=(),
        published=None,
    )


def series(label: str, *means: float, seeds: int = 3) -> Series:
    points = (point(k, m, m - 1, m + 1, seeds) for k, m in enumerate(means))
    return Series(label=label, points=tuple(points))


def test_a_curve_says_what_rounds_and_settings_add() -> None:
    given, tuned = series("given", 80.0, 80.5, 81.5), series("tuned", 82.0, 83.0)
    curve = AnswerCurve(corpus="c", series=(given, tuned))
    assert curve.finding == (
        "Settings tuned add 2.0 to 2.5 F1; K = 2, the best of 2 on test, adds +1.5 to K = 0."
    )
    alone = AnswerCurve(corpus="c", series=(series("given", 80.0, 80.5, seeds=1),))
    assert alone.finding == "K = 1 adds +0.5 to K = 0 (one seed)."


def test_every_line_of_a_curve_is_drawn() -> None:
    curve = AnswerCurve(corpus="c", series=tuple(series(f"s{n}", 80.0, 81.0) for n in range(5)))
    (axes,) = draw_answer_curve(curve).axes
    assert len(axes.lines) == 5


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("others", [0, 1])
def test_a_long_label_leaves_the_axes_their_width(narrow: bool, others: int) -> None:
    long = "the paper's settings, encoder.dropout=0.4332, training.learning_rate=0.003126"
    lines = [series(long, 87.0, 88.1, 87.5, 87.9), series("tuned", 88.0, 88.5)][: others + 1]
    figure = draw_answer_curve(AnswerCurve(corpus="c", series=tuple(lines)), narrow=narrow)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    box = axes.get_window_extent()
    assert box.width > 0.75 * figure.bbox.width
    for text in axes.texts:
        label = text.get_window_extent()
        assert figure.bbox.x0 <= label.x0 < label.x1 <= figure.bbox.x1
        assert box.y0 <= label.y0 < label.y1 <= box.y1


def test_runs_that_learned_nothing_do_not_say_what_rounds_add() -> None:
    nothing, tuned = series("given", 0.0, 0.0), series("tuned", 0.0, 83.0)
    for curves in ((nothing,), (nothing, nothing), (nothing, tuned)):
        assert "to K = 0" not in AnswerCurve(corpus="c", series=curves).finding
    assert "83.0" in AnswerCurve(corpus="c", series=(nothing, tuned)).finding


@pytest.mark.parametrize("narrow", [False, True])
def test_every_mark_is_drawn(tmp_path: Path, narrow: bool) -> None:
    found = answers(finished(tmp_path, SCORES).runs)
    assert found.effects is not None
    assert found.curve is not None
    (axes,) = draw_effects(found.effects, narrow=narrow).axes
    values = {mark.value for row in found.effects.rows for mark in row.marks}
    drawn_at = [np.asarray(line.get_xdata()) for line in axes.lines]
    drawn = {float(xs[0]) for xs in drawn_at if len(xs) == 1}
    assert values <= drawn
    (curve,) = draw_answer_curve(found.curve, narrow=narrow).axes
    assert np.asarray(curve.lines[0].get_ydata()).tolist() == [81.0, 91.0, 91.0]


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("rise", [0.0, 1.5, -1.5])
def test_no_interval_crosses_the_label_of_its_line(narrow: bool, rise: float) -> None:
    # The interval of K = 5 reaches below that of K = 6, at whose end the label is.
    points = tuple(
        point(k, 85 + rise * k, 85 + rise * k - low, 86 + rise * k)
        for k, low in enumerate((0.7, 0.5, 0.4, 0.8, 0.5, 0.9, 0.7))
    )
    curve = AnswerCurve(corpus="c", series=(Series(label="the paper's settings", points=points),))
    figure = draw_answer_curve(curve, narrow=narrow)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    (label,) = (text for text in axes.texts if text.get_text() == "the paper's settings")
    box = label.get_window_extent()
    drawn = [path for found in axes.collections for path in found.get_paths()]
    assert len(drawn) == 7
    for path in (*drawn, axes.lines[0].get_path()):
        assert not path.transformed(axes.transData).intersects_bbox(box, filled=False)
    assert box.y0 >= axes.get_window_extent().y0, "the label is outside"
