"""Reports from a small ledger whose numbers were chosen by hand."""

from __future__ import annotations

import csv
import io
import math
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest

from reports.document.style import save_figure
from reports.document.table import Table
from reports.figures.rounds_curve import (
    draw_rounds_curve,
    is_rounds_curve,
    rounds_curve_info,
    seed_count,
)
from reports.frames.select import of_arm
from reports.frames.studies import StudyData
from reports.frames.trials import complete_commands, read_ledger, select_settings
from reports.page.build import build
from reports.page.command import main
from reports.tables.cells import score
from reports.tables.experiment import results_table
from reports.tables.notes import trial_notes
from study.ledger.command import render
from tests.ledgers import EXPERIMENT, OPTIONS, Ledger, an_eventful_ledger
from tests.records import PROVENANCE, an_epoch

# --- mean, sd, interval --------------------------------------------------------------------


def test_mean_and_sd_by_hand(frame: pd.DataFrame) -> None:
    gru = of_arm(frame, "gru-1")
    f1 = score(gru, "test_f1")
    assert (f1.n, f1.mean, f1.sd) == pytest.approx((3, 86, 2))
    assert score(gru, "test_precision").mean == pytest.approx(85)
    assert score(gru, "test_entity_f1").mean == pytest.approx(91)
    # t(0.975, 2) = 4.3027, and 4.3027 · 2 / √3 = 4.968
    assert (f1.low, f1.high) == pytest.approx((81.03, 90.97), abs=0.005)


def test_only_finished_seeds_are_averaged(frame: pd.DataFrame) -> None:
    rnn = score(of_arm(frame, "rnn-1"), "test_f1")
    # |82 − 83| / √2; t(0.975, 1) = 12.706, and 12.706 · 0.7071 / √2 = 6.353
    assert (rnn.n, rnn.mean, rnn.sd) == pytest.approx((2, 82.5, 1 / math.sqrt(2)))
    assert (rnn.low, rnn.high) == pytest.approx((76.147, 88.853), abs=0.001)


def test_one_seed_has_a_mean_alone_and_none_has_nothing(frame: pd.DataFrame) -> None:
    one, none = (score(of_arm(frame, arm), "test_f1") for arm in ("bilstm-s", "gru-2"))
    assert (one.n, one.mean) == pytest.approx((1, 80))
    assert all(math.isnan(value) for value in (one.sd, one.low, one.high))
    assert none.n == 0
    assert all(math.isnan(value) for value in (none.mean, none.sd, none.low, none.high))


# --- tables --------------------------------------------------------------------------------


def study(frame: pd.DataFrame) -> StudyData:
    return StudyData(corpus=str(frame["corpus"].iloc[0]), frame=frame)


def lines(table: Table) -> dict[str, str]:
    """Return each row of the readable table by its label."""
    rows = [line for line in table.markdown().splitlines() if line.startswith("| ")]
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows[2:]}


def test_markdown_cells(frame: pd.DataFrame) -> None:
    rows = lines(results_table(study(frame)))
    gru = rows["RIN (GRU, K = 1)"]
    assert "| 3/3 | 85.0 ± 2.0 | 87.0 ± 2.0 | 86.0 ± 2.0 | 88.0 ± 2.0 | 91.0 ± 2.0 |" in gru
    assert "| 86.3 | undecided, " in gru
    assert gru.endswith("| Table 1, RIN (100d, K = 1) |")
    assert "| 2/5 (1 running, 1 failed, 1 unreadable) |" in rows["RIN (RNN, K = 1)"]
    assert "| 0/1 (1 planned) | not run | not run | not run |" in rows["RIN (GRU, K = 2)"]
    assert "| 1/2 (1 planned) | 79.0 | 81.0 | 80.0 |" in rows["BiLSTM_s"]
    assert "| 85.4 | one seed |" in rows["BiLSTM_s"]


