"""One trial, as the driver describes it and as one of Ray's workers runs it.

What a worker imports is this and what training needs; who chooses trials stays in the driver.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.errors import Diverged
from study.execution.memory import footprint
from study.execution.trial import run_unit
from study.ledger.provenance import code_version
from study.ledger.run import Run, Superseded
from study.ledger.shared import SharedRun
from study.ledger.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One run to train."""

    run: Run
    config: Config
    corpus_key: str
    """Which of the encoded corpora it trains on."""


def described_work(work: Work, corpus: EncodedCorpus, *, gpu: bool) -> dict[str, Any]:
    """Return what a worker needs to train a run, in plain values.

    A search adds its own: with ``judged`` the epochs that the run has are reported as well.

    Args:
        work: The run.
        corpus: What it trains on.
        gpu: It computes on a GPU, whose memory is then what it needs most of.
    """
    return {
        "fingerprint": work.run.fingerprint,
        "path": str(work.run.path.resolve()),
        "config": work.config.flat(),
        "corpus": work.corpus_key,
        "code": code_version(),
        "memory": footprint(work.config, corpus).host(gpu=gpu),
    }


def trainable(
    config: dict[str, Any],
    handles: Mapping[str, Any],
    threads: int,
    shared: str | None,
    mark: Path | None,
) -> None:
    """Train one run inside a Ray worker, which may have trained others before."""
    described = config["unit"]
    if mark is not None and not mark.exists():
        raise RuntimeError(
            f"{os.uname().nodename} does not see the output folder {mark.parent}: name one that "
            "all nodes see with --out; or give --shared URI"
        )
    corpus: EncodedCorpus = ray.get(handles[described["corpus"]])
    with _folder(described, shared) as run:
        _run(described, corpus, run, threads)


@contextmanager
def _folder(described: Mapping[str, Any], shared: str | None) -> Iterator[Run]:
    """Open a unit's folder: the ledger's own, or on a node that does not see it a copy."""
    if shared is None:
        yield Run(Path(described["path"]))
        return
    with tempfile.TemporaryDirectory(prefix="rin-") as folder:
        run = SharedRun(Path(folder) / described["fingerprint"], Store(shared))
        run.refresh()
        yield run


def _run(described: Mapping[str, Any], corpus: EncodedCorpus, run: Run, threads: int) -> None:
    """Train a run and report its epochs; a failure that would come again is recorded."""
    settings = Config.from_flat(described["config"])
    gpu = bool(ray.get_gpu_ids())
    report = Reports()
    try:
        if described.get("judged"):  # epoch by epoch, as if they were trained now
            for row in run.history():
                report(row)
        record = run_unit(
            settings,
            corpus,
            run,
            threads=threads,
            gpu=gpu,
            code=described["code"],
            on_epoch=report,
        )
        report(record["history"][-1])
    except Diverged as error:  # it would again: a failure to record, not to retry
        run.record_failure(str(error))
    except Superseded:
        pass


class Reports:
    """Report of each epoch, once, what the driver acts on; the ledger has the rest of it.

    Of every number of every trial Ray keeps six statistics and two windows of values, 2 KiB.
    """

    def __init__(self) -> None:
        self.epoch, self.best, self.seconds = 0, 0.0, 0.0

    def __call__(self, row: Mapping[str, float]) -> None:
        """Report an epoch of a trial's history, unless it or a later one was."""
        if row["epoch"] <= self.epoch:
            return
        self.epoch = int(row["epoch"])
        self.best = max(self.best, row["dev_f1"])
        self.seconds += row["seconds"]
        heard = {name: row[name] for name in REPORTED_METRICS}
        tune.report({**heard, "best_dev_f1": self.best, "total_seconds": self.seconds})


#: What a trial reports of an epoch.
REPORTED_METRICS = ("epoch", "train_loss", "dev_f1", "seconds")
