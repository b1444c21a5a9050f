"""What is said of a search: by hand where there are numbers."""

import dataclasses
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.figures.search import SHOWN, draw_grace, draw_slices, expected_info, slices_info
from reports.frames.searches import (
    RESUMED,
    SearchData,
    audited,
    expected_best,
    outcomes,
    ranked,
    read_search,
    to_end,
)
from reports.frames.trials import UnknownExperiment, read_ledger
from reports.page.search import build_search
from reports.paper.registry import SEARCH, make_tables
from reports.tables.confirmation import (
    compare_arms,
    comparison,
    confirmation,
)
from reports.tables.search import audit_verdict, best_trials, grace, origins, saving
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger as StudyLedger
from tests.ledgers import RATE, TRIALS, Ledger, end, write_search


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    write_search(tmp_path)
    return tmp_path


def test_a_row_is_a_trial_with_what_it_cost(runs: Path) -> None:
    assert StudyLedger(runs).search_names() == ["some"]
    trials = read_search(runs, "some").trials.set_index("trial")
    assert trials["state"].to_dict() == {t["number"]: t["state"] for t in TRIALS}
    assert trials.loc[
        4, ["dev_f1", "epochs", "spent_epochs", "spent_seconds"]
    ].to_numpy().tolist() == [*(0.7, 6, 2, 4.0)]
    assert trials.loc[1, RATE] == 1e-4
    assert math.isnan(trials["dev_f1"].loc[3])


def test_only_finished_trials_are_ranked(runs: Path) -> None:
    assert ranked(read_search(runs, "some").trials)["trial"].tolist() == [4, 0]


def test_what_learned_nothing_is_not_ranked(runs: Path) -> None:
    trials = read_search(runs, "some").trials
    trials.loc[trials["trial"] == 4, "dev_f1"] = 0.0
    assert ranked(trials)["trial"].tolist() == [0]


def test_compute_is_told_by_outcome(runs: Path) -> None:
    table = outcomes(read_search(runs, "some"))
    assert table["trials"].to_dict() == {"finished": 2, "pruned": 2, "failed": 1, "running": 1}
    assert table["spent_epochs"].to_dict() == {
        **{"finished": 6, "pruned": 3, "failed": 0, "running": 1}
    }
    assert table.loc["pruned", "spent_seconds"] == 6.0
    end(runs, 1, 9, 0.65)  # two of its epochs were the trial's own
    table = outcomes(read_search(runs, "some"))
    assert table.loc[RESUMED].to_numpy().tolist() == [7, 14.0, 1]
    assert table.loc["pruned", "spent_epochs"] == 3


def test_what_stopping_saved_is_an_estimate_until_an_audit_knows(runs: Path) -> None:
    found = to_end(read_search(runs, "some").trials)
    # Ended trials have 4 and 6 epochs, 5 on average, of 2 s: two of 10 s in place of 6 s.
    assert (found.spent, found.to_end, found.known, found.estimated) == (26.0, 40.0, 0, 2)
    assert "saved about 35 % of the compute" in saving(read_search(runs, "some"))
    assert "for 2 pruned trials, the estimate" in saving(read_search(runs, "some"))
    end(runs, 1, 9, 0.65)
    found = to_end(read_search(runs, "some").trials)
    assert (found.known, found.estimated) == (1, 1)
    assert found.to_end == 20 + 18 + 2 * (4 + 6 + 9) / 3


def test_an_audit_says_whether_a_winner_was_stopped(runs: Path) -> None:
    assert audited(read_search(runs, "some").trials).empty
    end(runs, 1, 9, 0.65)
    data = read_search(runs, "some")
    assert audited(data.trials)["would_have_won"].tolist() == [False]
    assert "This trial would not" in audit_verdict(data)
    end(runs, 2, 9, 0.75)
    data = read_search(runs, "some")
    assert audited(data.trials)["would_have_won"].tolist() == [False, True]
    assert "pruned a winner**: a #2, by up to 5.0 points" in audit_verdict(data)
    assert ranked(data.trials)["trial"].tolist() == [4, 0], "an audited trial was not in the race"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.integers(1, 4))
def test_expected_best_is_the_mean_over_all_draws(values: list[float], most: int) -> None:
    found = expected_best(values, most)
    for n in range(1, most + 1):
        draws = [max(draw) for draw in itertools.product(values, repeat=n)]
        assert found[n - 1] == pytest.approx(np.mean(draws))


def test_expected_best_grows_towards_the_best() -> None:
    found = expected_best([0.1, 0.5, 0.3], 200)
    assert found[0] == pytest.approx(0.3)
    assert found[-1] == pytest.approx(0.5)
    assert (np.diff(found) > -1e-12).all()


