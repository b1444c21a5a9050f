"""The record of work: what is planned, what is under way, what is done, on disk.

A *unit* is one configuration on one corpus, named by its fingerprint. Its folder holds the
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
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rin_core.checkpoint import load_metadata, stream_metadata, write_atomically
from rin_core.errors import CheckpointError, RinError
from rin_core.model_io import find_unit
from rin_core.training import CHECKPOINT, WEIGHTS, Epoch
from study.store import Store

USAGE = "usage.jsonl"
#: What an attempt leaves behind that a result from elsewhere has nothing to do with.
_OF_AN_ATTEMPT = (CHECKPOINT, WEIGHTS, USAGE)
#: How an attempt may have ended without a result.
OUTCOMES = ("failure.json", "stopped.json")


class StudyError(RinError):
    """Something outside failed that a study needs; a subclass says what and how to go on."""


class LedgerError(StudyError):
    """The record cannot be read or written: names the file and the way out."""


class Superseded(RinError):
    """Another attempt at the same unit has taken over; this one must write no more."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The folder of one fingerprint."""

    path: Path

    @property
    def fingerprint(self) -> str:
        """Return the unit's name."""
        return self.path.name

    @property
    def weights(self) -> Path:
        """Return where the selected epoch's weights are."""
        return self.path / WEIGHTS

    def result(self) -> dict[str, Any] | None:
        """Return the finished result, or None.

        Raises:
            LedgerError: There is one, and it cannot be read.
        """
        return _read_json(self.path / "result.json")

    def predictions(self) -> dict[str, Any] | None:
        """Return what the selected weights said of test; None without a result.

        ``relations`` names them by number; ``triples`` are rows of sentence, subject word,
        relation, object word, and ``spans`` of sentence, start, end.
        """
        return _read_json(self.path / "predictions.json")

    def failure(self) -> dict[str, Any] | None:
        """Return why the last attempt failed, or None."""
        return _read_json(self.path / "failure.json")

    def stopped(self) -> dict[str, Any] | None:
        """Return after which epoch and why a search stopped it, or None.

        The checkpoint is kept: whoever wants the unit's end trains on from there.
        """
        return _read_json(self.path / "stopped.json")

    def history(self) -> list[dict[str, Any]]:
        """Return the epochs so far, finished or not, without reading any weights."""
        if (result := self.result()) is not None:
            return list(result["history"])
        try:
            return _epochs(load_metadata(self.path / CHECKPOINT))
        except (CheckpointError, FileNotFoundError):
            return []

    def usage(self) -> dict[int, dict[str, float]]:
        """Return what each epoch took of the machine, where that was measured; no result."""
        found = {}
        with suppress(FileNotFoundError):
            for line in (self.path / USAGE).read_text().splitlines():
                with suppress(json.JSONDecodeError):  # a kill may have cut one
                    row = json.loads(line)
                    found[int(row.pop("epoch"))] = row
        return found

    def use(self, epoch: int, usage: Mapping[str, float]) -> None:
        """Record what an epoch took of the machine."""
        with (self.path / USAGE).open("a") as file:
            file.write(json.dumps({"epoch": epoch, **usage}) + "\n")

    def claim(self) -> str:
        """Take the unit for a new attempt and return its token.

        When a node is lost, its workers can go on for seconds after others took over. Only
        the latest claim may write. What became of an earlier attempt no longer counts.
        """
        for name in OUTCOMES:
            (self.path / name).unlink(missing_ok=True)
        token = secrets.token_hex(8)
        content = {"token": token, "host": os.uname().nodename, "pid": os.getpid()}
        _write_json(self.path / "attempt.json", content)
        return token

    def check(self, token: str) -> None:
        """Raise :class:`Superseded` unless the token is the latest claim's."""
        attempt = _read_json(self.path / "attempt.json") or {}
        if attempt.get("token") != token:
            raise Superseded(f"{self.fingerprint}: taken over by process {attempt.get('pid')}")

    def finish(self, result: Mapping[str, Any], predictions: Mapping[str, Any], token: str) -> None:
        """Record the result, last of all; the checkpoint has then done its work."""
        self.check(token)
        _write_json(self.path / "predictions.json", predictions, indent=None)
        _write_json(self.path / "result.json", result)
        self._clear()

    def adopt(self, result: Mapping[str, Any], predictions: Mapping[str, Any] | None) -> None:
        """Record a result that was computed elsewhere, in place of any attempt here.

        The attempt's weights go: they are not those of the result, which travels without.
        """
        for name in _OF_AN_ATTEMPT:
            (self.path / name).unlink(missing_ok=True)
        if predictions is not None:
            _write_json(self.path / "predictions.json", predictions, indent=None)
        _write_json(self.path / "result.json", result)
        self._clear()

    def _clear(self) -> None:
        """Remove what a finished unit has no more use for."""
        for name in (CHECKPOINT, *OUTCOMES):
            (self.path / name).unlink(missing_ok=True)

    def saved(self, token: str) -> None:
        """Hear that an epoch is on disk; raise :class:`Superseded` as :meth:`check` does."""
        self.check(token)

    def refresh(self) -> None:
        """Bring the folder up to date with what other nodes wrote: nothing to do for one folder."""

    def follow(self) -> None:
        """See how far another node has come with the unit: nothing to do for one folder."""

    def stop(self, epoch: int, reason: str) -> None:
        """Record that a search stopped the unit after an epoch, for a reason."""
        _write_json(self.path / "stopped.json", {"epoch": epoch, "reason": reason})

    def fail(self, reason: str) -> None:
        """Record why an attempt failed. The next study tries again."""
        _write_json(self.path / "failure.json", {"reason": reason})


