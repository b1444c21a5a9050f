"""The end of a study on the terminal: a table that fits, and what to open."""

from __future__ import annotations

import io
import shlex
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from reports.page.build import build
from study.commands.closing import Closing, print_arms
from study.ledger.command import predict_command
from tests.commands import printed
from tests.ledgers import EXPERIMENT, GOLD, Ledger
from tests.records import scores


def test_the_table_has_each_arm_with_its_verdict_and_fits_80_columns(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    for seed, f1 in enumerate((0.84, 0.86, 0.88)):
        made.finish(made.plan("gru-1", seed), f1)
        made.finish(made.plan("bilstm-s", seed), f1 - 0.2)
        made.finish(made.plan("gru-2", seed), f1 + 0.001)
    made.plan("rnn-1", 0)
    made.save()
    built = build(tmp_path, tmp_path / "reports", [EXPERIMENT])
    console = Console(file=io.StringIO(), width=80)
    views = ["MLflow: mlflow ui", "  http://127.0.0.1:5000"]
    Closing(built=built, views=views).print(tmp_path, console)
    text = printed(console)
    lines = [line.rstrip() for line in text.splitlines()]
    (page,) = (line.split()[1] for line in lines if line.startswith("  report:"))
    assert page == (tmp_path / "reports" / "index.html").resolve().as_uri()
    assert (tmp_path / "reports" / "index.html").is_file()
    assert [line for line in lines if len(line) > 80 and page not in line] == []
    rows = {line.split("  ")[0]: line for line in lines}
    assert "64.7 ± 2.0" not in text
    assert "66.0 ± 2.0" in rows["BiLSTM_s"]
    assert "−20.0  worse" in rows["BiLSTM_s"]
    assert rows["RIN (GRU, K = 1)"].endswith("(reference)")
    assert "undecided" in rows["RIN (GRU, K = 2)"]
    assert "not run" in rows["RIN (RNN, K = 1)"]
    assert "highest dev F1: RIN (GRU, K = 2), 88.1 (test 86.1)" in lines
    assert lines[-2:] == ["  MLflow: mlflow ui", "    http://127.0.0.1:5000"]


def test_the_scores_are_those_that_the_verdicts_are_about(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    for seed, f1 in enumerate((0.70, 0.71, 0.72)):
        for arm, averaged in (("gru-1", f1 + 0.10), ("bilstm-s", f1 + 0.12)):
            both = {
                "averaged_selection_scores": scores(averaged),
                "averaged_test_scores": scores(averaged),
            }
            made.finish(made.plan(arm, seed), f1, both)
    made.save()
    console = Console(file=io.StringIO(), width=80)
    Closing(built=build(tmp_path, tmp_path / "reports", [EXPERIMENT])).print(tmp_path, console)
    rows = {line.split("  ")[0]: line for line in printed(console).splitlines()}
    assert "81.0 ± 1.0" in rows["RIN (GRU, K = 1)"]
    assert "83.0 ± 1.0" in rows["BiLSTM_s"]
    assert "+2.0" in rows["BiLSTM_s"]


@pytest.mark.parametrize("width", [60, 80])
def test_long_names_are_shown_whole(tmp_path: Path, width: int) -> None:
    made = Ledger(tmp_path)
    labels = {
        "gru-1": "RIN (all-MiniLM-L6-v2, K = 1), float32",
        "gru-2": "RIN (all-MiniLM-L6-v2, K = 1), bfloat16",
    }
    for seed, f1 in enumerate((0.84, 0.86, 0.88)):
        for arm in labels:
            made.finish(made.plan(arm, seed), f1)
    for trial in made.trials:
        trial["label"] = labels[str(trial["arm"])]
    made.save()
    console = Console(file=io.StringIO(), width=width)
    for study, section in build(tmp_path, tmp_path / "reports", [EXPERIMENT]).studies:
        print_arms(study, section, console)
    text = printed(console).partition("Δ: difference")[0]
    assert "…" not in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    words = text.split()
    for word in ("float32", "bfloat16"):
        assert words.count(word) == 1
    assert [word for word in words if word.startswith("undecided")] == ["undecided,"]


def test_what_to_open_is_listed_once_for_each_experiment() -> None:
    """As for a search and its runs on fresh seeds, which one command shows."""
    closing = Closing()
    closing.add_views(["MLflow: mlflow ui", "  http://127.0.0.1:5000/#/experiments/1"])
    closing.add_views(["MLflow: mlflow ui", "  http://127.0.0.1:5000/#/experiments/2"])
    assert closing.views == [
        "MLflow: mlflow ui",
        "  http://127.0.0.1:5000/#/experiments/1",
        "  http://127.0.0.1:5000/#/experiments/2",
    ]


def test_the_models_with_the_highest_dev_f1_can_be_used_at_once(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    made.describe(GOLD)
    right, wrong, other = (0, 0, "r", 1), (0, 0, "r", 3), (0, 2, "s", 3)
    # Of 4 gold triples, these find 1, 2 and 1.
    for seed, said in enumerate([(right, wrong), (right, other), (wrong, other)]):
        found = sum(one != wrong for one in said)
        made.predict(made.plan("gru-1", seed), 2 * found / (len(said) + 4), said)
        made.predict(made.plan("bilstm-s", seed), 2 / (2 + 4), (right, wrong))
    made.save()
    best = [str(trial["fingerprint"]) for trial in made.trials if trial["arm"] == "gru-1"]
    for name in best:
        made.write(name, "weights.safetensors", "")
    lines = last_lines(tmp_path)
    assert lines[0].startswith("highest dev F1: RIN (GRU, K = 1)")
    # Two of three runs predict each of the three triples, of which two are right.
    assert lines[1] == "majority vote of its runs: test F1 57.1 (3 runs)"
    command = f"  {predict_command(tmp_path, [])}"
    second = f"--model {best[1][:8]}"  # has the highest dev F1
    others = " ".join(f"--model {name[:8]}" for name in (best[0], best[2]))
    assert lines[2] == f"{command} {second} {others} TEXT"
    # A vote of two needs both, so one model is named; the table's score is not of these models.
    (tmp_path / "units" / best[0] / "weights.safetensors").unlink()
    assert last_lines(tmp_path)[1] == f"{command} {second} TEXT"
    for name in best[1:]:
        (tmp_path / "units" / name / "weights.safetensors").unlink()
    assert last_lines(tmp_path)[1] == ""


def last_lines(runs: Path) -> list[str]:
    """Return what a study prints from its best arm on."""
    console = Console(file=io.StringIO(), width=80)
    Closing(built=build(runs, runs / "reports", [EXPERIMENT])).print(runs, console)
    lines = [line.rstrip() for line in printed(console).splitlines()]
    return lines[next(n for n, line in enumerate(lines) if line.startswith("highest dev F1")) :]


def test_averaged_weights_are_named_where_the_scores_are_theirs(tmp_path: Path) -> None:
    made = Ledger(tmp_path)
    names = []
    for seed, f1 in enumerate((0.70, 0.71, 0.72)):
        for arm, averaged in (("gru-1", f1 + 0.10), ("bilstm-s", f1 + 0.12)):
            both = {
                "averaged_selection_scores": scores(averaged + 0.01),
                "averaged_test_scores": scores(averaged),
            }
            # The selected epochs of the other arm have the higher dev F1.
            name = made.plan(arm, seed)
            made.finish(name, f1 + 0.2 * (arm == "gru-1"), both)
            made.write(name, "averaged.safetensors", "")
            names += [name] * (arm == "bilstm-s")
    made.save()
    found = last_lines(tmp_path)
    assert found[0] == "highest dev F1: BiLSTM_s, 84.0 (test 83.0)"
    files = " ".join(f"--model {tmp_path}/units/{n}/averaged.safetensors" for n in names[::-1])
    assert found[1] == f"  {predict_command(tmp_path, [])} {files} TEXT"


def test_the_command_of_the_usual_ledger_names_no_folder() -> None:
    command = predict_command(Path("runs"), ["01234567", "a b"])
    program, models = command.split(" --model ", 1)
    assert models == "01234567 --model 'a b'"
    ran = subprocess.run([*shlex.split(program), "--help"], capture_output=True, check=True)
    assert b"--model RUN" in ran.stdout
    place = predict_command(Path("a b"), ["01234567"]).removeprefix(program)
    assert place == " --runs 'a b' --model 01234567"


def test_the_page_has_the_other_studies_of_the_ledger_too(tmp_path: Path) -> None:
    for experiment in ("first-mine", "second-mine"):
        made = Ledger(tmp_path)
        made.finish(made.plan("gru-1", 0), 0.8)
        made.save(experiment, "mine")
    console = Console(file=io.StringIO(), width=80)
    Closing(built=build(tmp_path, tmp_path / "reports", ["second-mine"])).print(tmp_path, console)
    text = printed(console)
    assert "second-mine" in text
    assert "\nfirst-mine" not in text
    page = (tmp_path / "reports" / "index.html").read_text()
    assert '<section id="first-mine"' in page
    assert '<section id="second-mine"' in page