def test_the_figures_take_every_judged_trial(runs: Path) -> None:
    data = read_search(runs, "some")
    info = slices_info(data)
    assert info is not None
    (only,) = info.slices
    assert (only.name, only.log) == (RATE, True)
    assert info.floor == pytest.approx(70 - SHOWN)
    (cloud,) = only.clouds
    assert cloud.finished == ((1e-3, 60.0), (2e-3, 70.0))
    assert cloud.pruned == ((1e-4, 20.0), (1e-5, 30.0))
    assert (cloud.start, cloud.best) == ((1e-3, 60.0), (2e-3, 70.0))
    ((label, curve),) = expected_info(data).curves
    assert (label, len(curve)) == ("Arm A", 4)
    assert curve[0] == pytest.approx((60 + 20 + 30 + 70) / 4)
    near, whole = draw_slices(info).axes
    assert near.get_xscale() == whole.get_xscale() == "log"
    drawn, far = (
        [np.asarray(c.get_offsets()).tolist() for c in axes.collections] for axes in (near, whole)
    )
    assert drawn[0] == [[1e-4, 60.0], [1e-5, 60.0]], "too low to be shown: on the edge"
    assert [[1e-4, 20.0], [1e-5, 30.0]] in far


def test_every_parameter_that_varies_has_a_slice(runs: Path) -> None:
    data = read_search(runs, "some")
    cells = np.array(["gru", "rnn", None, "gru", None, "gru"], dtype=object)
    choice = {
        "name": "CategoricalDistribution",
        "attributes": {"choices": ["gru", "rnn", "linear"]},
    }
    fixed = {"name": "IntDistribution", "attributes": {"log": False}}
    trials = data.trials.copy()
    trials["model.cell"] = cells
    trials["model.rounds"] = 1
    varied = dataclasses.replace(
        data,
        parameters={**data.parameters, "model.cell": choice, "model.rounds": fixed},
        trials=trials,
    )
    info = slices_info(varied)
    assert info is not None
    rate, cell = info.slices
    assert (rate.name, cell.name, cell.choices) == (RATE, "model.cell", ("gru", "rnn", "linear"))
    (cloud,) = cell.clouds
    assert [(round(x), y) for x, y in cloud.finished] == [(0, 60.0)]
    assert [(round(x), y) for x, y in cloud.pruned] == [(1, 20.0)], "two have no cell"
    assert (rate.clouds[0].best, cloud.best) == ((2e-3, 70.0), None), "nor has the best"
    panels = draw_slices(info).axes
    assert [axes.get_xlabel() for axes in panels] == ["learning_rate", "cell"]
    assert [label.get_text() for label in panels[1].get_xticklabels()] == ["gru", "rnn", "linear"]


def test_without_a_judged_trial_there_is_no_slice(runs: Path) -> None:
    data = read_search(runs, "some")
    assert slices_info(dataclasses.replace(data, trials=data.trials.iloc[:0])) is None


def test_the_page_says_what_was_found_and_what_it_cost(runs: Path, tmp_path: Path) -> None:
    build_search(runs, tmp_path / "out", "some")
    page = (tmp_path / "out" / "some" / "search.md").read_text()
    assert "points below the best.](slices.svg)" in page
    assert "| a #4 | 70.0 | 6 | 0.002 |" in page
    assert "| failed | 1 | 0 | 0 s |" in page
    assert "Trials by arm: a 6, of 6 each." in page
    assert "training.patience=3" in page
    assert "90.0" not in page, "a running trial is no result"
    best = best_trials(read_search(runs, "some"))
    assert [row.label for row in best.rows] == ["a #4", "a #0"]


def test_reports_are_the_same_bytes_each_time(runs: Path, tmp_path: Path) -> None:
    made = build_search(runs, tmp_path / "one", "some")
    again = build_search(runs, tmp_path / "two", "some")
    names = {path.name for path in made}
    assert names >= {"slices.svg", "expected_best.png", "search.md", "trials.csv"}
    assert names >= {"best_trials.tex", "compute.csv"}
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in again]


def test_a_cell_leads_to_its_trials(runs: Path) -> None:
    end(runs, 1, 9, 0.65)
    tables = {table.name: table for table in make_tables(SEARCH, read_search(runs, "some"))}
    behind = {
        name: {row.label: next(iter(row.cells.values())).fingerprints for row in table.rows}
        for name, table in tables.items()
    }
    assert behind["best_trials"] == {"a #4": ("f4",), "a #0": ("f0",)}
    assert behind["compute"]["pruned"] == ("f1", "f2")
    assert behind["compute"][RESUMED] == ("f1",)
    assert behind["audit"] == {"a #1": ("f1",)}


