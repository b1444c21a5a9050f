"""A run's folder whose authoritative copy is in a store that all nodes reach."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from study.ledger import layout, upgrade
from study.ledger.run import Run, epochs_of_lines
from study.ledger.schema import Epoch, Predictions, Result
from study.ledger.store import Store

_EPOCHS = (layout.WEIGHTS, layout.CHECKPOINT, layout.HISTORY)
"""What an epoch changes. The history comes last: the epochs that it shows can be resumed from."""
_ENDS = (layout.AVERAGED_WEIGHTS, layout.PREDICTIONS, layout.RESULT)
"""What the end of a run adds."""
_TRAVELS = (*_EPOCHS, *layout.OUTCOMES, *_ENDS)
"""What nodes exchange. The result comes last: it is never there without the rest."""


@dataclass(frozen=True, slots=True)
class SharedRun(Run):
    """A run whose folder is a copy of what is in a store that all nodes reach.

    The node that trains the run sends every epoch and, last, the result. The driver fetches them
    into its own folder.
    """

    store: Store
    _sent: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    def poll(self) -> None:
        """Fetch the epochs that another node has recorded."""
        if not self.is_finished:
            self._fetch(layout.HISTORY)

    def claim(self) -> str:
        """Take the run over from the node that had it; see :meth:`Run.claim`."""
        self.refresh()
        token = Run.claim(self)
        self.store.remove(map(self._name, layout.OUTCOMES))
        self._send(layout.ATTEMPT)
        return token

    def check(self, token: str) -> None:
        """Raise :class:`Superseded` unless the token is the latest claim's on any node."""
        self._fetch(layout.ATTEMPT)
        Run.check(self, token)

    def publish_epoch(self, token: str) -> None:
        """Send an epoch."""
        self.check(token)
        self._send(*_EPOCHS)

    def finish(
        self,
        result: Result,
        predictions: Predictions,
        token: str,
        *,
        keep_checkpoint: bool = False,
    ) -> None:
        """Record the result here and there, last of all; see :meth:`Run.finish`."""
        Run.finish(self, result, predictions, token, keep_checkpoint=keep_checkpoint)
        self._send(layout.WEIGHTS, layout.CHECKPOINT, *_ENDS)
        checkpoint = () if keep_checkpoint else (layout.CHECKPOINT,)
        self.store.remove(map(self._name, (*checkpoint, layout.HISTORY, *layout.OUTCOMES)))

    def import_result(self, result: Result, predictions: Predictions | None) -> None:
        """Record a result that was computed elsewhere, here and there."""
        Run.import_result(self, result, predictions)
        self.store.remove(map(self._name, (*layout.OF_AN_ATTEMPT, *layout.OUTCOMES)))
        self._send(layout.PREDICTIONS, layout.RESULT)

    def record_pruned(self, epoch: int, reason: str) -> None:
        """Record here and there that a search pruned the run."""
        Run.record_pruned(self, epoch, reason)
        self._send(layout.PRUNED)

    def record_failure(self, reason: str) -> None:
        """Record a failure here and there."""
        Run.record_failure(self, reason)
        self._send(layout.FAILURE)

    def refresh(self) -> None:
        """Sync folder and store; the checkpoint with more epochs wins."""
        if self.is_finished:
            return
        has_checkpoint = (self.path / layout.CHECKPOINT).exists()
        finished = self.store.has(self._name(layout.RESULT))
        if has_checkpoint and not finished and len(self.history()) > len(self._stored_history()):
            # Trained before there was a store, or by a study that was given none.
            self.store.remove(map(self._name, layout.OUTCOMES))
            self._send(*_EPOCHS, *layout.OUTCOMES)
            return
        stored = {name for name in _TRAVELS if self._fetch(name)}
        for name in layout.OUTCOMES:
            if name not in stored:  # a later attempt has cleared it
                (self.path / name).unlink(missing_ok=True)
        if layout.RESULT in stored:
            self._remove_attempt(keep_checkpoint=layout.CHECKPOINT in stored)

    def _stored_history(self) -> list[Epoch]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "copy"
            if self.store.fetch(self._name(layout.HISTORY), file):
                return epochs_of_lines(file.read_bytes())
            if self.store.fetch(self._name(layout.CHECKPOINT), file):
                return upgrade.epochs_of_checkpoint(file)
        return []

    def _fetch(self, name: str) -> bool:
        return self.store.fetch(self._name(name), self.path / name)

    def _send(self, *names: str) -> None:
        """Send files in this order; those that have not changed since are skipped."""
        for name in names:
            path = self.path / name
            if path.exists() and self._sent.get(name) != (changed := path.stat().st_mtime_ns):
                self.store.send(path, self._name(name))
                self._sent[name] = changed

    def _name(self, name: str) -> str:
        return f"{self.fingerprint}/{name}"
