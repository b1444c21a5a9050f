"""The front of a search with two objectives: figure, table and files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from reports.figures.front import draw_front, front_info, short_number
from reports.frames.searches import SearchData, read_search
from reports.page.search import build_search, search_section
from reports.tables.search import front
from study.commands.show import show_search
from study.ledger.ledger import Ledger
from tests.records import (
    a_planned_run,
    a_result,
    a_search,
    a_study,
    a_trial,
    scores,
    write_result,
)
from tests.tuned import PARAMETERS, RATE

#: Dev F1, seconds and state of each arm's trials.
TRIALS = {
    "a": ((0.80, 40, "finished"), (0.85, 90, "finished"), (0.70, 50, "finished")),
    "b": ((0.82, 30, "finished"), (0.60, 10, "finished"), (0.0, 1, "failed")),
}


def write(folder: Path, cost: str = "seconds") -> SearchData:
    trials = [
        a_trial(
            *(number, f1),
            arm=arm,
            parameters={RATE: 1e-3 * (1 + number)},
            fingerprint=f"{arm}{number}",
            seconds=[float(spent)],
            size=10_000 * spent,
            state=state,
        )
        for arm, rows in TRIALS.items()
        for number, (f1, spent, state) in enumerate(rows)
    ]
    search = a_search(
        {arm: {"objectives": ["dev_f1", cost]} for arm in TRIALS},
        *(trials, "two"),
        parameters=PARAMETERS,
        labels={"a": "Arm A", "b": "Arm B"},
    )
    Ledger(folder).record_search(search)
    return read_search(folder, "two")


def test_the_front_of_each_arm_the_cheapest_first(tmp_path: Path) -> None:
    info = front_info(write(tmp_path))
    assert info is not None
    rounded = [
        [[(x, round(y)) for x, y in points] for points in (arm.front, arm.dominated)]
        for arm in info.arms
    ]
    assert rounded == [[[(40, 80), (90, 85)], [(50, 70)]], [[(10, 60), (30, 82)], []]]
    assert "Arm A: 40 to 90 seconds for 80.0 to 85.0 dev F1." in info.finding
    (axes,) = draw_front(info).axes
    assert axes.get_xscale() == "linear"
    lines = [np.transpose(np.asarray(line.get_data())).round() for line in axes.lines]
    assert [line.tolist() for line in lines] == [[[40, 80], [90, 85]], [[10, 60], [30, 82]]]
    assert axes.get_ylim()[0] == pytest.approx(59), "the lowest of a front is seen"
    assert info.hidden == 0


def test_settings_far_below_the_best_are_left_out_and_counted(tmp_path: Path) -> None:
    data = write(tmp_path)
    data.trials.loc[data.trials["fingerprint"] == "b1", "dev_f1"] = 0.2
    info = front_info(data)
    assert info is not None
    assert (round(info.floor), info.hidden) == (55, 1)
    (drawing, *_) = search_section(data).drawings
    assert "Not shown: 1 setting below 55 dev F1." in drawing.caption


def test_parameters_are_counted_in_thousands_and_millions(tmp_path: Path) -> None:
    info = front_info(write(tmp_path, "parameters"))
    assert info is not None
    assert info.arms[0].front[0][0] == 400_000
    assert "400k to 900k parameters" in info.finding
    assert [short_number(n) for n in (7, 1500, 2_340_000)] == ["7", "1.5k", "2.34M"]


def test_the_table_the_files_and_show_have_the_front(tmp_path: Path) -> None:
    data = write(tmp_path)
    table = front(data)
    assert [row.label for row in table.rows] == ["a #1", "a #0", "b #0", "b #1"]
    assert [row.cells["seconds"].text for row in table.rows] == ["90", "40", "30", "10"]
    assert table.rows[0].cells["dev F1"].fingerprints == ("a1",)
    names = [drawing.name for drawing in search_section(data).drawings]
    assert names[0] == "front"
    build_search(tmp_path, tmp_path / "out", "two")
    rows = pd.read_csv(tmp_path / "out" / "two" / "front.csv")
    assert len(rows) >= 4
    trials = pd.read_csv(tmp_path / "out" / "two" / "trials.csv")
    assert trials.loc[trials["front"], "fingerprint"].tolist() == ["a0", "a1", "b0", "b1"]
    shown = io.StringIO()
    show_search(tmp_path, "two", Console(file=shown, width=200))
    assert "Pareto front of dev F1 and seconds" in shown.getvalue()


def test_fresh_seeds_are_beside_the_trials_that_ran_on_them(tmp_path: Path) -> None:
    write(tmp_path)
    ledger = Ledger(tmp_path)
    planned = []
    for number, (arm, f1) in enumerate([("a-paper", 0.79), ("a-trial1", 0.83), ("a-trial1", 0.87)]):
        config = {"training.seed": number}
        run = a_planned_run(number, arm=arm, label=arm, fingerprint=f"c{number}")
        result = a_result(
            *(f"c{number}", 1),
            config={**run.config, **config},
            selection_scores=scores(f1),
            test_scores=scores(f1 - 0.1),
        )
        write_result(ledger.run(f"c{number}").path, result)
        planned.append(run)
    ledger.record_study(a_study(planned, "two-confirmed"))
    data = read_search(tmp_path, "two")
    info = front_info(data)
    assert info is not None
    assert [(x, round(y)) for x, y in info.arms[0].fresh] == [(40, 79), (90, 85)]
    assert info.arms[1].fresh == ()
    by_row = {row.label: row.cells["test F1, fresh seeds"] for row in front(data).rows}
    assert by_row["a #1"].estimate.mean == pytest.approx(75)
    assert by_row["a #0"].fingerprints == ("c0",)
    assert by_row["b #0"].estimate.n == 0


def test_one_objective_has_no_front(tmp_path: Path) -> None:
    Ledger(tmp_path).record_search(a_search({"a": {}}, [a_trial(0)], "one"))
    data = read_search(tmp_path, "one")
    assert front_info(data) is None
    assert front(data).rows == ()
    assert "front" not in data.trials
    assert "front" not in [drawing.name for drawing in search_section(data).drawings]
