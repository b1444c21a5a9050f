"""A run's folder whose authoritative copy is in a store that all nodes reach."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rin_core.errors import CheckpointError
from rin_core.train.checkpoint import stream_metadata
from rin_core.train.loop import CHECKPOINT, WEIGHTS
from study.ledger.run import OF_AN_ATTEMPT, OUTCOMES, USAGE, Run, epochs_of
from study.ledger.store import Store


@dataclass(frozen=True, slots=True)
class SharedRun(Run):
    """A run whose folder is a copy: the one that counts is in a store that all nodes reach.

    The node that trains it sends every epoch and, last, the result; the driver refreshes its own
    folder from there.
    """

    store: Store
    _sent: dict[str, int] = field(default_factory=dict, repr=False, compare=False)
    _seen: list[dict[str, Any]] = field(default_factory=list, repr=False, compare=False)

    def history(self) -> list[dict[str, Any]]:
        """Return the epochs so far, here or as :meth:`follow` last saw them."""
        return Run.history(self) if self.result() is not None or not self._seen else [*self._seen]

    def poll(self) -> None:
        """See how far another node has come: its checkpoint's head says so, whatever its size."""
        if self.result() is not None:
            return
        self._fetch(USAGE)
        self._seen[:] = self._history_there() or self._seen

    def claim(self) -> str:
        """Take the run over from whichever node had it; see :meth:`Run.claim`."""
        self.refresh()
        token = Run.claim(self)
        self.store.remove(map(self._name, OUTCOMES))
        self._send("attempt.json")
        return token

    def check(self, token: str) -> None:
        """Raise :class:`Superseded` unless the token is the latest claim's on any node."""
        self.store.fetch(self._name("attempt.json"), self.path / "attempt.json")
        Run.check(self, token)

    def publish_epoch(self, token: str) -> None:
        """Send an epoch."""
        self.check(token)
        self._send(WEIGHTS, USAGE, CHECKPOINT)

    def finish(self, result: Mapping[str, Any], predictions: Mapping[str, Any], token: str) -> None:
        """Record the result here and there, last of all."""
        Run.finish(self, result, predictions, token)
        self._send(WEIGHTS, USAGE, "predictions.json", "result.json")
        self.store.remove(map(self._name, (CHECKPOINT, *OUTCOMES)))

    def import_result(
        self, result: Mapping[str, Any], predictions: Mapping[str, Any] | None
    ) -> None:
        """Record a result that was computed elsewhere, here and there."""
        Run.import_result(self, result, predictions)
        self.store.remove(map(self._name, (*OF_AN_ATTEMPT, *OUTCOMES)))
        self._send("predictions.json", "result.json")

    def record_pruned(self, epoch: int, reason: str) -> None:
        """Record here and there that a search stopped the run."""
        Run.record_pruned(self, epoch, reason)
        self._send("stopped.json")

    def record_failure(self, reason: str) -> None:
        """Record a failure here and there."""
        Run.record_failure(self, reason)
        self._send("failure.json")

    def refresh(self) -> None:
        """Make store and folder alike: of two checkpoints the one of more epochs counts."""
        if self.result() is not None:
            return
        self._seen.clear()
        ended = self.store.has(self._name("result.json"))
        if not ended and len(Run.history(self)) > len(self._history_there()):
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
        # It may be gone, if the run has ended, or its head just been replaced by a longer one.
        with suppress(FileNotFoundError, CheckpointError):
            return epochs_of(stream_metadata(partial(self.store.read, name), name))
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


#: What nodes exchange of a run. The result comes last, so that it is never there without the rest.
_TRAVELS = (WEIGHTS, USAGE, CHECKPOINT, *OUTCOMES, "predictions.json", "result.json")
