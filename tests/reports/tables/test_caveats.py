"""Runs that learned nothing, or were still improving, are marked wherever their scores are."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reports.document.table import Cell, Row, Table
from reports.frames.studies import study_data
from reports.frames.trials import read_ledger
from reports.paper.claim_tables import claims_table
from reports.paper.registry import STUDY, make_tables
from reports.tables.caveats import mark_caveats
from tests.ledgers import Ledger
from tests.records import scores

RUNS = pd.DataFrame(
    [
        ("1", ""),
        ("2", "still improving"),
        ("3", "nothing learned"),
        ("4", "still improving"),
        ("5", "still improving"),
    ],
    columns=["fingerprint", "caveat"],
)


def table(*rows: str) -> Table:
    """Return a table with a row for each group of runs, whose names have one letter."""
    return Table(
        name="t",
        title="T",
        head="Model",
        rows=tuple(
            Row(key=runs, label=runs, cells={"F1": Cell(text="1", fingerprints=tuple(runs))})
            for runs in rows
        ),
    )


@pytest.mark.parametrize(
    ("runs", "marks"), [("1", ""), ("12", "†"), ("123", "‡†"), ("45", "†"), ("14", "†"), ("9", "")]
)
def test_a_row_is_marked_for_all_of_its_runs(runs: str, marks: str) -> None:
    marked = mark_caveats(table(runs), RUNS)
    assert marked.rows[0].marks == marks
    assert [note[0] for note in marked.notes] == list(marks)


def test_a_note_counts_the_runs_once() -> None:
    marked = mark_caveats(table("12", "2", "45"), RUNS)
    assert len(marked.notes) == 1
    assert "3 of these runs" in marked.notes[0]
    assert "| 12 † |" in marked.markdown()


def test_averaged_weights_have_columns_of_their_own(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    averaged = {"averaged_selection_scores": scores(0.7), "averaged_test_scores": scores(0.6)}
    ledger.finish(ledger.plan("gru-1", 0), 0.5, averaged)
    ledger.finish(ledger.plan("gru-2", 0), 0.5)
    ledger.save()
    study = study_data(tmp_path / "runs", read_ledger(tmp_path / "runs"))
    rows = {row.key: row.cells for row in make_tables(STUDY, study)[0].rows}
    names = ("F1, averaged weights", "Dev F1, averaged weights", "Dev F1, last 3 epochs")
    assert [rows["gru-1"][name].text for name in names] == ["60.0", "70.0", "50.0"]
    assert [rows["gru-2"][name].text for name in names] == ["–", "–", "50.0"]


def test_a_study_marks_its_runs(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    changes = {"selection_scores": scores(0.0), "test_scores": scores(0.0)}
    ledger.finish(ledger.plan("gru-1", 0), 0.5, changes)
    ledger.finish(ledger.plan("gru-2", 0), 0.8, {"best_epoch": 3})
    ledger.finish(ledger.plan("gru-3", 0), 0.8, {"best_epoch": 3, "end_reason": "patience"})
    ledger.finish(ledger.plan("gru-4", 0), 0.8)
    ledger.save()
    study = study_data(tmp_path / "runs", read_ledger(tmp_path / "runs"))
    results = make_tables(STUDY, study)[0]
    marks = {row.key: row.marks for row in results.rows}
    assert marks == {"gru-1": "‡", "gru-2": "†", "gru-3": "", "gru-4": ""}


def test_a_difference_is_not_marked_for_the_runs_of_one_model(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    for arm, f1 in (("gru-1", 0.8), ("bilstm-s", 0.7)):
        ledger.finish(ledger.plan(arm, 0), f1, {"best_epoch": 3})
    ledger.plan("gru-2", 0)
    ledger.save()
    study = study_data(tmp_path / "runs", read_ledger(tmp_path / "runs"))
    tables = {table.name: table for table in make_tables(STUDY, study)}
    marks = {
        name: {row.key: row.marks for row in tables[name].rows}
        for name in ("results", "differences")
    }
    assert marks["results"] == {"gru-1": "†", "bilstm-s": "†", "gru-2": ""}
    assert marks["differences"] == {"bilstm-s": "†", "gru-2": ""}
    assert [note[0] for note in tables["differences"].notes].count("†") == 1


def test_a_difference_is_marked_for_the_runs_of_either_model(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    for arm, best in (("gru-1", 2), ("bilstm-s", 3), ("gru-2", 2), ("gru-3", 2)):
        for seed in range(2):
            f1 = 0.7 + 0.01 * seed
            ledger.finish(ledger.plan(arm, seed), f1, {"best_epoch": best if seed else 2})
    ledger.save()
    study = study_data(tmp_path / "runs", read_ledger(tmp_path / "runs"))
    tables = {
        table.name: {row.key: row.marks for row in table.rows}
        for table in make_tables((*STUDY, claims_table), study)
    }
    assert tables["differences"] == {"bilstm-s": "†", "gru-2": "", "gru-3": ""}
    assert tables["claims"]["interaction"] == "†"
    assert tables["claims"]["rounds"] == ""
