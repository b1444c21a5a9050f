"""The cost of tracking: the same trial with and without MLflow, in turn.

    python -m benchmarks.tracking --pairs 8 --to sqlite --csv benchmarks/results/tracking-sqlite.csv
    python -m benchmarks.tracking --pairs 8 --to server --csv benchmarks/results/tracking-server.csv

Each pair trains one configuration on the demo corpus twice in this process, with and without
tracking. The order alternates between pairs. The sender's thread runs in the same process, which
costs more than in a study, where the sender is in the driver and the trial in a worker. CPU seconds
are those of the whole process. They include the sender's work and depend little on other load.
``after`` is the time to send the rest after the trial has ended, once per study.
"""

from __future__ import annotations

import contextlib
import csv
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import torch
import tyro

from benchmarks.command import run
from benchmarks.timing import spread_text
from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.loading import load_dataset
from study.execution.trial import train_run
from study.ledger.ledger import Ledger
from study.ledger.run import Run
from study.ledger.schema import Epoch
from study.tracking.base import DISABLED, ExperimentSpec, RunSpec
from study.tracking.mlflow.client import create_database
from study.tracking.open import open_tracker
from tests.servers import mlflow_server
from tests.tracked import close, epoch_end, trial_end

#: Of the only run in each ledger.
FINGERPRINT = "0123456789abcdef"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One trial."""

    pair: int
    tracking: str
    epochs: int
    trial_s: float
    trial_cpu_s: float
    after_s: float


def measure(config: Config, corpus: EncodedCorpus, uri: str, pair: int, root: Path) -> Measured:
    """Train a trial from its start under a tracking URI."""
    unit = Ledger(root / f"{pair}-{'off' if uri == DISABLED else 'on'}").run(FINGERPRINT)
    tracker = open_tracker(uri, _spec(unit, config, corpus, f"pair {pair}", root))

    def report(row: Epoch) -> None:
        tracker.on_epoch(epoch_end(FINGERPRINT, row.epoch))

    started, cpu = time.perf_counter(), time.process_time()
    record = train_run(config, corpus, unit, on_epoch=report)
    trained, trained_cpu = time.perf_counter(), time.process_time()
    tracker.on_trial_end(trial_end(FINGERPRINT))
    if close(tracker, complete=True):
        sys.exit("not everything arrived in MLflow")
    return Measured(
        pair=pair,
        tracking=uri.partition(":")[0],
        epochs=len(record.history),
        trial_s=trained - started,
        trial_cpu_s=trained_cpu - cpu,
        after_s=time.perf_counter() - trained,
    )


def _spec(
    unit: Run, config: Config, corpus: EncodedCorpus, name: str, root: Path
) -> ExperimentSpec:
    run = RunSpec(
        run=unit,
        experiment=name,
        name=name,
        params=config.flat(),
        tags={"arm": "gru-1"},
        max_epochs=config.training.max_epochs,
    )
    return ExperimentSpec(
        name=name,
        description="",
        runs={FINGERPRINT: run},
        tags={},
        artifacts=root / "artifacts",
        corpus=corpus,
    )


def compare(rows: Sequence[Measured]) -> str:
    """Say what tracking costs, by the ratios of the pairs."""
    pairs = [[row for row in rows if row.pair == pair] for pair in {row.pair for row in rows}]
    off, on = zip(
        *(sorted(p, key=lambda row: row.tracking != DISABLED) for p in pairs), strict=True
    )
    lines = []
    for name in ("trial_s", "trial_cpu_s"):
        ratios = [getattr(b, name) / getattr(a, name) for a, b in zip(off, on, strict=True)]
        seconds = statistics.median(getattr(row, name) for row in off)
        lines.append(f"{name}: {seconds:.2f} without, with ÷ without {spread_text(ratios, '.4f')}")
    lines.append(f"after_s: {statistics.median(row.after_s for row in on):.2f}")
    return "\n".join(lines)


@contextlib.contextmanager
def address(kind: str, root: Path) -> Iterator[str]:
    """Yield a tracking URI on this machine."""
    database = f"sqlite:///{root}/mlflow.db"
    create_database(root / "mlflow.db")
    if kind == "sqlite":
        yield database
        return
    with mlflow_server(database, root / "served") as server:
        yield server.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Measure how much tracking in MLflow costs a trial."""

    pairs: Annotated[int, tyro.conf.arg(metavar="N")] = 8
    """Number of pairs of trials, with and without tracking."""
    epochs: Annotated[int, tyro.conf.arg(metavar="N")] = 8
    """Epochs of each trial."""
    to: Literal["sqlite", "server"] = "sqlite"
    """MLflow's store: a SQLite file, or a server on this machine."""
    csv: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: none)")
    ] = None
    """File to write the measurements to."""


def main(options: Options) -> int:
    """Measure, print, write."""
    config = Config().with_overrides({"training.max_epochs": options.epochs})
    corpus = load_dataset("demo", config)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, address(options.to, Path(folder)) as uri:
        measure(config, corpus, uri, 0, Path(folder))  # compilers and caches
        rows = []
        for pair in range(1, options.pairs + 1):
            for where in (DISABLED, uri) if pair % 2 else (uri, DISABLED):
                rows.append(measure(config, corpus, where, pair, Path(folder)))
    print(compare(rows))
    if options.csv is not None:
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Measured)])
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)
    return 0


if __name__ == "__main__":
    run(Options, main, "tracking")
