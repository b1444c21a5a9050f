"""The folder of one run: the only code that writes it or reads it."""

from __future__ import annotations

import contextlib
import functools
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rin_core.errors import RinError
from rin_core.files import incomplete_files, write_atomically
from study.ledger import layout, upgrade
from study.ledger.attempts import Attempt, Failure, Pruned
from study.ledger.files import (
    InvalidRecord,
    LedgerError,
    check_record,
    parse_object,
    read_record,
    write_record,
)
from study.ledger.schema import Epoch, Predictions, Result
from study.ledger.state import TrialState

#: Seconds without a change after which no machine is still writing a file.
_ABANDONED = 3600.0
_TRAIN_AGAIN = "delete it and run the study again, which trains the run again"


class Superseded(RinError):
    """Another attempt at the same run has taken over; this one must write nothing more."""


@dataclass(frozen=True, slots=True)
class Run:
    """The folder of one fingerprint, whether or not anything is there yet."""

    path: Path

    @property
    def fingerprint(self) -> str:
        """Return the run's name."""
        return self.path.name

    @property
    def weights(self) -> Path:
        """Return where the weights of the selected epoch are."""
        return self.path / layout.WEIGHTS

    @property
    def averaged_weights(self) -> Path:
        """Return where the averaged weights are, with ``training.average``."""
        return self.path / layout.AVERAGED_WEIGHTS

    def model(self, *, averaged: bool) -> Path:
        """Return where the weights are that are averaged, or those of the selected epoch."""
        return self.averaged_weights if averaged else self.weights

    def result(self) -> Result | None:
        """Return the result, or None where the run is not finished.

        Raises:
            LedgerError: The record is damaged, or is the result of another run.
        """
        return read_record(self.path / layout.RESULT, Result, _TRAIN_AGAIN, self.fingerprint)

    @property
    def is_finished(self) -> bool:
        """Tell whether there is a result; a file that was read once is read again if it changes.

        Raises:
            LedgerError: The record is damaged, or is the result of another run.
        """
        version = self.version
        return version is not None and _has_result(self.path, version)

    @property
    def version(self) -> tuple[int, ...] | None:
        """Return what identifies the present file of the result, or None where there is none.

        A result takes 10 ms to read and check, and a study asks for each of its runs many times.
        What was derived from one version need not be derived again.
        """
        try:
            found = (self.path / layout.RESULT).stat()
        except FileNotFoundError:
            return None
        except OSError:
            return ()  # reading it names the cause
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def predictions(self) -> Predictions | None:
        """Return what the selected weights predict on test, or None.

        Raises:
            LedgerError: The record is damaged, or belongs to another run.
        """
        remedy = f"rin-study rerun {self.fingerprint} writes it again"
        return read_record(self.path / layout.PREDICTIONS, Predictions, remedy, self.fingerprint)

    @property
    def lacks_predictions(self) -> bool:
        """Tell whether the file of the predictions is gone; runs of old imports never had one."""
        return not (self.path / layout.PREDICTIONS).exists()

    def record_predictions(self, predictions: Predictions) -> None:
        """Write what the selected weights predict on test."""
        path = self.path / layout.PREDICTIONS
        write_record(path, predictions, indent=None, name=self.fingerprint)

    def failure(self) -> Failure | None:
        """Return why the last attempt failed, or None."""
        return read_record(self.path / layout.FAILURE, Failure, remedy="delete it")

    def pruned(self) -> Pruned | None:
        """Return after which epoch and why a search pruned the run, or None.

        The checkpoint is kept: a study or an audit that needs the whole run resumes it.
        """
        return read_record(self.path / layout.PRUNED, Pruned, remedy="delete it") or read_record(
            self.path / layout.OLD_PRUNED, Pruned, remedy="delete it"
        )

    def state(self) -> TrialState:
        """Return the state that the run's files show; never raises :class:`LedgerError`."""
        try:
            if self.is_finished:
                return TrialState.FINISHED
            if self.failure() is not None:
                return TrialState.FAILED
            if self.pruned() is not None:
                return TrialState.PRUNED
        except LedgerError:
            return TrialState.UNREADABLE
        started = any((self.path / n).exists() for n in (layout.CHECKPOINT, layout.HISTORY))
        if not started:
            return TrialState.PLANNED
        last = self.attempt()
        ended = last is not None and last.has_ended
        return TrialState.INTERRUPTED if ended else TrialState.RUNNING

    def history(self) -> list[Epoch]:
        """Return the epochs so far, of a finished run or not.

        Raises:
            LedgerError: The result is damaged.
        """
        if (result := self.result()) is not None:
            return result.history
        try:
            return epochs_of_lines((self.path / layout.HISTORY).read_bytes())
        except FileNotFoundError:
            return upgrade.epochs_of_checkpoint(self.path / layout.CHECKPOINT)

    def saved_epochs(self) -> int:
        """Return after how many epochs the checkpoint resumes; 0 without a readable one."""
        return len(upgrade.history_of_checkpoint(self.path / layout.CHECKPOINT))

    def usage(self) -> dict[int, dict[str, float]]:
        """Return what each epoch took of the machine, where that was measured."""
        try:
            lines = (self.path / layout.OLD_USAGE).read_text(errors="replace")
        except FileNotFoundError:
            lines = ""
        measured = {row.epoch: row.usage for row in self.history() if row.usage}
        return {**upgrade.usage_of_lines(lines), **measured}

    def claim(self) -> str:
        """Take the run for a new attempt and return its token.

        When a node is lost, its workers can go on for seconds after others took over. Only
        the latest claim may write. The outcome of an earlier attempt no longer counts. Files that
        an earlier attempt was killed in the middle of are removed.
        """
        last = self.attempt()
        killed = last is not None and last.has_ended
        for path in incomplete_files(self.path):
            with contextlib.suppress(FileNotFoundError):  # its writer has just ended
                if killed or time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()
        for name in layout.OUTCOMES:
            (self.path / name).unlink(missing_ok=True)
        token = secrets.token_hex(8)
        write_record(self.path / layout.ATTEMPT, Attempt.of_this_process(token))
        return token

    def attempt(self) -> Attempt | None:
        """Return who has taken the run last; None without a readable record."""
        try:
            return read_record(self.path / layout.ATTEMPT, Attempt, remedy="delete it")
        except LedgerError:
            return None

    def check(self, token: str) -> None:
        """Raise :class:`Superseded` unless the token is the latest claim's."""
        attempt = read_record(self.path / layout.ATTEMPT, Attempt, remedy="delete it")
        if attempt is None or attempt.token != token:
            pid = attempt and attempt.pid
            raise Superseded(f"{self.fingerprint}: taken over by process {pid}")

    def start_history(self, epochs: Iterable[Epoch]) -> None:
        """Write the epochs that a resumed checkpoint has, in place of any others.

        Epochs of an earlier version, which are in the checkpoint alone, come into the history
        here. What they took of the machine is kept.
        """
        usage = self.usage()
        rows = [row.model_copy(update={"usage": usage.get(row.epoch, row.usage)}) for row in epochs]
        write_atomically(self.path / layout.HISTORY, b"".join(map(_line, rows)))
        (self.path / layout.OLD_USAGE).unlink(missing_ok=True)

    def record_epoch(self, epoch: Epoch) -> None:
        """Add an epoch to the history, once its checkpoint is on disk if it gets one."""
        with (self.path / layout.HISTORY).open("ab") as file:
            file.write(_line(epoch))

    def publish_epoch(self, token: str) -> None:
        """Make the last epoch visible to other nodes; raises :class:`Superseded`."""
        self.check(token)

    def finish(
        self,
        result: Result,
        predictions: Predictions,
        token: str,
        *,
        keep_checkpoint: bool = False,
    ) -> None:
        """Record the result, last of all, and remove what was needed to resume.

        Args:
            result: The result.
            predictions: Of the selected weights on test.
            token: Of the attempt; see :meth:`claim`.
            keep_checkpoint: Keep the checkpoint, with which a longer training can begin.
        """
        self.check(token)
        self._write_result(result, predictions, keep_checkpoint=keep_checkpoint)

    def import_result(self, result: Result, predictions: Predictions | None) -> None:
        """Record a result that was computed elsewhere, in place of any attempt here.

        The weights of an attempt are removed: they do not belong to the result.
        """
        for name in layout.OF_AN_ATTEMPT:
            (self.path / name).unlink(missing_ok=True)
        self._write_result(result, predictions, keep_checkpoint=False)

    def _write_result(
        self, result: Result, predictions: Predictions | None, *, keep_checkpoint: bool
    ) -> None:
        if predictions is not None:
            self.record_predictions(predictions)
        write_record(self.path / layout.RESULT, result, name=self.fingerprint)
        self._remove_attempt(keep_checkpoint=keep_checkpoint)

    def _remove_attempt(self, *, keep_checkpoint: bool) -> None:
        """Remove what a finished run does not need."""
        checkpoint = () if keep_checkpoint else (layout.CHECKPOINT,)
        for name in (*checkpoint, layout.HISTORY, *layout.OUTCOMES):
            (self.path / name).unlink(missing_ok=True)

    def refresh(self) -> None:
        """Bring the folder up to date with what other nodes wrote: nothing to do for one folder."""

    def poll(self) -> None:
        """Fetch the epochs that another node has recorded: nothing to do for one folder."""

    def record_pruned(self, epoch: int, reason: str) -> None:
        """Record that a search pruned the run after an epoch, for a reason."""
        write_record(self.path / layout.PRUNED, Pruned(epoch=epoch, reason=reason))

    def record_failure(self, reason: str) -> None:
        """Record why an attempt failed. The next study tries again."""
        write_record(self.path / layout.FAILURE, Failure(reason=reason))


@functools.lru_cache(maxsize=100_000)
def _has_result(path: Path, _version: tuple[int, ...]) -> bool:
    """Tell whether a folder has a result; errors are not kept."""
    return Run(path).result() is not None


def epochs_of_lines(content: bytes) -> list[Epoch]:
    """Return the epochs of a history: all whole lines in order; a kill may have cut the last."""
    found: list[Epoch] = []
    for line in content.splitlines():
        try:
            row = check_record(parse_object(line), Epoch)
        except InvalidRecord:
            break
        if row.epoch != len(found) + 1:
            break
        found.append(row)
    return found


def _line(epoch: Epoch) -> bytes:
    return json.dumps(epoch.to_json(), allow_nan=False).encode() + b"\n"
