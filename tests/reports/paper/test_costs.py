"""Costs by outcome and of decided claims, on runs whose times were chosen by hand."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from reports.document.table import Table
from reports.frames.runs import RunCard, counts_text, run_cards
from reports.frames.studies import study_data
from reports.frames.trials import no_trials, read_ledger, select_settings
from reports.page.corpora import paper_sections
from reports.paper.costs import cost_section, outcomes_table
from reports.paper.other_corpora import claims_elsewhere, other_corpora_section
from reports.paper.sign_flip import MOST, read_seeds, seeds_for
from study.ledger.state import TrialState
from tests.ledgers import Ledger, a_plan
from tests.records import an_epoch


def card(name: str, status: str, seconds: float, gpu: bool = False, cpus: str = "1") -> RunCard:
    return RunCard(
        fingerprint=name,
        label=name,
        seed=0,
        corpus="webnlg_star",
        experiments=("e",),
        status=TrialState(status),
        seconds=seconds,
        options={"cpus_per_trial": cpus},
        on_gpu=gpu,
    )


CARDS = (
    card("a", "finished", 3600.0),
    card("b", "finished", 7200.0, cpus="2"),
    card("c", "finished", 1800.0, gpu=True),
    card("d", "pruned", 900.0, cpus="0.5"),
    card("e", "failed", 360.0),
    card("f", "running", 720.0),
    card("g", "planned", math.nan),
)


def texts(table: Table) -> Mapping[str, tuple[str, ...]]:
    return {row.key: tuple(cell.text for cell in row.cells.values()) for row in table.rows}


def test_each_outcome_has_its_hours_and_a_gpu_hour_is_no_core_hour() -> None:
    table = outcomes_table(CARDS, {"a", "f"})
    assert table.columns == ("Runs", "Core-hours", "GPU-hours")
    assert texts(table) == {
        "finished, used by a claim": ("1", "1.0", "0.0"),
        "finished, not used by a claim": ("2", "4.0", "0.5"),
        "pruned": ("1", "0.2", "0.0"),
        "failed": ("1", "0.1", "0.0"),
        "started, not finished": ("1", "0.2", "0.0"),
        "planned, not started": ("1", "0.0", "0.0"),
        "all": ("7", "5.5", "0.5"),
    }
    assert outcomes_table(CARDS[:2], ()).columns == ("Runs", "Core-hours")


def test_runs_are_counted_by_state() -> None:
    assert counts_text(CARDS) == (
        "7 runs of 1 experiment: 3 finished, 1 pruned, 1 failed, 1 running, 1 planned."
    )
    every = [card(state, state, 0.0) for state in TrialState]
    assert counts_text(every).count("1 ") == 1 + len(TrialState), "each state is counted"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Interaction helps by 3 points; one run was stopped in its second epoch."""
    made = Ledger(tmp_path / "runs")
    for seed, more in enumerate((0.0, 0.01, 0.02)):
        for arm, f1 in (("gru-1", 0.86), ("gru-3", 0.86), ("bilstm-s", 0.83)):
            made.finish(made.plan(arm, seed), f1 + more, {"seconds": 1800.0})
    stopped = made.plan("rnn-1", 0)
    lines = [json.dumps(an_epoch(epoch, seconds=900.0).to_json()) for epoch in (1, 2)]
    made.write(stopped, "history.jsonl", "\n".join([*lines, ""]))
    made.save()
    return made


def test_a_decided_claim_has_the_costs_of_both_tests(ledger: Ledger) -> None:
    frame = read_ledger(ledger.runs)
    cards = run_cards(ledger.runs, frame, [])
    study = study_data(ledger.runs, frame)
    outcomes, decided = cost_section([study], [], cards).tables
    assert texts(outcomes)["started, not finished"] == ("1", "0.5")
    row = texts(decided)["webnlg_star interaction"]
    # Of an arm's mean: sd 1 point. Two arms against one: a pair has sd √1.5, the effect is 2.45.
    curve = read_seeds()[2]
    needed = seeds_for(curve, 3 / math.sqrt(1.5))
    assert row == ("better", "3", "4.5", f"{needed:.0f}", f"{needed * 1.5:.1f}")
    assert 6 < needed < 12


