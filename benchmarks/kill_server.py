"""An MLflow server killed with -9 in the middle of a study: everything arrives, nothing twice.

    python -m benchmarks.kill_server --out FOLDER --away 30

Starts ``mlflow server`` on loopback over SQLite and a study on Ray that is tracked there, kills the
server when the first epochs have arrived, starts it again later, and compares at the end each
run's metrics with the ledger. Exit code 0 if they agree.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from mlflow.tracking import MlflowClient

from study.tracking.mlflow.client import create_database
from study.tracking.mlflow.names import WATCHED
from tests.servers import MlflowServer, mlflow_server, wait_for
from tests.studies import results
from tests.tracked import children, differences, runs_of

ROOT = Path(__file__).parents[1]
EXPERIMENT = "rounds_curve-demo"


def command(out: Path, uri: str, epochs: int) -> list[str]:
    """Return a study of six trials on the demo corpus."""
    words = [sys.executable, "study/run.py", "--arms", "bilstm-s", "gru-1", "gru-2"]
    words += ["--seeds", "2", "--max-epochs", str(epochs), "--out", str(out)]
    return [*words, "--tracking-uri", uri]


def epochs_on_disk(out: Path) -> int:
    """Return how many epochs the ledger's usage knows of."""
    paths = out.glob("units/*/usage.jsonl")
    return sum(path.read_text().count("\n") for path in paths)


def interrupt(server: MlflowServer, out: Path, away: float) -> tuple[int, int]:
    """Kill the server once epochs have arrived; return the epochs trained before and after."""
    client = MlflowClient(tracking_uri=server.url)
    wait_for(lambda: any(WATCHED in run.data.metrics for run in runs_of(client, EXPERIMENT)), 300)
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
        client = MlflowClient(tracking_uri=server.url)
        strangers = children(client, EXPERIMENT).keys() - done.keys()
        found = [f"{name}: a run of no result" for name in strangers]
        found += differences(client, EXPERIMENT, done)
    print(f"away for {options.away:g} s: {after - before} epochs were trained meanwhile")
    print(f"{len(done)} trials, {sum(len(r['history']) for r in done.values())} epochs")
    print("\n".join(found) or "MLflow and the ledger agree: every epoch once")
    return int(bool(found) or code != 0)


if __name__ == "__main__":
    sys.exit(main())
