"""The states of a trial, the same in the ledger, on the screen, in MLflow tags and in reports."""

from __future__ import annotations

from enum import StrEnum


class TrialState(StrEnum):
    """What has become of a trial."""

    PLANNED = "planned"
    """Nothing of it is on disk yet."""
    RUNNING = "running"
    """It has epochs or a live worker, and no end yet; the next study resumes it."""
    FINISHED = "finished"
    """Its result is recorded."""
    PRUNED = "pruned"
    """ASHA ended it early; its checkpoint is kept."""
    FAILED = "failed"
    """Its last attempt raised an error; the next study tries again."""
    UNREADABLE = "unreadable"
    """Its record is damaged."""
