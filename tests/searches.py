"""A small search in a folder of its own, and the checks that its four records agree."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from mlflow.tracking import MlflowClient

ROOT = Path(__file__).parents[1]
ARMS = ("k-0", "k-1")
CORPUS = "part_of_demo"
EXPERIMENT = f"pruned_rounds-{CORPUS}"
SPACE = """
preset = "demo"
asha = { grace_period = 8 }
[arms.k-0]
model.rounds = 0
[arms.k-1]
model.rounds = 1
[parameters]
training.learning_rate = { low = 1e-3, high = 1e-2, log = true }
encoder.dropout = { low = 0.0, high = 0.6 }
"""
SETTINGS = {  # as small as it may be for some trials to learn something by epoch 8, and others not
    "encoder.hidden_size": 64,
    "encoder.word_dim": 50,
    "model.feature_size": 64,
    "training.batch_size": 10,
    "training.max_epochs": 12,
}
STATES = {"finished": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}


@dataclass(frozen=True, slots=True)
class Search:
    """A search in a folder of its own."""

    corpus: Path
    out: Path
    slots: int = 2

    def command(self, trials: int, seeds: str = "0") -> list[str]:
        """Return the command line that runs it with a budget for each arm."""
        space = self.out.parent / "pruned_rounds.toml"
        space.parent.mkdir(parents=True, exist_ok=True)
        space.write_text(SPACE)
        words = [sys.executable, "study/run.py", "--space", str(space)]
        words += ["--data", str(self.corpus), "--runs", str(self.out), "--trials", str(trials)]
        words += ["--seeds", seeds, "--max-concurrent", str(self.slots)]
        return words + [w for name, v in SETTINGS.items() for w in ("--set", f"{name}={v}")]

    def start(self, trials: int) -> subprocess.Popen[bytes]:
        """Start it and do not wait."""
        quiet = subprocess.DEVNULL
        return subprocess.Popen(self.command(trials), cwd=ROOT, stdout=quiet, stderr=quiet)

    def trials(self) -> list[dict[str, Any]]:
        """Return the recorded trials."""
        path = self.out / "searches" / f"{EXPERIMENT}.json"
        return list(json.loads(path.read_text())["trials"]) if path.exists() else []

    def training(self) -> int:
        """Return how many trials are in training: begun, not ended, with an epoch on disk."""
        running = [t["fingerprint"] for t in self.trials() if t["state"] == "running"]
        units = self.out / "units"
        return sum((units / name / "checkpoint.safetensors").exists() for name in running)

    def kill_after(self, trials: int, ended: int, wait: float) -> int:
        """Start it, kill -9 its driver when so many trials have ended and a moment more.

        Returns:
            The most trials that were seen in training at once.
        """
        driver, most = self.start(trials), 0
        while driver.poll() is None:
            most = max(most, self.training())
            if sum(t["state"] != "running" for t in self.trials()) >= ended:
                time.sleep(wait)
                os.kill(driver.pid, signal.SIGKILL)
                break
            time.sleep(0.02)
        driver.wait()
        return most


def disagreements(search: Search, trials: int) -> list[str]:
    """Return in what record, Optuna, MLflow and units differ after a search of a budget."""
    recorded = {(t["arm"], t["number"]): t for t in search.trials()}
    wanted = {(arm, number) for arm in ARMS for number in range(trials)}
    found = []
    if recorded.keys() != wanted or len(search.trials()) != len(wanted):
        found.append(f"record: {sorted(recorded)} instead of {trials} trials for each arm")
    found += _optuna(search, recorded) + _mlflow(search, recorded)
    for key, trial in recorded.items():
        unit = search.out / "units" / trial["fingerprint"]
        mark = {"finished": "result.json", "pruned": "pruned.json", "failed": "failure.json"}
        if not (unit / mark.get(trial["state"], "?")).exists():
            found.append(f"unit of {key}: is not {trial['state']}")
    return found


def _optuna(search: Search, recorded: dict[tuple[str, int], dict[str, Any]]) -> list[str]:
    stored = {
        (arm, trial.number): trial
        for arm in ARMS
        for trial in optuna.load_study(
            study_name=f"{EXPERIMENT}/{arm}", storage=f"sqlite:///{search.out}/optuna.db"
        ).trials
    }
    found = [f"Optuna alone has {key}" for key in stored.keys() - recorded.keys()]
    for key, trial in recorded.items():
        ours = (trial["parameters"], trial["fingerprint"], STATES.get(trial["state"]))
        other = stored.get(key)
        theirs = other and (other.params, other.user_attrs.get("fingerprint"), other.state.name)
        if ours != theirs:
            found.append(f"{key}: {ours} in the record, {theirs} in Optuna")
        elif other and len(other.intermediate_values) != len(trial["dev_f1"]):
            found.append(f"{key}: {len(trial['dev_f1'])} epochs, Optuna lacks some")
    return found


def _mlflow(search: Search, recorded: dict[tuple[str, int], dict[str, Any]]) -> list[str]:
    client = MlflowClient(tracking_uri=f"sqlite:///{search.out}/mlflow.db")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    trials = [r for r in runs if r.data.tags.get("rin.kind") == "trial"]
    names = {"finished": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
    ours = sorted((t["fingerprint"], names.get(t["state"], "?")) for t in recorded.values())
    theirs = sorted((r.data.tags["rin.fingerprint"], r.info.status) for r in trials)
    return [] if ours == theirs else [f"MLflow: {theirs} instead of {ours}"]