def test_without_a_simulation_nothing_is_said_about_the_sign_flip_test(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("reports.paper.costs.read_seeds", lambda: read_seeds(tmp_path / "none"))
    frame = read_ledger(ledger.runs)
    study = study_data(ledger.runs, frame)
    _, decided = cost_section([study], [], run_cards(ledger.runs, frame, [])).tables
    assert texts(decided)["webnlg_star interaction"] == ("better", "3", "4.5", "–", "–")


def test_the_runs_of_a_decided_claim_are_in_the_order_of_its_plan(ledger: Ledger) -> None:
    average = {"training.average": "ema"}
    planned = {
        arm: [ledger.plan(arm, seed, average) for seed in range(3)] for arm in ("gru-1", "bilstm-s")
    }
    for name in (name for names in planned.values() for name in names):
        ledger.finish(name, 0.9)
    first = {arm: names[0] for arm, names in planned.items()}
    ledger.save("decided-webnlg_star", updated="2020-01-02", decisions=a_plan(first))
    everything = read_ledger(ledger.runs)
    frames = [select_settings(read_ledger(ledger.runs, ["rounds_curve-webnlg_star"]))]
    study, _ = paper_sections(ledger.runs, everything, frames, no_trials())[0]
    _, decided = cost_section([study], [], run_cards(ledger.runs, everything, [])).tables
    (row,) = [row for row in decided.rows if row.key == "webnlg_star interaction"]
    # By label, then as planned: the same in every process.
    assert row.cells["Verdict"].fingerprints == (*planned["bilstm-s"], *planned["gru-1"])


def test_a_contrast_that_a_plan_decides_on_another_corpus_is_listed_and_has_its_cost(
    ledger: Ledger,
) -> None:
    average = {"training.average": "ema"}
    names = {arm: ledger.plan(arm, 0, average) for arm in ("gru-1", "bilstm-s")}
    for arm, first in names.items():
        runs = [first, *(ledger.plan(arm, seed, average) for seed in (1, 2))]
        for name in runs:
            ledger.finish(name, 0.9, {"seconds": 1200.0})
    ledger.save("decided-webnlg_star", updated="2020-01-02", decisions=a_plan(names))
    frame = select_settings(read_ledger(ledger.runs, ["decided-webnlg_star"]))
    cards = run_cards(ledger.runs, read_ledger(ledger.runs), [])
    study = replace(study_data(ledger.runs, frame), corpus="letters")
    assert claims_elsewhere([replace(study, corpus="webnlg_star")]) == [], "a corpus of the paper"
    assert claims_elsewhere([replace(study, outdated=True)]) == []

    claims = claims_elsewhere([study])
    (table,) = other_corpora_section(claims).tables
    (row,) = table.rows
    assert row.label.startswith("letters: ")
    shown = [row.cells[name].text for name in ("Verdict", "Δ F1", "95 % CI", "Seeds")]
    assert shown == ["equal within 0.5", "+0.1", "−0.4 to 0.6", "3"]

    outcomes, decided = cost_section([], claims, cards).tables
    assert texts(outcomes)["finished, used by a claim"] == ("6", "2.0")
    assert texts(decided)["decided-webnlg_star interaction"][:3] == ("equal within 0.5", "3", "2.0")


def test_smaller_effects_and_more_tests_need_more_seeds() -> None:
    curves = read_seeds()
    assert set(curves) == {1, 2, 3, 4, 5}
    for curve in curves.values():
        seeds = [count for _, count in curve]
        assert seeds == sorted(seeds, reverse=True)
        assert max(count for count in seeds if math.isfinite(count)) <= MOST
    fewest = [curves[tests][-1][1] for tests in sorted(curves)]
    # 2 / 2ⁿ must be below 0.05 / tests.
    assert fewest == [6, 7, 7, 8, 8]
    assert seeds_for(curves[1], 0.0) == math.inf


def test_every_state_of_a_trial_has_an_outcome() -> None:
    cards = [replace(CARDS[0], fingerprint=state, status=state) for state in TrialState]
    counted = texts(outcomes_table(cards, ()))
    assert counted["all"][0] == str(len(TrialState))
    assert counted["started, not finished"][0] == "2"


def test_every_published_claim_that_is_decided_has_a_cost() -> None:
    """A claim that a plan decided has the runs of its last look, under other settings."""
    path = Path(__file__).parents[3] / "results" / "costs" / "decided.csv"
    spent: dict[str, float] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for cell in csv.DictReader(file):
            if cell["column"] in ("Core-hours", "GPU-hours"):
                spent[cell["row"]] = spent.get(cell["row"], 0.0) + float(cell["value"])
    assert any(key.endswith("capacity") for key in spent)
    assert all(hours > 0 for hours in spent.values())