def test_what_was_confirmed_is_told_by_its_trial(runs: Path) -> None:
    data = read_search(runs, "some")
    cells = pd.DataFrame(
        [
            {"arm": arm, "label": label, "variant": variant, "seed": seed}
            for arm, label, variant in (
                ("a-tuned", "Arm A, tuned", f"{RATE}=0.002"),
                ("a-paper", "Arm A, paper's", ""),
                ("a-lost", "of another search", "model.rounds=7"),
            )
            for seed in (0, 1)
        ]
    )
    assert origins(dataclasses.replace(data, confirmed=cells)) == {
        "Arm A, tuned": "a #4, learning_rate 0.002",
        "Arm A, paper's": "a #0, learning_rate 0.001",
    }


def comparison_texts(data: SearchData) -> list[dict[str, str]]:
    return [
        {"arms": row.label} | {name: cell.text for name, cell in row.cells.items()}
        for row in comparison(data).rows
    ]


def test_arms_that_had_the_same_budget_are_compared(runs: Path, tmp_path: Path) -> None:
    data, ledger = read_search(runs, "some"), Ledger(tmp_path / "other")
    for arm, scores in {
        "k-0-tuned": (0.80, 0.82, 0.81),
        "k-0-paper": (0.70, 0.71, 0.72),
        "k-1-tuned": (0.84, 0.85, 0.86),
        "k-1-paper": (0.70, 0.73, 0.71),
        "k-3-paper": (0.75, 0.75, 0.75),  # its search found nothing better
    }.items():
        for seed, f1 in enumerate(scores):
            ledger.finish(ledger.plan(arm, seed), f1)
    ledger.plan("k-1-tuned", 3)
    ledger.save("some-confirmed")
    three = data.trials.iloc[:3].assign(arm=["k-0", "k-1", "k-3"], label=["none", "one", "three"])
    three = three.assign(state="finished", variant="model.rounds=0")
    assert compare_arms(dataclasses.replace(data, trials=three)) == [], "nothing is confirmed"
    confirmed = read_ledger(ledger.runs, ["some-confirmed"])
    compared = dataclasses.replace(data, trials=three, confirmed=confirmed)
    one, far, three_over_one = comparison_texts(compared)
    # Runs of one variant are an arm, so all runs pool to s = 5.28 here.
    assert (one["arms"], one["Δ F1"], one["Δ F1, untuned"]) == ("one over none", "+4.0", "+0.3")
    assert (far["arms"], far["Δ F1"]) == ("three over none", "−6.0")
    assert three_over_one["Δ F1"] == "−10.0"
    (table,) = (t for t in make_tables(SEARCH, compared) if t.name == "comparison")
    tuned = set(confirmed.loc[confirmed["arm"].isin(["k-0-tuned", "k-1-tuned"]), "fingerprint"])
    waiting = set(confirmed.loc[confirmed["status"] == "planned", "fingerprint"])
    assert set(table.rows[0].cells["Verdict"].fingerprints) == tuned - waiting
    for change, verdict in {
        "state": ("running", "search running"),
        "variant": ("training.batch_size=9", "outdated"),  # its confirmation is stale
    }.items():
        value, said = verdict
        since = three.assign(**{change: [value, *three[change][1:]]})
        none, far, rest = comparison_texts(dataclasses.replace(compared, trials=since))
        assert [none["Verdict"], far["Verdict"]] == [said, said]
        assert none["Δ F1"] == "+4.0"
        assert rest["Verdict"] not in ("search running", "outdated")


def test_arms_with_unequal_budgets_have_no_verdict(runs: Path, tmp_path: Path) -> None:
    data, ledger = read_search(runs, "some"), Ledger(tmp_path / "other")
    for arm, scores in {"k-0-tuned": (0.80, 0.82, 0.81), "k-1-tuned": (0.84, 0.85, 0.86)}.items():
        for seed, f1 in enumerate(scores):
            ledger.finish(ledger.plan(arm, seed), f1)
    ledger.save("some-confirmed")
    three = data.trials.iloc[:3].assign(arm=["k-0", "k-1", "k-1"], label=["none", "one", "one"])
    confirmed = read_ledger(ledger.runs, ["some-confirmed"])
    compared = dataclasses.replace(data, trials=three, confirmed=confirmed)
    (row,) = comparison_texts(compared)
    assert (row["Verdict"], row["Δ F1"]) == ("unequal budgets", "+4.0")
    (table,) = (t for t in make_tables(SEARCH, compared) if t.name == "comparison")
    assert table.title == "Differences between arms, each tuned with 1 to 2 trials, on fresh seeds"