@dataclass(frozen=True, slots=True)
class SharedUnit(Unit):
    """A unit whose folder is a copy: the one that counts is in a store that all nodes reach.

    The node that trains it sends every epoch and, last, the result; the driver refreshes its own
    folder from there.
    """

    store: Store
    _sent: dict[str, int] = field(default_factory=dict, repr=False, compare=False)
    _seen: list[dict[str, Any]] = field(default_factory=list, repr=False, compare=False)

    def history(self) -> list[dict[str, Any]]:
        """Return the epochs so far, here or as :meth:`follow` last saw them."""
        return Unit.history(self) if self.result() is not None or not self._seen else [*self._seen]

    def follow(self) -> None:
        """See how far another node has come: its checkpoint's head says so, whatever its size."""
        if self.result() is not None:
            return
        self._fetch(USAGE)
        self._seen[:] = self._history_there() or self._seen

    def claim(self) -> str:
        """Take the unit over from whichever node had it; see :meth:`Unit.claim`."""
        self.refresh()
        token = Unit.claim(self)
        self.store.remove(map(self._name, OUTCOMES))
        self._send("attempt.json")
        return token

    def check(self, token: str) -> None:
        """Raise :class:`Superseded` unless the token is the latest claim's on any node."""
        self.store.fetch(self._name("attempt.json"), self.path / "attempt.json")
        Unit.check(self, token)

    def saved(self, token: str) -> None:
        """Send an epoch."""
        self.check(token)
        self._send(WEIGHTS, USAGE, CHECKPOINT)

    def finish(self, result: Mapping[str, Any], predictions: Mapping[str, Any], token: str) -> None:
        """Record the result here and there, last of all."""
        Unit.finish(self, result, predictions, token)
        self._send(WEIGHTS, USAGE, "predictions.json", "result.json")
        self.store.remove(map(self._name, (CHECKPOINT, *OUTCOMES)))

    def adopt(self, result: Mapping[str, Any], predictions: Mapping[str, Any] | None) -> None:
        """Record a result that was computed elsewhere, here and there."""
        Unit.adopt(self, result, predictions)
        self.store.remove(map(self._name, (*_OF_AN_ATTEMPT, *OUTCOMES)))
        self._send("predictions.json", "result.json")

    def stop(self, epoch: int, reason: str) -> None:
        """Record here and there that a search stopped the unit."""
        Unit.stop(self, epoch, reason)
        self._send("stopped.json")

    def fail(self, reason: str) -> None:
        """Record a failure here and there."""
        Unit.fail(self, reason)
        self._send("failure.json")

    def refresh(self) -> None:
        """Make store and folder alike: of two checkpoints the one of more epochs counts."""
        if self.result() is not None:
            return
        self._seen.clear()
        ended = self.store.has(self._name("result.json"))
        if not ended and len(Unit.history(self)) > len(self._history_there()):
            # Trained before there was a store, or by a study that was given none.
            self.store.remove(map(self._name, OUTCOMES))
            self._send(WEIGHTS, USAGE, CHECKPOINT, *OUTCOMES)
            return
        there = {name for name in _TRAVELS if self._fetch(name)}
        for name in OUTCOMES:
            if name not in there:  # a later attempt has cleared it
                (self.path / name).unlink(missing_ok=True)
        if "result.json" in there:
            self._clear()

    def _history_there(self) -> list[dict[str, Any]]:
        name = self._name(CHECKPOINT)
        # It may be gone, if the unit has ended, or its head just been replaced by a longer one.
        with suppress(FileNotFoundError, CheckpointError):
            return _epochs(stream_metadata(partial(self.store.read, name), name))
        return []

    def _fetch(self, name: str) -> bool:
        return self.store.fetch(self._name(name), self.path / name)

    def _send(self, *names: str) -> None:
        """Send files in this order, but for those that have not changed."""
        for name in names:
            path = self.path / name
            if path.exists() and self._sent.get(name) != (changed := path.stat().st_mtime_ns):
                self.store.send(path, self._name(name))
                self._sent[name] = changed

    def _name(self, name: str) -> str:
        return f"{self.fingerprint}/{name}"


