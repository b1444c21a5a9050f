"""An MLflow server killed with -9 in the middle of a study: everything arrives, nothing twice.

    python -m benchmarks.kill_server --out FOLDER --away 30

Starts ``mlflow server`` on loopback over SQLite and a study on Ray that is tracked there, kills the
server when the first epochs have arrived, starts it again later, and compares at the end each
run's metrics with the ledger. Exit code 0 if they agree.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from mlflow.tracking import MlflowClient

from study.mlflow_runs import WATCHED, create_database
from tests.servers import MlflowServer, mlflow_server, wait_for

ROOT = Path(__file__).parents[1]
EXPERIMENT = "rounds_curve-demo"
NAMES = {WATCHED: "dev_f1", "training/loss": "train_loss"}


def command(out: Path, uri: str, epochs: int) -> list[str]:
    """Return a study of six trials on the demo corpus."""
    words = [sys.executable, "study/run.py", "--arms", "bilstm-s", "gru-1", "gru-2"]
    words += ["--seeds", "2", "--max-epochs", str(epochs), "--out", str(out)]
    return [*words, "--tracking-uri", uri]


def results(out: Path) -> dict[str, dict[str, Any]]:
    """Return the finished units."""
    paths = out.glob("units/*/result.json")
    return {path.parent.name: json.loads(path.read_text()) for path in paths}


def trials(client: MlflowClient) -> list[Any]:
    """Return the trials' runs."""
    found = client.get_experiment_by_name(EXPERIMENT)
    kind = "tags.`rin.kind` = 'trial'"
    return [] if found is None else list(client.search_runs([found.experiment_id], kind))


def epochs_on_disk(out: Path) -> int:
    """Return how many epochs the ledger's usage knows of."""
    paths = out.glob("units/*/usage.jsonl")
    return sum(path.read_text().count("\n") for path in paths)


def differences(client: MlflowClient, done: dict[str, dict[str, Any]]) -> list[str]:
    """Say in what MLflow differs from the ledger: runs, epochs, values, times."""
    runs = {run.data.tags["rin.fingerprint"]: run for run in trials(client)}
    found = [] if len(runs) == len(trials(client)) else ["two runs of one unit"]
    found += [f"{name}: in one of both only" for name in runs.keys() ^ done.keys()]
    for name in runs.keys() & done.keys():
        if runs[name].info.status != "FINISHED":
            found.append(f"{name}: {runs[name].info.status}")
        for metric in runs[name].data.metrics:
            history = client.get_metric_history(runs[name].info.run_id, metric)
            seen = [point.step for point in history]
            whole = [row["epoch"] for row in done[name]["history"]]
            if seen not in (whole, [0]):
                found.append(f"{name} {metric}: steps {seen}")
            if metric in NAMES:
                values = [row[NAMES[metric]] for row in done[name]["history"]]
                if [point.value for point in history] != values:
                    found.append(f"{name} {metric}: other values")
    return found


def interrupt(server: MlflowServer, out: Path, away: float) -> tuple[int, int]:
    """Kill the server once epochs have arrived; return the epochs trained before and after."""
    client = MlflowClient(tracking_uri=server.url)
    wait_for(lambda: any(WATCHED in run.data.metrics for run in trials(client)), 300)
    server.kill()
    before = epochs_on_disk(out)
    time.sleep(away)
    after = epochs_on_disk(out)
    server.start()
    return before, after


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Kill a study's MLflow server.")
    parser.add_argument("--out", type=Path, required=True, help="an empty folder")
    parser.add_argument("--away", type=float, default=30, help="seconds")
    parser.add_argument("--epochs", type=int, default=12, help="of each of six trials")
    options = parser.parse_args()
    out, database = options.out / "runs", f"sqlite:///{options.out.resolve()}/mlflow.db"
    create_database(database)
    with mlflow_server(database, options.out / "served") as server:
        study = subprocess.Popen(command(out, server.url, options.epochs), cwd=ROOT)
        before, after = interrupt(server, out, options.away)
        code = study.wait()
        done = results(out)
        found = differences(MlflowClient(tracking_uri=server.url), done)
    print(f"away for {options.away:g} s: {after - before} epochs were trained meanwhile")
    print(f"{len(done)} trials, {sum(len(r['history']) for r in done.values())} epochs")
    print("\n".join(found) or "MLflow and the ledger agree: every epoch once")
    return int(bool(found) or code != 0)


if __name__ == "__main__":
    sys.exit(main())
