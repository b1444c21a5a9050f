"""What each choice of the authors' program is worth."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.frames.studies import study_data
from reports.frames.trials import no_trials, read_ledger
from reports.page.corpora import paper_sections
from reports.stats.verdicts import Word
from reports.tables.experiment import ON_TEST, SWITCHED, results_table, switch_pairs, switches_table
from search_spaces import authors_programme
from tests.ledgers import Ledger

ON = {"training.selection": "test"}


def test_the_name_is_that_of_the_space() -> None:
    assert authors_programme.SPACE.name == SWITCHED


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runs")
    means = {"bilstm-s": 0.85, "bilstm-s-cased": 0.87, "gru-1": 0.86, "gru-1-cased": 0.86}
    for arm, mean in {**means, f"gru-1{ON_TEST}": 0.9}.items():
        config = ON if arm.endswith(ON_TEST) else {}
        for seed in range(3):
            made.finish(made.plan(arm, seed, config=config), mean + 0.001 * seed)
            made.trials[-1]["label"] = arm
    made.save(f"{SWITCHED}-webnlg_star")
    return made


def test_each_switch_is_compared_with_the_arm_without_it(ledger: Ledger) -> None:
    study = study_data(ledger.runs, read_ledger(ledger.runs))
    pairs = {"bilstm-s-cased": "bilstm-s", "gru-1-cased": "gru-1", f"gru-1{ON_TEST}": "gru-1"}
    assert switch_pairs(study.frame) == pairs
    table = switches_table(study)
    assert table is not None
    rows = {row.key: row.cells for row in table.rows}
    assert {arm: cells["Δ F1"].text for arm, cells in rows.items()} == {
        **{"bilstm-s-cased": "+2.0", "gru-1-cased": "+0.0", f"gru-1{ON_TEST}": "+4.0"},
    }
    judged = rows["bilstm-s-cased"]["Verdict"].judged
    assert judged is not None
    assert judged.verdict.word is Word.BETTER
    labels = {row.key: row.label for row in table.rows}
    assert labels[f"gru-1{ON_TEST}"].endswith("(epoch chosen on test)")
    assert "test" not in labels["gru-1-cased"]


def test_other_spaces_have_no_such_table(ledger: Ledger) -> None:
    frame = read_ledger(ledger.runs).assign(space="rounds_curve")
    assert switches_table(study_data(ledger.runs, frame)) is None


def test_what_test_chose_is_not_compared_with_the_paper(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    for seed in range(3):
        ledger.finish(ledger.plan("gru-1", seed, ON, ON), 0.9)
        ledger.finish(ledger.plan("bilstm-s", seed, ON), 0.8)
    ledger.save("main_results-webnlg_star")
    frame = read_ledger(ledger.runs)
    rows = {row.key: row for row in results_table(study_data(ledger.runs, frame)).rows}
    assert rows["gru-1"].cells["Paper's F1"].text == "–"
    assert rows["bilstm-s"].cells["Paper's F1"].text == "85.4"
    study, _ = paper_sections(ledger.runs, frame, [frame], no_trials())[0]
    assert set(study.frame["arm"]) == {"bilstm-s"}