def test_an_arm_that_only_failed_is_not_called_not_run(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.write(ledger.plan("gru-1", 0), "failure.json", '{"reason": "x"}')
    ledger.save()
    text = results_table(study(read_ledger(tmp_path))).markdown()
    assert "| 0/1 (1 failed) | no result | no result | no result |" in text


def test_selection_on_test_is_marked(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.finish(ledger.plan("gru-1", 0, config={"training.selection": "test"}), 0.9)
    ledger.save()
    frame = read_ledger(tmp_path)
    assert "(epoch chosen on test)" in results_table(study(frame)).markdown()
    assert "chosen on the test split" in trial_notes(study(frame))[0]
    assert rounds_curve_info(frame).selection == "test"


# --- figure --------------------------------------------------------------------------------


def test_figure_data(frame: pd.DataFrame) -> None:
    info = rounds_curve_info(frame)
    assert [panel.metric for panel in info.panels] == ["f1", "precision", "recall"]
    f1 = info.panels[0]
    assert [(c.cell, [p.rounds for p in c.points]) for c in f1.curves] == [
        ("gru", [1, 2]),
        ("rnn", [1]),
    ]
    first, second = f1.curves[0].points
    assert (first.mean, first.low, first.high) == pytest.approx(
        (86, 86 - 4.968, 86 + 4.968), abs=0.001
    )
    assert first.seeds == pytest.approx((84, 86, 88))
    assert first.complete
    assert first.published == 86.3
    assert (second.n, second.n_planned, second.published) == (0, 1, None)
    assert math.isnan(second.mean)
    assert f1.baseline is not None
    assert (f1.baseline.rounds, f1.baseline.n, f1.baseline.published) == (0, 1, 85.4)
    assert math.isnan(f1.baseline.low)
    assert not f1.baseline.complete
    assert seed_count(info) == "0–3 of 5 seeds"


def test_which_experiments_are_a_curve(frame: pd.DataFrame) -> None:
    assert is_rounds_curve(frame)
    assert not is_rounds_curve(frame[frame["arm"] == "bilstm-s"]), "of K = 0 alone"
    ablation = frame.copy()
    ablation.loc[frame["arm"] == "rnn-1", "settings_except_rounds"] = "model.relation_input=false"
    assert not is_rounds_curve(ablation)
    with pytest.raises(ValueError, match="differ in K and cell only"):
        rounds_curve_info(ablation)
    renamed = pd.concat([frame, frame[frame["arm"] == "gru-1"].assign(arm="gru-one")])
    assert not is_rounds_curve(renamed), "one point twice"


def test_a_comparison_of_rounds_is_a_curve_under_any_names(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    shared = {"encoder.dropout": 0.4, "model.cell": "gru"}
    for arm, rounds in (("deep", 3), ("without", 0), ("width-64", 1)):
        ledger.finish(ledger.plan(arm, 0, config={**shared, "model.rounds": rounds}), 0.8)
    ledger.save("mine-webnlg_star")
    panel = rounds_curve_info(read_ledger(tmp_path)).panels[0]
    assert [(c.cell, [p.rounds for p in c.points]) for c in panel.curves] == [("gru", [1, 3])]
    assert panel.baseline is not None
    assert panel.baseline.published is None, "of other settings than the paper's"
    assert rounds_curve_info(read_ledger(tmp_path)).baseline == "no interaction"
    ledger.plan("wide", 0, config={**shared, "model.rounds": 2, "model.feature_size": 64})
    ledger.save("mine-webnlg_star")
    assert not is_rounds_curve(read_ledger(tmp_path))


def test_a_figure_without_any_result_can_be_drawn(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    ledger.plan("gru-1", 0)
    ledger.save("rounds_curve-demo", corpus="demo")
    info = rounds_curve_info(read_ledger(ledger.runs))
    assert seed_count(info) == "no finished seed yet"
    assert save_figure(draw_rounds_curve(info), tmp_path / "a.svg").stat().st_size


# --- the command ---------------------------------------------------------------------------


Built = tuple[Ledger, dict[str, Path]]


def by_name(out: Path, paths: Iterable[Path]) -> dict[str, Path]:
    return {str(path.relative_to(out)): path for path in paths}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The same ledger with its reports, made once for all that only read them."""
    folder = tmp_path_factory.mktemp("built")
    ledger = an_eventful_ledger(folder / "runs")
    return ledger, by_name(folder / "out", build(ledger.runs, folder / "out").paths)


def test_rebuild_is_identical_to_the_byte(built: Built, tmp_path: Path) -> None:
    ledger, first = built
    second = by_name(tmp_path, build(ledger.runs, tmp_path).paths)
    assert list(first) == list(second)
    assert set(first) >= {
        *(f"{EXPERIMENT}/{name}" for name in ("rounds_curve.svg", "rounds_curve.png")),
        *(f"{EXPERIMENT}/results{suffix}" for suffix in (".md", ".csv", ".tex")),
        *(
            f"{EXPERIMENT}/differences.csv",
            "paper-webnlg_star/tables.md",
            "paper-webnlg_star/table1.csv",
        ),
        "corpora/table2.csv",
    }
    assert all(path.read_bytes() == second[name].read_bytes() for name, path in first.items())
    assert b"<dc:date>" not in first[f"{EXPERIMENT}/rounds_curve.svg"].read_bytes()


def test_page_names_every_trial_without_a_result(built: Built) -> None:
    ledger, paths = built
    page = paths[f"{EXPERIMENT}/results.md"].read_text()
    wanted = [
        *(str(ledger.trials[index]["fingerprint"]) for index in (8, 9, 10)),
        *("out of | memory", "result.json", "Not run yet: 2 of 11 planned runs"),
        *(render(OPTIONS), "training.max_epochs=15, vectors=glove.6B.100d", "rounds_curve.svg"),
        "with other settings (training.max_epochs=2)",
    ]
    assert [text for text in wanted if text not in page] == []


def epochs(*losses: float) -> dict[str, object]:
    """Return a result's history with these training losses."""
    rows = [an_epoch(number, train_loss=loss) for number, loss in enumerate(losses, 1)]
    return {"history": [row.to_json() for row in rows]}


def test_the_command_of_a_table_makes_all_of_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    for seed in (0, 1, 3):
        ledger.plan("gru-1", seed)
    given = {"arms": ["gru-2"], "seeds": "1", "max_concurrent": "2"}
    ledger.save(options={"space": ["x"], **given, "set": ["a.b=c d"]})
    frame = read_ledger(tmp_path / "runs")
    program, last = "rin-study --space x --arms", "--set 'a.b=c d'"
    assert complete_commands(frame) == [f"{program} gru-1 --seeds 0,1,3 {last}"]
    counted = frame.assign(seed=range(3))
    assert complete_commands(counted) == [f"{program} gru-1 --seeds 3 {last}"]
    arms = pd.concat([frame, frame.assign(arm="gru-2")])
    assert complete_commands(arms) == [f"{program} gru-1 gru-2 --seeds 0,1,3 {last}"]
    arms = pd.concat([frame, counted.assign(arm="gru-2")])
    assert complete_commands(arms) == [
        f"{program} gru-1 --seeds 0,1,3 {last}",
        f"{program} gru-2 --seeds 3 {last}",
    ]


def test_a_table_says_what_ended_the_trainings_and_what_they_ran_on(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    for seed, ended in enumerate(("patience", "max_epochs")):
        machine = {"provenance": {**PROVENANCE, "hardware": "A chip", "arithmetic": f"AVX{seed}"}}
        ledger.finish(ledger.plan("gru-1", seed), 0.8, {"end_reason": ended, **machine})
    ledger.save()
    text = " ".join(trial_notes(study(read_ledger(tmp_path / "runs"))))
    assert "1 of 2 runs reached the epoch limit" in text
    assert "more epochs: RIN (GRU, K = 1) 1." in text
    assert "Runs by device: A chip, AVX0: 1; A chip, AVX1: 1." in text


def test_choosing_the_epoch_on_test_has_its_price_beside_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs")
    for arm, scores in (("gru-1", (0.86, 0.85, 0.80)), ("bilstm-s", (0.8,))):
        for seed, f1 in enumerate(scores):
            ledger.finish(ledger.plan(arm, seed), f1, epochs(3.0, 2.0, 1.0))
    for seed, f1 in enumerate((0.87, 0.88)):
        config = {"training.selection": "test"}
        losses = epochs(3.0, 2.0, 1.0, 0.5) if seed else epochs(3.0, 2.1)
        ledger.finish(ledger.plan("gru-1-on-test", seed, config=config), f1, losses)
    ledger.finish(ledger.plan("bilstm-s-on-test", 0), 0.9)  # by name alone
    ledger.save("selection-webnlg_star")
    paths = by_name(tmp_path / "out", build(tmp_path / "runs", tmp_path / "out").paths)
    results = paths["selection-webnlg_star/results.csv"].read_text()
    dev = {
        r["row"]: r["text"] for r in csv.DictReader(io.StringIO(results)) if "Dev" in r["column"]
    }
    assert dev["gru-1-on-test"] == "–", "what chose its epoch is no score on dev"
    text = paths["selection-webnlg_star/optimism.csv"].read_text()
    cells = {(row["row"], row["column"]): row["text"] for row in csv.DictReader(io.StringIO(text))}
    assert {row for row, _ in cells} == {"gru-1"}
    assert cells["gru-1", "Chosen on test"] == "87.5 ± 0.7"
    assert cells["gru-1", "Chosen on dev"] == "83.7 ± 3.2"
    assert cells["gru-1", "Same training"] == "1 of 2"
    assert cells["gru-1", "Δ F1"] == "+3.8"
    assert cells["gru-1", "Paper's F1"] == "86.3"
    assert cells["gru-1", "Verdict if chosen on test"].startswith("undecided")


def test_csv_has_every_digit_and_the_runs_of_every_cell(built: Built) -> None:
    ledger, paths = built
    text = paths[f"{EXPERIMENT}/results.csv"].read_text()
    cells = {(row["row"], row["column"]): row for row in csv.DictReader(io.StringIO(text))}
    f1 = cells["gru-1", "F1"]
    frame = select_settings(read_ledger(ledger.runs))
    found = score(of_arm(frame, "gru-1"), "test_f1")
    assert [float(f1[name]) for name in ("value", "sd", "n", "low", "high")] == [
        *(found.mean, found.sd, 3, found.low, found.high),
    ]
    assert f1["fingerprints"].split() == [t["fingerprint"] for t in ledger.trials[3:6]]
    paper = cells["gru-1", "Paper's F1"]
    assert (paper["value"], paper["source"]) == ("86.3", "Table 1, RIN (100d, K = 1)")
    nothing = cells["gru-2", "F1"]
    assert (nothing["text"], nothing["value"], nothing["fingerprints"]) == ("not run", "", "")


def test_a_space_without_rounds_gets_no_curve(ledger: Ledger, tmp_path: Path) -> None:
    ledger.plan("no-relation-input", 0)
    ledger.save("ablation-webnlg_star")
    made = by_name(tmp_path, build(ledger.runs, tmp_path, ["ablation-webnlg_star"]).paths)
    assert not any("curve" in name for name in made)
    page = made["ablation-webnlg_star/results.md"].read_text()
    assert "| not run | not run | – | 85.5 | not run | 0/1 (1 planned) |" in page
    assert "Table 5, RIN −ŷ |" in page


def test_command_says_what_it_made(
    ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["--runs", str(ledger.runs), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0] == f"Open {out / 'index.html'}"
    assert f"{EXPERIMENT}: 6 of 11 runs finished" in said
    files = sum(path.is_file() for path in out.rglob("*"))
    assert said.splitlines()[-1].startswith(f"{files - 1} other files")
    assert "1. training.max_epochs=2 (--settings 1)" in said
    assert "2. training.max_epochs=15, vectors=glove.6B.100d (reported)" in said
    one = ["--experiment", EXPERIMENT, "--settings", "1"]
    assert main(["--runs", str(ledger.runs), "--out", str(out), *one]) == 0
    assert "1. training.max_epochs=2 (reported)" in capsys.readouterr().out


def test_reports_import_light_libraries_only() -> None:
    """In a process of its own, because other tests import the heavy ones."""
    heavy = ["torch", "transformers", "ray", "mlflow", "optuna", "tqdm"]
    modules = "reports.page.build, reports.page.notebooks, reports.page.search"
    code = f"import sys, {modules}; print([n for n in {heavy} if n in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
