"""Races of a search's best settings on fresh seeds: who won, and what it is judged by."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from reports.frames.races import outcome_arms, race_is_open, tuned_arm
from reports.frames.searches import SearchData, read_search
from reports.frames.trials import read_ledger
from reports.tables.confirmation import Incomparable, compare_arms, confirmation, tuning
from tests.ledgers import Ledger, write_search


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    write_search(tmp_path)
    return tmp_path


def raced_search(runs: Path, tmp_path: Path, more: Sequence[tuple[str, int]] = ()) -> SearchData:
    """Two arms that raced: scores of dev by settings and seed, and of test 2 points lower."""
    data, ledger = read_search(runs, "some"), Ledger(tmp_path / "other")
    races = {
        "k-0-paper": (0.60, 0.61, 0.62),
        "k-0-trial4": (0.90, 0.80),
        "k-0-trial7": (0.82, 0.81, 0.83),
        "k-0-trial12": (0.81, 0.82, 0.80),
        "k-1-paper": (0.85, 0.86, 0.84),
        "k-1-trial1": (0.75, 0.74, 0.76),
    }
    for arm, scores in races.items():
        for seed, f1 in enumerate(scores):
            ledger.finish(ledger.plan(arm, seed), f1)
    for arm, seed in more:
        ledger.plan(arm, seed)
    ledger.save("some-confirmed")
    two = data.trials.iloc[:2].assign(arm=["k-0", "k-1"], label=["none", "one"])
    two = two.assign(state="finished", variant="model.rounds=0")
    confirmed = read_ledger(ledger.runs, ["some-confirmed"])
    confirmed = confirmed.assign(label=confirmed["arm"])
    return dataclasses.replace(data, trials=two, confirmed=confirmed)


def test_the_winner_of_a_race_has_the_best_mean_of_those_with_all_seeds(
    runs: Path, tmp_path: Path
) -> None:
    data = raced_search(runs, tmp_path)
    assert data.confirmed is not None
    assert tuned_arm(data.confirmed, "k-0") == "k-0-trial7", "trial 4 has two seeds only"
    assert tuned_arm(data.confirmed, "k-1") == "k-1-trial1"
    assert tuned_arm(data.confirmed, "k-9") is None
    assert outcome_arms(data.confirmed, "k-1") == ["k-1-trial1", "k-1-paper"]
    assert len(confirmation(data).rows) == 6
    (pair,) = compare_arms(data)
    assert set(pair.weights) == {"k-1-trial1", "k-0-trial7"}
    assert pair.incomparable is Incomparable.SEARCH_FAILED
    helped, failed = tuning(data).rows
    assert (helped.key, helped.cells["Verdict"].text) == ("k-0", "better")
    assert (failed.key, failed.cells["Verdict"].text) == ("k-1", "search failed")
    (said,) = [note for note in tuning(data).notes if "did not help" in note]
    assert said.startswith("one: ")
    assert "10.0 points" in said


def test_a_race_that_is_judged_by_averaged_weights_is_won_by_them(
    runs: Path, tmp_path: Path
) -> None:
    data = raced_search(runs, tmp_path)
    assert data.confirmed is not None
    gain = 0.1 * (data.confirmed["arm"] == "k-0-trial12")
    averaged = data.confirmed.assign(
        averaged_dev_f1=data.confirmed["dev_f1"] + gain,
        averaged_test_f1=data.confirmed["test_f1"] + gain,
    )
    assert tuned_arm(averaged, "k-0") == "k-0-trial12"
    rows = {
        row.key: row for row in confirmation(dataclasses.replace(data, confirmed=averaged)).rows
    }
    assert rows["k-0-trial12"].cells["dev F1"].text == "93.0 ± 1.0"  # 81 + 2 + 10
    averaged.loc[0, "averaged_test_f1"] = float("nan")  # this run has no averaged weights
    assert tuned_arm(averaged, "k-0") == "k-0-trial7"


def test_settings_that_learned_nothing_on_fresh_seeds_win_no_race(
    runs: Path, tmp_path: Path
) -> None:
    data = raced_search(runs, tmp_path)
    assert data.confirmed is not None
    raced = data.confirmed["arm"].str.startswith("k-1-trial")
    scores = [c for c in data.confirmed.columns if c.endswith("_f1")]
    zero = data.confirmed.copy()
    zero.loc[raced, scores] = 0.0
    data = dataclasses.replace(data, confirmed=zero)
    assert tuned_arm(zero, "k-1") is None
    assert tuned_arm(zero, "k-0") == "k-0-trial7"
    assert outcome_arms(zero, "k-1") == ["k-1-paper"]
    assert "k-1" not in [row.key for row in tuning(data).rows]
    (said,) = [note for note in confirmation(data).notes if note.startswith("No setting won")]
    assert "one" in said


def test_a_race_that_is_not_over_has_no_verdict(runs: Path, tmp_path: Path) -> None:
    data = raced_search(runs, tmp_path, more=[("k-0-trial7", 3)])
    assert data.confirmed is not None
    assert race_is_open(data.confirmed, "k-0")
    (pair,) = compare_arms(data)
    assert pair.incomparable is Incomparable.RACING
    assert any("leads the race" in note for note in confirmation(data).notes)
