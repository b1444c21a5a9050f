"""The figures of all trials of a search: described by hand, drawn in the ledger's numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from reports.document.section import SMALL
from reports.figures.search import SHOWN
from reports.figures.trials import (
    draw_history,
    draw_importance,
    draw_parallel,
    history_info,
    parallel_info,
)
from reports.frames.searches import SearchData, read_search
from reports.page.search import build_search, search_section
from study.ledger.importance import ArmImportance, Importance
from study.ledger.ledger import Ledger
from tests.records import a_search, a_trial
from tests.tuned import CELL, DROPOUT, PARAMETERS, RATE, ROUNDS

IMPORTANCE = {
    "a": ArmImportance(
        trials=12,
        best=5,
        parameters={
            DROPOUT: Importance(share=0.7, chance=0.4),
            RATE: Importance(share=0.3, chance=0.5),
        },
    )
}
#: Rate, dropout, rounds, cell, dev F1, state.
ROWS = (
    (1e-3, 0.25, 1, "rnn", 0.80, "finished"),
    (1e-5, 0.0, 0, None, 0.10, "pruned"),
    (1e-1, 0.5, 3, "gru", 0.85, "finished"),
    (1e-2, 0.1, 2, "gru", 0.82, "finished"),
)


@pytest.fixture
def data(tmp_path: Path) -> SearchData:
    trials = []
    for number, (rate, dropout, rounds, cell, f1, state) in enumerate(ROWS):
        given = {RATE: rate, DROPOUT: dropout, ROUNDS: rounds, CELL: cell}
        parameters = {path: value for path, value in given.items() if value is not None}
        trials.append(a_trial(number, f1, parameters=parameters, state=state))
    trials.append(a_trial(4, arm="b", state="running", dev_f1=[], seconds=[]))
    search = a_search(
        {"a": {}, "b": {}},
        trials,
        "tune",
        parameters=PARAMETERS,
        labels={"a": "Arm A", "b": "Arm B"},
        importance={arm: found.to_json() for arm, found in IMPORTANCE.items()},
    )
    Ledger(tmp_path).record_search(search)
    return read_search(tmp_path, "tune")


def test_the_history_has_every_trial_and_the_best_of_the_finished_ones(data: SearchData) -> None:
    info = history_info(data)
    assert info is not None
    first, second = info.arms
    assert [(n, round(f1), done) for n, f1, done in first.trials] == [
        *((1, 80, True), (2, 10, False), (3, 85, True), (4, 82, True))
    ]
    assert [(n, round(f1)) for n, f1 in first.best] == [(1, 80), (3, 85), (4, 85)]
    assert (second.trials, second.best) == ((), ())
    assert info.floor == pytest.approx(85 - SHOWN)
    (axes,) = draw_history(info).axes
    (line,) = axes.lines
    assert np.asarray(line.get_ydata()).round().tolist() == [80, 85, 85, 85]
    drawn = [np.asarray(c.get_offsets()).tolist() for c in axes.collections]
    below = next(points for points in drawn if len(points) == 1)
    assert below == [[2, pytest.approx(75)]], "on the lower edge"


def test_parallel_coordinates_place_each_value_on_its_own_scale(data: SearchData) -> None:
    info = parallel_info(data)
    assert info is not None
    assert [scale.name for scale in info.scales] == [RATE, DROPOUT, ROUNDS, CELL, "dev_F1"]
    assert [[round(place, 2) for place in line.places] for line in info.lines] == [
        [0.5, 0.5, 0.33, 1.0, 0.5],
        [0.0, 0.0, 0.0, -0.14, 0.0],
        [1.0, 1.0, 1.0, 0.0, 1.0],
        [0.75, 0.2, 0.67, 0.0, 0.7],
    ]
    assert [line.best for line in info.lines] == [False, False, True, False]
    assert [line.finished for line in info.lines] == [True, False, True, True]
    texts = {scale.name: [text for _, text in scale.ticks] for scale in info.scales}
    assert texts[RATE] == ["1e-05", "0.1"]
    assert texts[CELL] == ["gru", "rnn", "none"], "a trial without rounds has no cell"
    assert texts[ROUNDS] == ["0", "3"]
    (axes,) = draw_parallel(info).axes
    xs_and_ys = [[np.asarray(xs).tolist() for xs in line.get_data()] for line in axes.lines]
    drawn = [ys for xs, ys in xs_and_ys if len(xs) == len(info.scales)]
    assert len(drawn) == len(ROWS)
    assert drawn[-1] == pytest.approx(info.lines[2].places), "the best on top"


def test_importance_has_a_bar_for_each_parameter_and_a_line_for_chance(data: SearchData) -> None:
    (axes,) = draw_importance(data.importance, data.arms).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["dropout", "learning_rate"]
    assert [bar.get_width() for bar in axes.patches if isinstance(bar, Rectangle)] == [0.7, 0.3]
    lines = [np.asarray(path.vertices)[0, 0] for c in axes.collections for path in c.get_paths()]
    assert lines == [0.4, 0.5]


def test_the_section_and_the_files_have_them(data: SearchData, tmp_path: Path) -> None:
    drawings = {drawing.name: drawing for drawing in search_section(data).drawings}
    assert list(drawings) == ["history", "expected_best", "importance", "parallel", "slices"]
    assert "Arm A: dropout" in drawings["importance"].caption
    assert [name for name, one in drawings.items() if one.is_small] == list(drawings)[:3]
    assert all(one.figure.get_size_inches()[0] <= 2 * SMALL for one in drawings.values())
    build_search(tmp_path, tmp_path / "out", "tune")
    found = pd.read_csv(tmp_path / "out" / "tune" / "importance.csv")
    assert found["parameter"].tolist() == [DROPOUT, RATE]
    assert found["share"].tolist() == [0.7, 0.3]
    assert found["best_trials"].tolist() == [5, 5]


def test_without_trials_or_importance_there_is_no_empty_figure(tmp_path: Path) -> None:
    one = [a_trial(0, 0.5, parameters={RATE: 1e-3})]
    Ledger(tmp_path).record_search(a_search({"a": {}}, one, "tune", parameters=PARAMETERS))
    data = read_search(tmp_path, "tune")
    assert parallel_info(data) is None
    assert [drawing.name for drawing in search_section(data).drawings] == [
        *("history", "expected_best")
    ]
    Ledger(tmp_path).record_search(a_search({"a": {}}, [], "none", parameters=PARAMETERS))
    assert history_info(read_search(tmp_path, "none")) is None
