"""The memory of a worker that trains many equal trials, one after another.

    python -m benchmarks.memory --csv benchmarks/results/memory.csv

The trials differ only in their seed, and one Ray worker trains all of them. ``resident_mib`` is its
memory after the last epoch of a trial, as the ledger recorded it.
"""

from __future__ import annotations

import csv
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated

import tyro

import study
from benchmarks.command import Corpus, run
from study.ledger.ledger import Ledger

#: Memory must not grow after this trial; the first trials compile and fill caches.
WARM = 10
ARM, SPACE = "gru-1", "rounds_curve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The worker's memory at the end of a trial."""

    trial: int
    resident_mib: float


def measure(data: str, trials: int, epochs: int, runs: Path) -> list[Measured]:
    """Run a study of equal trials on one worker, and return its memory after each."""
    study.run(
        SPACE,
        data,
        arms=[ARM],
        seeds=trials,
        runs=runs,
        progress=True,
        max_epochs=epochs,
        max_concurrent=1,
        tracking_uri="none",
    )
    found = [run.result() for run in Ledger(runs).runs()]
    results = sorted((r for r in found if r), key=lambda r: r.provenance.started or 0.0)
    used = [result.history[-1].usage["process_memory_megabytes"] for result in results]
    return [Measured(trial=n, resident_mib=round(mib, 1)) for n, mib in enumerate(used, 1)]


def growth(rows: Sequence[Measured]) -> float:
    """Return by how many percent memory has grown since the tenth trial.

    Medians of five trials are compared, because memory varies by 1 % between trials.
    """
    used = [row.resident_mib for row in rows]
    return 100 * (statistics.median(used[-5:]) / statistics.median(used[WARM - 5 : WARM]) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Measure whether a worker's memory grows while it trains one trial after another."""

    data: Corpus = "demo"
    trials: Annotated[int, tyro.conf.arg(metavar="N")] = 50
    """Number of trials."""
    epochs: Annotated[int, tyro.conf.arg(metavar="N")] = 2
    """Epochs of each trial."""
    csv: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: none)")
    ] = None
    """File to write the measurements to."""


def main(options: Options) -> int:
    """Measure, print, write.

    Raises:
        ValueError: There are too few trials to compare.
    """
    if options.trials < WARM + 5:
        raise ValueError(f"--trials {options.trials}: must be at least {WARM + 5}")
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(options.data, options.trials, options.epochs, Path(folder) / "runs")
    for row in rows:
        print(f"{row.trial:3} {row.resident_mib:8.1f} MiB")
    print(f"growth after trial {WARM}: {growth(rows):.1f} %")
    if options.csv is not None:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Measured)])
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)
    return 0


if __name__ == "__main__":
    run(Options, main, "memory")
