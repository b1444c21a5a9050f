"""States and caveats of trials: the same in the ledger, on the screen, in MLflow and in reports."""

from __future__ import annotations

from enum import StrEnum


class TrialState(StrEnum):
    """The state of a trial."""

    PLANNED = "planned"
    """Nothing of it is on disk yet."""
    RUNNING = "running"
    """It has epochs or a live worker, and no end yet; the next study resumes it."""
    INTERRUPTED = "interrupted"
    """It has epochs, and its process on this machine is gone; the next study resumes it."""
    FINISHED = "finished"
    """Its result is recorded."""
    PRUNED = "pruned"
    """ASHA ended it early; its checkpoint is kept."""
    FAILED = "failed"
    """Its last attempt raised an error; the next study tries again."""
    UNREADABLE = "unreadable"
    """Its record is damaged."""


UNENDED = (TrialState.RUNNING, TrialState.INTERRUPTED)
"""States of trials that have begun and have no outcome."""
ENDED_WITHOUT_ERROR = (TrialState.FINISHED, TrialState.PRUNED)


class Caveat(StrEnum):
    """Why the scores of a finished run may say little about its model."""

    NOTHING_LEARNED = "nothing learned"
    """F1 on the split that selects was 0 in every epoch."""
    STILL_IMPROVING = "still improving"
    """The epoch limit ended training, and the best epoch is in the last tenth of the epochs."""

    @property
    def mark(self) -> str:
        """Return the mark of such a run in a table."""
        return "‡" if self is Caveat.NOTHING_LEARNED else "†"

    @property
    def explanation(self) -> str:
        """Return what the caveat means, and what to do about it."""
        if self is Caveat.NOTHING_LEARNED:
            return (
                "F1 was 0 in every epoch. Try a larger training.max_epochs, a smaller "
                "training.batch_size, or a larger training.learning_rate."
            )
        return (
            "the best epoch is in the last tenth of the epochs. A larger --max-epochs continues "
            "training."
        )
