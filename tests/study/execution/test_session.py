"""A real study on Ray: killed, continued, compared with a trial that never saw Ray."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from rin_core.config import Config
from rin_core.data.loading import load_dataset
from study.execution.trial import train_run
from study.ledger.ledger import Ledger
from tests.studies import numbers, results

ROOT = Path(__file__).parents[3]
EXPERIMENT = "rounds_curve-my_corpus"
PLANNED = 6  # three arms, two seeds


def command(corpus: Path, out: Path) -> list[str]:
    small = {
        "encoder.hidden_size": 16,
        "encoder.word_dim": 12,
        "model.feature_size": 12,
        "training.learning_rate": 0.01,
        "training.max_epochs": 24,
    }
    settings = [word for name, value in small.items() for word in ("--set", f"{name}={value}")]
    arms = ["--arms", "bilstm-s", "gru-2", "rnn-1", "--seeds", "2"]
    return [
        *(sys.executable, "study/run.py", "--data", str(corpus), "--runs", str(out)),
        *(*arms, *settings),
    ]


def run(corpus: Path, out: Path) -> tuple[float, str]:
    started = time.monotonic()
    ran = subprocess.run(
        command(corpus, out), cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    return time.monotonic() - started, ran.stdout


def kill_in_the_middle(corpus: Path, out: Path) -> None:
    """Start a study and kill -9 its driver once a trial is done and another has just begun.

    Trials live on for a moment: one that is near its end would be done before its driver is
    missed.
    """
    driver = subprocess.Popen(
        command(corpus, out), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 200
    while not (results(out) and any(0 < n < 6 for n in epochs_of_unfinished(out))):
        assert driver.poll() is None, "the study ended before it could be killed"
        assert time.monotonic() < deadline, "no trial was finished in time"
        time.sleep(0.01)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()


def epochs_of_unfinished(out: Path) -> list[int]:
    folders = [path.parent for path in out.glob("units/*/history.jsonl")]
    going = [folder for folder in folders if not (folder / "result.json").exists()]
    return [(folder / "history.jsonl").read_text().count("\n") for folder in going]


@pytest.mark.ray
@pytest.mark.timeout(600)
def test_a_killed_study_continues_and_ends_with_the_same_numbers(
    spert_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    kill_in_the_middle(spert_folder, out)
    before = {name: json.dumps(result) for name, result in results(out).items()}
    assert 0 < len(before) < PLANNED

    _, shown = run(spert_folder, out)
    after = results(out)
    assert len(after) == PLANNED
    assert f"{PLANNED} of {PLANNED} trials finished" in shown
    for name, text in before.items():  # finished trials were left alone
        assert json.dumps(after[name]) == text
    resumed = [r for r in after.values() if r["provenance"]["resumed_from_epoch"] > 0]
    assert resumed, "nothing was resumed from its last epoch"

    check_mlflow(out, after)
    check_direct_runs(spert_folder, out, tmp_path / "direct", after)
    check_second_time(spert_folder, out, after)


def check_mlflow(out: Path, after: dict[str, dict[str, Any]]) -> None:
    client = MlflowClient(tracking_uri=f"sqlite:///{out}/mlflow.db")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    runs = client.search_runs([experiment.experiment_id])
    parents = [r for r in runs if r.data.tags["rin.kind"] == "study"]
    trials = [r for r in runs if r.data.tags["rin.kind"] == "trial"]
    assert [p.info.status for p in parents] == ["FINISHED"]
    assert {a.path for a in client.list_artifacts(parents[0].info.run_id, "report")} >= {
        f"report/{name}"
        for name in ("rounds_curve.png", "results.md", "differences.csv", "breakdown.csv")
    }
    assert sorted(r.data.tags["rin.fingerprint"] for r in trials) == sorted(after)
    for trial in trials:
        result = after[trial.data.tags["rin.fingerprint"]]
        assert trial.info.status == "FINISHED"
        assert trial.data.metrics["F1/test"] == pytest.approx(100 * result["test_scores"]["f1"])
        logged = client.get_metric_history(trial.info.run_id, "training/loss")
        assert [(m.step, m.value) for m in logged] == [
            (row["epoch"], row["train_loss"]) for row in result["history"]
        ]
        files = {a.path for a in client.list_artifacts(trial.info.run_id)}
        assert files == {"config.json", "weights.safetensors"}


def check_direct_runs(
    corpus: Path, study: Path, out: Path, after: dict[str, dict[str, Any]]
) -> None:
    """Without Ray, without a stop: the same bits."""
    for name, result in after.items():
        config = Config.from_flat(result["config"])
        alone = Ledger(out).run(name)
        direct = train_run(config, load_dataset(str(corpus), config), alone)
        assert numbers(direct.to_json()) == numbers(result)
        assert alone.predictions() == Ledger(study).run(name).predictions()


def check_second_time(corpus: Path, out: Path, after: dict[str, dict[str, Any]]) -> None:
    report = out / "reports" / EXPERIMENT
    files = {path.name: path.read_bytes() for path in report.iterdir()}
    seconds, shown = run(corpus, out)
    assert f"{PLANNED} finished, 0 to run" in shown
    assert results(out) == after
    assert {path.name: path.read_bytes() for path in report.iterdir()} == files
    assert seconds < 60
