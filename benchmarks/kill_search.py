"""A search killed with -9 again and again: nothing lost, nothing done twice, budgets equal.

    python -m benchmarks.kill_search --trials 20 --kills 5

Runs ``fair_rounds`` with two arms on a part of the demo corpus, kills the driver at random
moments, gives the same command again, and compares what the record, Optuna's storage, MLflow and
the units say at the end. Exit code 0 if they agree.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from mlflow.tracking import MlflowClient

from tests.corpora import write_corpus

ROOT = Path(__file__).parents[1]
ARMS = ("k-0", "k-1")
CORPUS = "part_of_demo"
EXPERIMENT = f"fair_rounds-{CORPUS}"
SETTINGS = {  # as small as it may be for some trials to learn something by epoch 8, and others not
    "encoder.hidden_size": 64,
    "encoder.word_dim": 50,
    "model.feature_size": 64,
    "training.batch_size": 10,
    "training.max_epochs": 12,
}
STATES = {"finished": "COMPLETE", "stopped": "PRUNED", "failed": "FAIL"}


@dataclass(frozen=True, slots=True)
class Search:
    """A search in a folder of its own."""

    corpus: Path
    out: Path
    slots: int = 2

    def command(self, trials: int, seeds: str = "0") -> list[str]:
        """Return the command line that runs it with a budget for each arm."""
        words = [sys.executable, "study/run.py", "--space", "fair_rounds", "--arms", *ARMS]
        words += ["--data", str(self.corpus), "--out", str(self.out), "--trials", str(trials)]
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
        mark = {"finished": "result.json", "stopped": "stopped.json", "failed": "failure.json"}
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
    names = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
    ours = sorted((t["fingerprint"], names.get(t["state"], "?")) for t in recorded.values())
    theirs = sorted((r.data.tags["rin.fingerprint"], r.info.status) for r in trials)
    return [] if ours == theirs else [f"MLflow: {theirs} instead of {ours}"]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Kill a search again and again.")
    parser.add_argument("--trials", type=int, default=20, help="for each of two arms")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="an empty folder")
    options = parser.parse_args()
    draw = random.Random(options.seed)
    search = Search(write_corpus(options.out / CORPUS, (300, 30, 30)), options.out / "runs")
    started, total = time.monotonic(), len(ARMS) * options.trials
    for ended in sorted(draw.sample(range(total - 2), options.kills)):
        most = search.kill_after(options.trials, ended, draw.uniform(0, 2))
        states = [t["state"] for t in search.trials()]
        print(f"killed with {len(states)} begun, {states.count('running')} running, {most} at once")
    ran = subprocess.run(search.command(options.trials), cwd=ROOT, check=False)
    found = disagreements(search, options.trials)
    states = [t["state"] for t in search.trials()]
    counts = ", ".join(f"{states.count(state)} {state}" for state in STATES)
    print(f"{len(states)} trials ({counts}), {time.monotonic() - started:.0f} s")
    print("\n".join(found) or "record, Optuna, MLflow and units agree")
    return int(bool(found) or ran.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
