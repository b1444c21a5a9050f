"""Records how trials end, and describes the event to callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from study.ledger.state import TrialState
from study.tracking.base import RunSpec, TrialEnd


class Recorder(Protocol):
    """Knows the runs of a session and records their ends."""

    def spec(self, fingerprint: str) -> RunSpec:
        """Return a run of this session."""

    def end(self, fingerprint: str, error: str | None) -> TrialEnd:
        """Record the end of a trial.

        Args:
            fingerprint: The run's.
            error: The last line of the error that ended it; None without one.
        """


@dataclass(frozen=True, slots=True)
class RunRecorder:
    """Records ends in the runs' own folders.

    Args:
        runs: The session's runs by fingerprint.
    """

    runs: Mapping[str, RunSpec]

    def spec(self, fingerprint: str) -> RunSpec:
        """Return a run of this session."""
        return self.runs[fingerprint]

    def end(self, fingerprint: str, error: str | None) -> TrialEnd:
        """Record the end of a trial; see :class:`Recorder`."""
        run = self.runs[fingerprint].run
        run.refresh()
        if (result := run.result()) is not None:
            return TrialEnd(
                fingerprint=fingerprint,
                state=TrialState.FINISHED,
                f1=result.selection_scores["f1"],
                epochs=len(result.history),
                seconds=result.seconds,
                caveat=result.caveat,
            )
        if error is not None:
            run.record_failure(error)
        failure = run.failure()
        reason = failure.reason if failure else "ended without a result"
        return TrialEnd(fingerprint=fingerprint, state=TrialState.FAILED, reason=reason)
