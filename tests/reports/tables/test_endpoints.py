"""Other endpoints: the last epochs and the majority vote, by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reports.figures.rounds_curve import rounds_curve_info
from reports.frames.predictions import Answer
from reports.frames.scores import AVERAGED, SELECTED
from reports.frames.studies import study_data
from reports.frames.trials import read_ledger
from reports.paper.claims import judge_claims
from reports.paper.registry import STUDY, make_tables
from reports.tables.endpoints import endpoints_table, majority
from reports.tables.experiment import SENTENCES
from study.ledger.schema import LATE_EPOCHS
from tests.ledgers import GOLD, Ledger
from tests.records import an_epoch, scores

A, B, C = ((0, "r", number) for number in (1, 2, 3))


def test_more_than_half_of_the_runs_must_predict_a_triple() -> None:
    gold = frozenset({A})
    runs = [[Answer(gold, frozenset(said))] for said in ({A, B}, {A, C}, {A, B}, {C})]
    assert majority(runs) == [Answer(gold, frozenset({A}))]
    assert majority(runs[:3]) == [Answer(gold, frozenset({A, B}))]


def test_an_arm_has_a_vote_with_three_runs(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.describe(GOLD)
    right, wrong, other = (0, 0, "r", 1), (0, 0, "r", 3), (0, 2, "s", 3)
    for seed, said in enumerate([(right, wrong), (right,), (wrong, other)]):
        found = sum(one != wrong for one in said)
        score = 2 * found / (len(said) + 4)
        ledger.predict(ledger.plan("gru-1", seed), score, said)
        if seed < 2:
            ledger.predict(ledger.plan("gru-2", seed), score, said)
    ledger.save()
    one, two = endpoints_table(study_data(tmp_path, read_ledger(tmp_path))).rows
    # Two of three runs predict one right triple and two the wrong one. There are 4 gold triples.
    assert one.cells["Test F1, majority vote"].estimate.mean == pytest.approx(200 / (2 + 4))
    assert two.cells["Test F1, majority vote"].text == "–"


def test_the_last_epochs_are_averaged(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    history = [an_epoch(number, f1=number / 100).to_json() for number in range(1, 31)]
    for arm, split in {"gru-1": "dev", "gru-1-on-test": "test"}.items():
        config = {"training.selection": split}
        ledger.finish(ledger.plan(arm, 0, config=config), 0.5, {"history": history})
    ledger.save()
    dev, on_test = endpoints_table(study_data(tmp_path, read_ledger(tmp_path))).rows
    column = f"Dev F1, last {LATE_EPOCHS} epochs"
    assert dev.cells[column].estimate.mean == pytest.approx(25.5)
    assert on_test.cells[column].text == "–"


@pytest.mark.parametrize(("with_average", "gain"), [(True, -10), (False, 10)])
def test_runs_with_averaged_weights_are_judged_by_them(
    tmp_path: Path, with_average: bool, gain: float
) -> None:
    ledger = Ledger(tmp_path)
    for arm, selected, averaged in (("bilstm-s", 0.6, 0.8), ("gru-1", 0.7, 0.7)):
        for seed in range(3):
            drift = 0.001 * seed
            both = {
                "averaged_selection_scores": scores(averaged),
                "averaged_test_scores": scores(averaged + drift),
            }
            # A study is judged by its averaged weights only if all of its runs have them.
            has = with_average or arm == "gru-1"
            ledger.finish(ledger.plan(arm, seed), selected + drift, both if has else {})
    ledger.save()
    study = study_data(tmp_path, read_ledger(tmp_path))
    assert study.scores().endpoint is (AVERAGED if with_average else SELECTED)
    results, differences = make_tables(STUDY, study)[:2]
    (row,) = differences.rows
    assert row.key == "bilstm-s"
    assert row.cells["Δ F1"].estimate.mean == pytest.approx(-gain, abs=1e-6)
    interval = "95 % CI of F1, averaged weights" if with_average else "95 % CI of F1"
    judged_score = "F1, averaged weights" if with_average else "F1"
    assert results.columns[:4] == ("Verdict", judged_score, interval, "Paper's F1")
    assert any(f"in {study.scores().endpoint.text}." in note for note in results.notes)
    # Predictions are those of the selected epoch.
    assert (SENTENCES in differences.columns) is not with_average
    curve = rounds_curve_info(study.frame).panels[0]
    assert curve.baseline is not None
    assert curve.baseline.mean == pytest.approx(80.1 if with_average else 60.1)
    judged = {one.claim.key: one for one in judge_claims(replace(study, corpus="webnlg_star"))}
    assert judged["interaction"].judged.difference.value == pytest.approx(gain, abs=1e-6)
