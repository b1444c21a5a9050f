"""Scores with entity types in the ledger, in frames and in tables."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest
from rich.console import Console

from reports.frames.studies import study_data
from reports.frames.trials import read_ledger
from reports.page.build import build
from reports.tables.experiment import results_table
from study.commands.closing import Closing
from study.ledger.fields import TYPED_SCORES
from tests.commands import printed
from tests.ledgers import Ledger
from tests.records import a_result, scores

TYPED = scores(0.8, exact_f1=0.7, entity_f1=0.75) | dict.fromkeys(TYPED_SCORES, 0.6)


def ledger_of(runs: Path, *, typed: bool) -> Ledger:
    """Two arms; the first has types."""
    made = Ledger(runs)
    changes = {"test_scores": TYPED, "selection_scores": TYPED} if typed else {}
    made.finish(made.plan("gru-1", 0), 0.8, changes)
    made.finish(made.plan("bilstm-s", 0), 0.5)
    made.save()
    return made


def test_columns_of_the_frame(tmp_path: Path) -> None:
    frame = read_ledger(ledger_of(tmp_path / "runs", typed=True).runs).set_index("arm")
    typed, untyped = (frame.loc[[arm]].iloc[0] for arm in ("gru-1", "bilstm-s"))
    assert (typed["test_strict_f1"], typed["test_entity_boundaries_f1"]) == (0.6, 0.6)
    assert typed["dev_strict_recall"] == 0.6
    assert math.isnan(untyped["test_strict_f1"])
    assert untyped["test_entity_boundaries_f1"] == untyped["test_entity_f1"]


@pytest.mark.parametrize("typed", [True, False])
def test_the_table_has_strict_scores_where_there_are_any(tmp_path: Path, typed: bool) -> None:
    frame = read_ledger(ledger_of(tmp_path / "runs", typed=typed).runs)
    table = results_table(study_data(tmp_path / "runs", frame))
    rows = {row.key: row.cells for row in table.rows}
    names = {"Strict F1", "Entity boundaries F1"}
    assert names & rows["gru-1"].keys() == (names if typed else set())
    assert any("Strict F1" in note for note in table.notes) == typed
    if typed:
        assert "Strict F1, averaged weights" not in rows["gru-1"]
        assert rows["gru-1"]["Strict F1"].text.startswith("60.0")
        assert rows["gru-1"]["Exact F1"].text.startswith("70.0")
        assert rows["bilstm-s"]["Strict F1"].text == "–"


def test_averaged_weights_have_strict_scores_too(tmp_path: Path) -> None:
    made = Ledger(tmp_path / "runs")
    averaged = TYPED | {"f1": 0.82, "strict_f1": 0.65}
    both = {"averaged_selection_scores": averaged, "averaged_test_scores": averaged}
    made.finish(made.plan("gru-1", 0), 0.8, {"test_scores": TYPED, **both})
    made.save()
    frame = read_ledger(made.runs)
    (row,) = results_table(study_data(made.runs, frame)).rows
    assert row.cells["Strict F1, averaged weights"].text.startswith("65.0")
    assert row.cells["Strict F1"].text.startswith("60.0")
    console = Console(file=io.StringIO(), width=80)
    Closing(built=build(made.runs, tmp_path / "out")).print(made.runs, console)
    assert "highest dev F1: RIN (GRU, K = 1), 82.0 (test 82.0, strict 65.0)" in printed(console)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"strict_f1": 0.5}, "strict_precision is missing"),
        (dict.fromkeys(TYPED_SCORES, 0.5) | {"other": 0.1}, "other: no such score"),
        ({"other": 0.1}, "other: no such score"),
    ],
)
def test_a_record_has_all_typed_scores_or_none(change: dict[str, float], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        a_result("f", test_scores=scores(0.5) | change)
