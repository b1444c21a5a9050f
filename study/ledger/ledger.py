"""The record of work: what is planned, what is under way, what is done, on disk.

A *run* is one configuration on one corpus, named by its fingerprint. Its folder holds the
checkpoint while it trains and its result when it is done; the result is written in one step
and last, so it is there or it is not. Ray may lose its own snapshots and MLflow may be away:
what is finished is known from here, and everything else can be made again from here.

    <root>/units/<fingerprint>/   attempt.json  checkpoint.safetensors  weights.safetensors
                                  predictions.json  result.json | failure.json | stopped.json
                                  usage.jsonl
    <root>/studies/<experiment>.json
    <root>/searches/<experiment>.json
    <root>/corpora/<content>.json   what reports need of a corpus
    <root>/vectors/<digest>.json    which words of its test split have a pretrained vector
    <root>/cases/<name>.json        sentences followed through models
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rin_core.predict.loading import find_run
from rin_core.train.loop import CHECKPOINT
from study.ledger.files import LedgerError, read_json, write_json
from study.ledger.run import Run
from study.ledger.shared import SharedRun
from study.ledger.store import Store


@dataclass(frozen=True, slots=True)
class Ledger:
    """The folder of all runs and studies; with a store, nodes need not see it.

    Examples:
        >>> ledger = Ledger(Path("runs"))
        >>> ledger.run("0123456789abcdef").path.as_posix()
        'runs/units/0123456789abcdef'
    """

    root: Path
    store: Store | None = None

    def run(self, fingerprint: str) -> Run:
        """Return a run, whether or not anything is there yet."""
        path = self.root / "units" / fingerprint
        return Run(path) if self.store is None else SharedRun(path, self.store)

    def refresh(self, runs: Iterable[Run]) -> None:
        """Bring runs up to date with what nodes left in the store, and it with what is here alone.

        Raises:
            StoreError: The store cannot be used.
        """
        if self.store is not None:
            self.store.check()
            there = self.store.folders()
            for run in runs:
                if run.fingerprint in there or (run.path / CHECKPOINT).exists():
                    run.refresh()

    def runs(self) -> list[Run]:
        """Return every run that has a folder, finished or not, by fingerprint."""
        return [Run(path) for path in sorted((self.root / "units").glob("*")) if path.is_dir()]

    def find(self, prefix: str) -> Run:
        """Return the run whose fingerprint starts so.

        Raises:
            ValueError: None does, or several do.
        """
        return Run(find_run(self.root, prefix))

    def study_path(self, experiment: str) -> Path:
        """Return where an experiment's plan is recorded."""
        return self.root / "studies" / f"{experiment}.json"

    def studies(self) -> list[str]:
        """Return the names of all recorded experiments."""
        return sorted(path.stem for path in (self.root / "studies").glob("*.json"))

    def study(self, experiment: str) -> dict[str, Any] | None:
        """Return an experiment's plan as recorded, or None."""
        return read_json(self.study_path(experiment))

    def searches(self) -> list[str]:
        """Return the names of all recorded searches."""
        return sorted(path.stem for path in (self.root / "searches").glob("*.json"))

    def search_path(self, experiment: str) -> Path:
        """Return where a search is recorded."""
        return self.root / "searches" / f"{experiment}.json"

    def search(self, experiment: str) -> dict[str, Any] | None:
        """Return a search's record (:mod:`study.ledger.search_record`), or None."""
        return read_json(self.search_path(experiment))

    def record_search(self, experiment: str, content: Mapping[str, Any]) -> None:
        """Replace a search's record in one step."""
        updated = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        write_json(self.search_path(experiment), {**content, "updated": updated})

    def record_study(
        self, experiment: str, header: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]
    ) -> None:
        """Add planned trials to an experiment; those planned before stay, the new ones last.

        A header that comes from another ledger brings its own ``updated``; else that is now.
        """
        path = self.study_path(experiment)
        earlier = (self.study(experiment) or {"trials": []})["trials"]
        fresh = {_identity(trial) for trial in trials}
        kept = [trial for trial in earlier if _identity(trial) not in fresh]
        updated = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        content = {"experiment": experiment, "updated": updated, **header}
        write_json(path, content | {"trials": [*kept, *trials]})

    def corpus_path(self, content: str) -> Path:
        """Return where the corpus of a content digest is described."""
        return self.root / "corpora" / f"{content}.json"

    def corpus(self, content: str) -> dict[str, Any] | None:
        """Return the record of a corpus, or ``None``."""
        return read_json(self.corpus_path(content))

    def record_corpus(self, content: str, description: Mapping[str, Any]) -> None:
        """Describe a corpus for reports."""
        write_json(self.corpus_path(content), {"content": content, **description}, indent=None)

    def vectors_path(self, digest: str) -> Path:
        """Return where the word vectors of an encoded corpus are described."""
        return self.root / "vectors" / f"{digest}.json"

    def record_vectors(self, digest: str, description: Mapping[str, Any]) -> None:
        """Describe word vectors for reports."""
        write_json(self.vectors_path(digest), {"digest": digest, **description}, indent=None)

    def record_cases(self, name: str, cases: Sequence[Mapping[str, Any]]) -> Path:
        """Record sentences followed through models, for reports, and return the file."""
        path = self.root / "cases" / f"{name}.json"
        write_json(path, {"cases": cases}, indent=None)
        return path

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the ledger for one driver at a time.

        Raises:
            LedgerError: Another driver has it, or the folder cannot be written.
        """
        path = self.root / ".lock"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            file = path.open("a+")
        except OSError as error:
            raise LedgerError(f"{self.root}: cannot be written ({error}); choose --out") from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LedgerError(
                    f"{self.root}: another study is writing here; wait for it, or choose --out"
                ) from None
            yield


def _identity(trial: Mapping[str, Any]) -> tuple[str, str]:
    return trial["fingerprint"], trial["arm"]
