"""``python study/run.py audit EXPERIMENT``: would ASHA have stopped a winner?

Runs some stopped trials of a search to their end, those that came furthest first, and shows
them beside the best of their arm. The record of the search stays as it is: a trial that was
stopped is not counted among the finished ones for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console

from rin_core.cli import INTERRUPTED
from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.loading import find_recorded_vectors, load_dataset
from study.commands.show import show_search
from study.execution.interrupt import watched
from study.ledger.ledger import Ledger
from study.ledger.search_record import SearchRecord, SearchTrial
from study.planning.grid import encoding
from study.tracking.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Run stopped trials of a search to their end and say whether one would have won.

    Exit code 0 if all of them got there, 1 if not, 130 after Ctrl-C; the same command goes on.
    """

    experiment: tyro.conf.Positional[str]
    """The search."""
    n: int = 4
    """How many stopped trials, those of the last rungs and of the highest dev F1 first."""
    data: str | None = None
    """Corpus, where its name does not lead to it [default: the recorded name]."""
    data_root: Path | None = None
    """Folder of corpora [default: $RIN_DATA_ROOT]."""
    embeddings: Path | None = None
    """Word vectors, as in the search [default: the recorded file name, in the data root or in
    ``embeddings`` there]."""
    max_concurrent: int | None = None
    """Most trials at once [default: as many as fit]."""
    out: Path = Path("runs")
    """The ledger."""

    def check(self) -> None:
        """Raise ``ValueError`` for a number that cannot be."""
        for name in ("n", "max_concurrent"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name.replace('_', '-')} {value}: must be at least 1")

    def run(self, console: Console) -> int:
        """Train and show; return the exit code."""
        self.check()
        ledger = Ledger(self.out)
        record = SearchRecord(ledger, self.experiment)
        chosen = choose(record, self.n)
        if not chosen:
            raise ValueError(f"{self.experiment}: no stopped trial in {record.path}; check --out")
        encoded = self._read(record.header, chosen)
        left = [t for t in chosen if ledger.run(t.fingerprint).result() is None]
        with ledger.exclusive():
            interrupted = bool(left) and self._train(left, encoded, ledger, console)
        show_search(self.out, self.experiment, console)
        if interrupted:
            return INTERRUPTED
        return int(any(ledger.run(t.fingerprint).result() is None for t in chosen))

    def _read(
        self, header: Mapping[str, Any], trials: Sequence[SearchTrial]
    ) -> dict[str, EncodedCorpus]:
        """Read the corpus as each trial did, and refuse another than theirs."""
        source, encoded = self.data or str(header["corpus"]), dict[str, EncodedCorpus]()
        vectors = header["settings"].get("vectors")
        embeddings = self.embeddings or find_recorded_vectors(vectors, self.data_root)
        for trial in trials:
            config = Config.from_flat(trial.config)
            corpus = encoded.get(_key(trial)) or load_dataset(
                source, config, data_root=self.data_root, embeddings=embeddings
            )
            if config.fingerprint(corpus.digest) != trial.fingerprint:
                raise ValueError(
                    f"{source}: corpus or word vectors are not those of {trial.name}; give the "
                    f"same --data, --data-root and --embeddings ({vectors or 'none'}) as the search"
                )
            encoded[_key(trial)] = corpus
        return encoded

    def _train(
        self,
        trials: Sequence[SearchTrial],
        encoded: Mapping[str, EncodedCorpus],
        ledger: Ledger,
        console: Console,
    ) -> bool:
        """Train trials to their end; return whether that was interrupted."""
        # Imported late: a typing mistake should not wait for Ray's imports.
        from study.execution import cluster, tuner
        from study.execution.worker import Work

        gpus = cluster.default_gpus(None)
        resources = cluster.Resources(
            cpus_per_trial=1, gpus_per_trial=gpus, max_concurrent=self.max_concurrent, address=None
        )
        slots = cluster.connect(resources)
        work = [
            Work(
                run=ledger.run(trial.fingerprint),
                config=Config.from_flat(trial.config),
                corpus_key=_key(trial),
            )
            for trial in trials
        ]
        names = {trial.fingerprint: trial.name for trial in trials}
        epochs = {w.run.fingerprint: w.config.training.max_epochs for w in work}
        with Progress(console, names, epochs, slots) as progress:
            watch = _Watch(ledger, progress)
            with watched() as interruption:
                tuner.run(work, encoded, resources, slots, watch, self.out / "ray")
        return interruption.happened


@dataclass(frozen=True, slots=True)
class _Watch:
    """Shows what becomes of the trials."""

    ledger: Ledger
    progress: Progress

    def epoch(self, fingerprint: str, row: Mapping[str, float]) -> None:
        self.progress.epoch(fingerprint, row)

    def retried(self, fingerprint: str, error: str | None) -> None:
        self.progress.retry(fingerprint, error)

    def fits(self, slots: int) -> None:
        self.progress.fits(slots)

    def ended(self, fingerprint: str, error: str | None) -> None:
        run = self.ledger.run(fingerprint)
        if (result := run.result()) is not None:
            epochs = len(result["history"])
            self.progress.finish(fingerprint, result["dev"]["f1"], epochs, result["seconds"])
            return
        if error is not None:
            run.record_failure(error)
        failure = run.failure() or {"reason": "stopped before its end"}
        self.progress.fail(fingerprint, failure["reason"])


def choose(record: SearchRecord, count: int) -> list[SearchTrial]:
    """Return stopped trials: those that came furthest first, then by dev F1."""
    stopped = [trial for trial in record.trials if trial.state == "stopped"]
    return sorted(stopped, key=lambda t: (-len(t.dev_f1), -t.best))[:count]


def _key(trial: SearchTrial) -> str:
    """Name what decides the arrays that a trial trains on."""
    return encoding("", Config.from_flat(trial.config))