def test_the_measured_grace_period_is_a_table_a_figure_and_a_file(
    runs: Path, tmp_path: Path
) -> None:
    rows = [
        {"epoch": e, "settings": 14, "spearman": 0.1 * e, "low": 0.1 * e - 0.2, "high": 0.9}
        for e in range(1, 9)
    ]
    measured = {"epoch": 7, "threshold": 0.7, "fewest": 12, "basis": "corpus", "corpus": "tiny"}
    measured |= {"settings": 14, "correlations": rows}
    path = runs / "searches" / "some.json"
    record = json.loads(path.read_text())
    assert grace(read_search(runs, "some")).rows == (), "older records have none"
    path.write_text(json.dumps(record | {"grace": measured}))
    data = read_search(runs, "some")
    table = grace(data)
    assert [row.key for row in table.rows] == ["1", "5", "7", "8"]
    (shown,) = (one for one in make_tables(SEARCH, data) if one.name == "grace")
    assert shown.columns == ("correlation", "95 % CI", "runs")
    assert table.rows[2].cells["correlation"].text == "0.70"
    assert data.grace is not None
    (axes,) = draw_grace(data.grace).axes
    assert axes.lines[0].get_ydata() == pytest.approx([row["spearman"] for row in rows])
    names = {p.name for p in build_search(runs, tmp_path / "out", "some")}
    assert names >= {"grace.svg", "grace.csv"}
    page = (tmp_path / "out" / "some" / "search.md").read_text()
    assert "ASHA prunes from epoch 7" in page


def test_choices_of_numbers_that_some_trials_lack_can_be_drawn(runs: Path) -> None:
    path = runs / "searches" / "some.json"
    record = json.loads(path.read_text())
    width = "model.feature_size"
    attributes = {"choices": [60, 100]}
    record["parameters"][width] = {"name": "CategoricalDistribution", "attributes": attributes}
    for trial, value in zip(record["trials"], (60, 100, 60), strict=False):
        trial["parameters"][width] = value
    path.write_text(json.dumps(record))
    info = slices_info(read_search(runs, "some"))
    assert info is not None
    assert {s.name: s.choices for s in info.slices}[width] == ("60", "100")
    assert draw_slices(info).axes
    assert build_search(runs, runs / "reports", "some")


def test_a_broken_record_is_named_and_the_search_record_is_not(runs: Path) -> None:
    end(runs, 1, 9, 0.65)
    (runs / "units" / "f1" / "result.json").write_text("{")
    trials = read_search(runs, "some").trials.set_index("trial")
    assert math.isnan(trials["end_dev_f1"].loc[1])
    studies = runs / "studies" / "some-confirmed.json"
    studies.parent.mkdir()
    studies.write_text("{")
    with pytest.raises(LedgerError, match=r"^\S+/studies/some-confirmed\.json: damaged record"):
        read_search(runs, "some")


def test_an_arm_that_is_not_confirmed_yet_is_in_no_comparison(runs: Path, tmp_path: Path) -> None:
    data, ledger = read_search(runs, "some"), Ledger(tmp_path / "other")
    ledger.plan("a-tuned", 0)
    ledger.finish(ledger.plan("a-paper", 0), 0.5)
    ledger.plan("b-tuned", 0)
    ledger.save("some-confirmed")
    two = data.trials.iloc[:3].assign(arm=["a", "b", "c"], label=["A", "B", "C"])
    confirmed = read_ledger(ledger.runs, ["some-confirmed"])
    (row,) = comparison_texts(dataclasses.replace(data, trials=two, confirmed=confirmed))
    assert (row["arms"], row["Verdict"], row["Δ F1"]) == ("B over A", "not run", "not run")


def test_a_search_that_has_just_begun_has_a_report(runs: Path) -> None:
    path = runs / "searches" / "some.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"trials": []}))
    data = read_search(runs, "some")
    assert [table.name for table in make_tables(SEARCH, data)] == []
    assert saving(data) == "No trial was pruned."
    assert confirmation(data).rows == ()
    assert build_search(runs, runs / "reports", "some")


def test_a_search_that_is_not_there_or_broken_is_named(runs: Path) -> None:
    with pytest.raises(UnknownExperiment, match=r"other: no such search in .*; there are some"):
        read_search(runs, "other")
    (runs / "searches" / "some.json").write_text("{}")
    with pytest.raises(LedgerError, match=r"some\.json: damaged record \(experiment is missing"):
        read_search(runs, "some")
