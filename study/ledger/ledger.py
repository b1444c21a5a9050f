"""The record of all work on disk: what is planned, running and finished.

A run is one configuration trained on one corpus, named by its fingerprint. Its folder holds the
checkpoint while it trains and its result when it is finished. The result is written in one step
and last, so it is there or it is not. Ray may lose its snapshots and MLflow may be unreachable:
everything else can be made again from here. The files are listed in :mod:`study.ledger.layout`.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rin_core.layout import find_run
from study.ledger import layout
from study.ledger.commands import join_commands
from study.ledger.corpus_schema import Cases, Corpus, Vectors
from study.ledger.decisions import Decisions
from study.ledger.files import LedgerError, read_record, require_folder, write_record
from study.ledger.run import Run
from study.ledger.schema import PlannedRun, Result, Search, Study
from study.ledger.shared import SharedRun
from study.ledger.store import Store

_FINGERPRINT = re.compile("[0-9a-f]{16}")
_RECORD_AGAIN = "delete it and run the study again, which writes it again"
_STUDY_AGAIN = "move the file away and run the study again, which writes it again"


@dataclass(frozen=True, slots=True)
class Ledger:
    """An output folder; with a store, nodes of a cluster do not need to see it.

    Examples:
        >>> ledger = Ledger(Path("runs"))
        >>> ledger.run("0123456789abcdef").path.as_posix()
        'runs/units/0123456789abcdef'
    """

    root: Path
    store: Store | None = None

    def started(self, fingerprints: Iterable[str]) -> dict[str, float]:
        """Return when finished runs started, in seconds since 1970, where that is recorded."""
        results = {name: self.run(name).result() for name in fingerprints}
        return {
            name: found.provenance.started
            for name, found in results.items()
            if found is not None and found.provenance.started
        }

    def run(self, fingerprint: str) -> Run:
        """Return a run, whether or not anything is there yet."""
        path = self.root / layout.RUNS / fingerprint
        return Run(path) if self.store is None else SharedRun(path, self.store)

    def runs(self) -> list[Run]:
        """Return every run that has a folder, finished or not, by fingerprint.

        Raises:
            LedgerError: There is a file in place of the folder of runs.
        """
        found = sorted(self._folder(layout.RUNS).glob("*"))
        # A file in place of a run's folder is named where its result is read.
        return [Run(path) for path in found if path.is_dir() or _FINGERPRINT.fullmatch(path.name)]

    def results(self, fingerprints: Iterable[str] | None = None) -> Iterator[Result]:
        """Yield the results of finished runs, without damaged ones.

        Commands that need a damaged result name it when they read the run.

        Args:
            fingerprints: Of the runs (default: all).
        """
        for run in self.runs() if fingerprints is None else map(self.run, fingerprints):
            try:
                result = run.result()
            except LedgerError:
                continue
            if result is not None:
                yield result

    def damaged(self, fingerprints: Iterable[str]) -> list[str]:
        """Return what is wrong with each of the runs whose result cannot be read."""
        found = []
        for fingerprint in fingerprints:
            try:
                self.run(fingerprint).result()
            except LedgerError as error:
                found.append(str(error))
        return found

    def find(self, prefix: str) -> Run:
        """Return the run whose fingerprint starts with the given digits.

        Raises:
            ValueError: No run matches, or several do.
        """
        return Run(find_run(self.root, prefix))

    def refresh(self, runs: Iterable[Run]) -> None:
        """Sync runs with the store: both get what only the other has.

        Raises:
            StoreError: The store cannot be used.
        """
        if self.store is not None:
            self.store.check()
            stored = self.store.folders()
            for run in runs:
                if run.fingerprint in stored or (run.path / layout.CHECKPOINT).exists():
                    run.refresh()

    def study_path(self, experiment: str) -> Path:
        """Return the file of a study."""
        return self.root / layout.STUDIES / f"{experiment}.json"

    def study_names(self) -> list[str]:
        """Return the names of all recorded studies, sorted."""
        return self._names(layout.STUDIES)

    def studies(self) -> list[Study]:
        """Return all recorded studies by name; raises :class:`LedgerError`."""
        return [study for name in self.study_names() if (study := self.study(name)) is not None]

    def study(self, experiment: str) -> Study | None:
        """Return a study as recorded, or None; raises :class:`LedgerError`."""
        return read_record(self.study_path(experiment), Study, _STUDY_AGAIN, experiment)

    def record_study(self, study: Study) -> None:
        """Add planned runs to a study. Those planned before stay; the new ones come last.

        Decisions stay, too, unless the study brings its own, and so do commands that no new one
        covers. A study without ``updated`` is updated now.
        """
        earlier = self.study(study.experiment)
        added = {(run.fingerprint, run.arm) for run in study.trials}
        kept: list[PlannedRun] = []
        decisions, commands = study.decisions, study.commands
        if earlier is not None:
            commands = join_commands(earlier, study)
            kept = [run for run in earlier.trials if (run.fingerprint, run.arm) not in added]
            decisions = decisions or earlier.decisions
        changes = {
            "updated": study.updated or _now(),
            "trials": [*kept, *study.trials],
            "decisions": decisions,
            "commands": commands,
        }
        whole = study.model_copy(update=changes)
        write_record(self.study_path(study.experiment), whole, name=study.experiment)

    def record_decisions(self, experiment: str, decisions: Decisions) -> None:
        """Replace the decisions of a recorded study."""
        if (study := self.study(experiment)) is not None:
            changed = study.model_copy(update={"decisions": decisions})
            write_record(self.study_path(experiment), changed, name=experiment)

    def search_path(self, experiment: str) -> Path:
        """Return the file of a search."""
        return self.root / layout.SEARCHES / f"{experiment}.json"

    def search_names(self) -> list[str]:
        """Return the names of all recorded searches, sorted."""
        return self._names(layout.SEARCHES)

    def searches(self) -> list[Search]:
        """Return all recorded searches by name; raises :class:`LedgerError`."""
        return [found for name in self.search_names() if (found := self.search(name)) is not None]

    def search(self, experiment: str) -> Search | None:
        """Return a search as recorded, or None; raises :class:`LedgerError`."""
        return read_record(self.search_path(experiment), Search, name=experiment)

    def record_search(self, search: Search) -> None:
        """Replace the record of a search in one step."""
        updated = search.model_copy(update={"updated": _now()})
        write_record(self.search_path(search.experiment), updated, name=search.experiment)

    def corpus_path(self, content: str) -> Path:
        """Return where the corpus of a content digest is described."""
        return self.root / layout.CORPORA / f"{content}.json"

    def corpora(self) -> list[Corpus]:
        """Return all described corpora by name; raises :class:`LedgerError`."""
        found = [self.corpus(content) for content in self._names(layout.CORPORA)]
        return sorted((c for c in found if c is not None), key=lambda c: (c.name, c.content))

    def corpus(self, content: str) -> Corpus | None:
        """Return the description of a corpus, or None; raises :class:`LedgerError`."""
        return read_record(self.corpus_path(content), Corpus, _RECORD_AGAIN, content)

    def record_corpus(self, corpus: Corpus) -> None:
        """Describe a corpus for reports."""
        write_record(self.corpus_path(corpus.content), corpus, indent=None, name=corpus.content)

    def vectors_path(self, digest: str) -> Path:
        """Return where the word vectors of an encoded corpus are described."""
        return self.root / layout.VECTORS / f"{digest}.json"

    def word_table_path(self, digest: str) -> Path:
        """Return where all vectors of a file are, by the digest of the file."""
        return self.root / layout.VECTORS / f"{digest}.safetensors"

    def vectors(self, digest: str) -> Vectors | None:
        """Return the description of word vectors, or None; raises :class:`LedgerError`."""
        return read_record(self.vectors_path(digest), Vectors, _RECORD_AGAIN, digest)

    def record_vectors(self, vectors: Vectors) -> None:
        """Describe word vectors for reports."""
        write_record(self.vectors_path(vectors.digest), vectors, indent=None, name=vectors.digest)

    def case_names(self) -> list[str]:
        """Return the names of all recorded case studies, sorted."""
        return self._names(layout.CASES)

    def case(self, name: str) -> Cases | None:
        """Return a case study, or None; raises :class:`LedgerError`."""
        path = self.root / layout.CASES / f"{name}.json"
        return read_record(path, Cases, remedy="run rin-study case again", name=name)

    def record_cases(self, name: str, cases: Cases) -> Path:
        """Record sentences followed through models, for reports, and return the file."""
        path = self.root / layout.CASES / f"{name}.json"
        write_record(path, cases, indent=None, name=name)
        return path

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the ledger for one driver at a time.

        Raises:
            LedgerError: Another driver has it, or the folder cannot be written.
        """
        with self._held(fcntl.LOCK_EX):
            yield

    @contextmanager
    def training(self, run: Run) -> Iterator[None]:
        """Hold a run for one process that trains it without a driver.

        Others may train other runs of the ledger meanwhile, but no driver may.

        Raises:
            LedgerError: A driver has the ledger, or another process the run, or the folder cannot
                be written.
        """
        with self._held(fcntl.LOCK_SH):
            run.path.mkdir(parents=True, exist_ok=True)
            folder = os.open(run.path, os.O_RDONLY)
            try:
                _lock(folder, fcntl.LOCK_EX, f"{run.path}: another process is training this run")
                yield
            finally:
                os.close(folder)

    @contextmanager
    def _held(self, kind: int) -> Iterator[None]:
        if self.root.is_dir():
            for name in layout.FOLDERS:
                self._folder(name)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            file = (self.root / layout.LOCK).open("a+")
            folder = os.open(self.root, os.O_RDONLY)
        except OSError as error:
            raise LedgerError(f"{self.root}: cannot be written ({error}); choose --runs") from error
        other = f"{self.root}: another study is writing here; wait for it, or choose --runs"
        with file:
            try:
                _lock(file.fileno(), kind, other)
                try:  # whoever deletes the file does not let a second driver in
                    fcntl.flock(folder, kind | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise LedgerError(other) from None
                except OSError:  # NFS locks no folders
                    pass
                yield
            finally:
                os.close(folder)

    def _names(self, folder: str) -> list[str]:
        return sorted(path.stem for path in self._folder(folder).glob("*.json"))

    def _folder(self, name: str) -> Path:
        """Return a folder, which may be missing; raises :class:`LedgerError` for a file."""
        path = self.root / name
        require_folder(path)
        return path


def _lock(file: int, kind: int, other: str) -> None:
    """Lock an open file; raises :class:`LedgerError` with a text if another process has it."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LedgerError(other) from None
    except OSError as error:
        raise LedgerError(
            f"{other.partition(':')[0]}: its file system has no locks ({error.strerror}); choose "
            "--runs on another disk, such as a local one"
        ) from error


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
