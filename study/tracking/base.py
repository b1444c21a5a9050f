"""Experiment tracking: what a tracker is given, and what it must do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rin_core.data.encoding import EncodedCorpus
from study.ledger.files import StudyError
from study.ledger.run import Run

NOBODY = "none"
"""The tracking URI of a study that is not tracked."""


class TrackingError(StudyError):
    """MLflow cannot be reached or used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a run is called and found by."""

    run: Run
    name: str
    params: Mapping[str, Any]
    tags: Mapping[str, str]
    stopped_after: int | None = None
    """The epoch after which a search stopped it: what the unit did later is not this run's."""
    selection: str = "dev"
    """The split that selects the epoch: the one whose scores the record has by epoch."""

    def history(self) -> list[dict[str, Any]]:
        """Return the epochs that belong to the run."""
        return self.run.history()[: self.stopped_after]

    def result(self) -> dict[str, Any] | None:
        """Return the result, unless it is that of a stopped trial's later life."""
        return self.run.result() if self.stopped_after is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """An experiment as MLflow shows it."""

    name: str
    description: str
    """Markdown."""
    planned: Mapping[str, Planned]
    """The units by fingerprint."""
    tags: Mapping[str, str]
    """Of the experiment and of the study's own run: space and corpus."""
    artifacts: Path
    """Where files go where MLflow is a database; a server decides for itself."""
    corpus: EncodedCorpus | None = None
    """What the runs are trained on, for the UI's dataset column."""


class Tracking(Protocol):
    """Who hears of the trials of one experiment. Nothing here waits for anything but `close`."""

    page: str
    """Where the experiment is seen, behind the UI's address."""

    def plan(self, planned: Planned) -> None:
        """Take on a unit, or what has become of it since; before anything is told of it."""

    def epoch(self, fingerprint: str, epoch: int) -> None:
        """Hear that the ledger has a unit's epoch."""

    def settle(self, fingerprint: str) -> None:
        """Hear that the ledger has all there will be of a unit: its result, stop or failure."""

    def close(self, status: str, summary: Sequence[Path] = ()) -> int:
        """Take the study's own files and end; return how many runs lack something."""


class Untracked:
    """Hears and forgets."""

    page = ""

    def plan(self, planned: Planned) -> None:
        """Forget it."""

    def epoch(self, fingerprint: str, epoch: int) -> None:
        """Forget it."""

    def settle(self, fingerprint: str) -> None:
        """Forget it."""

    def close(self, status: str, summary: Sequence[Path] = ()) -> int:
        """Lack nothing."""
        return 0