#: What nodes exchange of a unit. The result comes last, so that it is never there without the rest.
_TRAVELS = (WEIGHTS, USAGE, CHECKPOINT, *OUTCOMES, "predictions.json", "result.json")


@dataclass(frozen=True, slots=True)
class Ledger:
    """The folder of all units and studies; with a store, nodes need not see it."""

    root: Path
    store: Store | None = None

    def unit(self, fingerprint: str) -> Unit:
        """Return a unit, whether or not anything is there yet."""
        path = self.root / "units" / fingerprint
        return Unit(path) if self.store is None else SharedUnit(path, self.store)

    def refresh(self, units: Iterable[Unit]) -> None:
        """Bring units up to date with what nodes left in the store, and it with what is here alone.

        Raises:
            StoreError: The store cannot be used.
        """
        if self.store is not None:
            self.store.check()
            there = self.store.folders()
            for unit in units:
                if unit.fingerprint in there or (unit.path / CHECKPOINT).exists():
                    unit.refresh()

    def units(self) -> list[Unit]:
        """Return every unit that has a folder, finished or not, by fingerprint."""
        return [Unit(path) for path in sorted((self.root / "units").glob("*")) if path.is_dir()]

    def find(self, prefix: str) -> Unit:
        """Return the unit whose fingerprint starts so.

        Raises:
            ValueError: None does, or several do.
        """
        return Unit(find_unit(self.root, prefix))

    def study_path(self, experiment: str) -> Path:
        """Return where an experiment's plan is recorded."""
        return self.root / "studies" / f"{experiment}.json"

    def studies(self) -> list[str]:
        """Return the names of all recorded experiments."""
        return sorted(path.stem for path in (self.root / "studies").glob("*.json"))

    def study(self, experiment: str) -> dict[str, Any] | None:
        """Return an experiment's plan as recorded, or None."""
        return _read_json(self.study_path(experiment))

    def searches(self) -> list[str]:
        """Return the names of all recorded searches."""
        return sorted(path.stem for path in (self.root / "searches").glob("*.json"))

    def search_path(self, experiment: str) -> Path:
        """Return where a search is recorded."""
        return self.root / "searches" / f"{experiment}.json"

    def search(self, experiment: str) -> dict[str, Any] | None:
        """Return a search's record, or None; :mod:`study.search_record` knows what is in it."""
        return _read_json(self.search_path(experiment))

    def record_search(self, experiment: str, content: Mapping[str, Any]) -> None:
        """Replace a search's record in one step."""
        updated = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        _write_json(self.search_path(experiment), {**content, "updated": updated})

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
        _write_json(path, content | {"trials": [*kept, *trials]})

    def corpus_path(self, content: str) -> Path:
        """Return where the corpus of a content digest is described."""
        return self.root / "corpora" / f"{content}.json"

    def corpus(self, content: str) -> dict[str, Any] | None:
        """Return the record of a corpus, or ``None``."""
        return _read_json(self.corpus_path(content))

    def record_corpus(self, content: str, description: Mapping[str, Any]) -> None:
        """Describe a corpus for reports."""
        _write_json(self.corpus_path(content), {"content": content, **description}, indent=None)

    def vectors_path(self, digest: str) -> Path:
        """Return where the word vectors of an encoded corpus are described."""
        return self.root / "vectors" / f"{digest}.json"

    def record_vectors(self, digest: str, description: Mapping[str, Any]) -> None:
        """Describe word vectors for reports."""
        _write_json(self.vectors_path(digest), {"digest": digest, **description}, indent=None)

    def record_cases(self, name: str, cases: Sequence[Mapping[str, Any]]) -> Path:
        """Record sentences followed through models, for reports, and return the file."""
        path = self.root / "cases" / f"{name}.json"
        _write_json(path, {"cases": cases}, indent=None)
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


def _epochs(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [Epoch(**epoch).flat() for epoch in metadata["history"]]


def _identity(trial: Mapping[str, Any]) -> tuple[str, str]:
    return trial["fingerprint"], trial["arm"]


def _write_json(path: Path, content: Mapping[str, Any], indent: int | None = 1) -> None:
    write_atomically(path, json.dumps(content, indent=indent, allow_nan=False).encode())


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LedgerError(f"{path}: is damaged ({error}); delete it to go on") from error
    return content
