"""One trial, as the driver describes it and as a Ray worker runs it.

A worker imports this module and what training needs. The code that chooses trials stays in the
driver.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray import tune

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.errors import ConfigError, Diverged
from study.execution.provenance import code_version
from study.execution.trial import train_run
from study.ledger.run import Run, Superseded
from study.ledger.schema import Epoch
from study.ledger.shared import SharedRun
from study.ledger.store import Store

#: What a trial reports of an epoch.
REPORTED_METRICS = ("epoch", "train_loss", "selection_f1", "seconds")


def run_config(run: Run, config: Config, corpus_key: str, **search: Any) -> dict[str, Any]:
    """Return what a worker needs to train a run, in plain values.

    Args:
        run: The run.
        config: Its settings.
        corpus_key: Which of the encoded corpora it is trained on.
        search: Values that a search adds: ``arm``, ``trial`` and ``finished`` for its scheduler,
            and ``report_known_epochs``, which also reports the epochs that the ledger has.
    """
    return {
        "fingerprint": run.fingerprint,
        "path": str(run.path.resolve()),
        "config": config.flat(),
        "corpus": corpus_key,
        "code": code_version(),
        **search,
    }


def trainable(
    config: dict[str, Any],
    handles: Mapping[str, Any],
    threads: int,
    shared: str | None,
    liveness_file: Path | None,
) -> None:
    """Train one run inside a Ray worker, which may have trained others before.

    Args:
        config: From :func:`run_config`, under ``run``.
        handles: Ray's handles of the encoded corpora by key.
        threads: CPU threads.
        shared: The address of the store, if nodes do not see the ledger.
        liveness_file: A file that exists while the driver runs, if they do.
    """
    described = config["run"]
    if liveness_file is not None and not liveness_file.exists():
        raise RuntimeError(
            f"node {os.uname().nodename} cannot access {liveness_file.parent}; use a shared "
            "filesystem for --runs or pass --shared URI"
        )
    corpus: EncodedCorpus = ray.get(handles[described["corpus"]])
    report = Reporter()
    with open_run(described, shared) as run:
        try:
            if described.get("report_known_epochs"):
                for row in run.history():
                    report(row)
            result = train_run(
                Config.from_flat(described["config"]),
                corpus,
                run,
                threads=threads,
                gpu=bool(ray.get_gpu_ids()),
                code=described["code"],
                on_epoch=report,
            )
            report(result.history[-1])
        except (ConfigError, Diverged) as error:  # a retry would fail too
            run.record_failure(str(error))
        except Superseded:
            pass
    release_memory()


def release_memory() -> None:
    """Give the memory that a trial has freed back to the system, where the C library is glibc.

    Ray runs each trial of a worker in a new thread. glibc gives up to eight times as many threads
    as there are cores a heap of their own, and each heap would keep the memory of a trial.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def open_run(described: Mapping[str, Any], shared: str | None) -> Iterator[Run]:
    """Open a run's folder: the ledger's own, or a copy on a node that does not see the ledger."""
    if shared is None:
        yield Run(Path(described["path"]))
        return
    with tempfile.TemporaryDirectory(prefix="rin-") as folder:
        run = SharedRun(Path(folder) / described["fingerprint"], Store(shared))
        run.refresh()
        yield run


class Reporter:
    """Reports each epoch once, with the few numbers that the driver uses.

    Ray keeps six statistics and two windows of values, 2 KiB, for every number of every trial.
    """

    def __init__(self) -> None:
        self.epoch, self.best, self.seconds = 0, 0.0, 0.0

    def __call__(self, row: Epoch) -> None:
        """Report an epoch, unless it or a later one was reported."""
        if row.epoch <= self.epoch:
            return
        self.epoch = row.epoch
        self.best = max(self.best, row.selection_f1)
        self.seconds += row.seconds
        reported = {name: getattr(row, name) for name in REPORTED_METRICS}
        tune.report({**reported, "best_dev_f1": self.best, "total_seconds": self.seconds})
