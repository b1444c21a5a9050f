"""What a study tells of its trials, and whom: MLflow, or nobody."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rin_core.batching import EncodedCorpus
from study.ledger import StudyError, Unit

# Read when MLflow is imported, and with every request; a person's own settings come first.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# MLflow repeats a request whose answer was lost, also one that creates something: two runs.
# What got no answer is tried again here, after a look at what has arrived.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")

NOBODY = "none"
"""The tracking URI of a study that is not tracked."""


class TrackingError(StudyError):
    """MLflow cannot be reached or used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a run is called and found by."""

    unit: Unit
    name: str
    params: Mapping[str, Any]
    tags: Mapping[str, str]
    stopped_after: int | None = None
    """The epoch after which a search stopped it: what the unit did later is not this run's."""
    selection: str = "dev"
    """The split that selects the epoch: the one whose scores the record has by epoch."""

    def history(self) -> list[dict[str, Any]]:
        """Return the epochs that belong to the run."""
        return self.unit.history()[: self.stopped_after]

    def result(self) -> dict[str, Any] | None:
        """Return the result, unless it is that of a stopped trial's later life."""
        return self.unit.result() if self.stopped_after is None else None


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


def track(uri: str, tracked: Tracked) -> Tracking:
    """Begin or go on with an experiment.

    Args:
        uri: Tracking URI, such as ``sqlite:////abs/mlflow.db``, ``postgresql://…`` or
            ``http://127.0.0.1:5000``; :data:`NOBODY` tracks nothing.
        tracked: What to show.

    Raises:
        TrackingError: The server or database cannot be used.
    """
    if uri == NOBODY:
        return Untracked()
    from study.mlflow_tracker import Tracker  # takes seconds, which nobody need not wait for

    return Tracker(uri, tracked)
