"""What a study reports while it runs: event values, and the callbacks that receive them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rin_core.data.encoding import EncodedCorpus
from study.ledger.files import StudyError
from study.ledger.run import Run
from study.ledger.schema import Epoch, Result
from study.ledger.state import Caveat, TrialState

CONTENT = "corpus_content"
"""Tag of an experiment: the digest of its corpus as it was read."""
DISABLED = "none"
"""The tracking URI of a study without a tracker."""


class TrackingError(StudyError):
    """The tracker cannot be reached or used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """A run as a tracker and the screen show it."""

    run: Run
    experiment: str
    name: str
    params: Mapping[str, Any]
    tags: Mapping[str, str]
    max_epochs: int
    pruned_after: int | None = None
    """The epoch after which a search pruned it; later epochs in the ledger are not its own."""
    selection: str = "dev"
    """The split that selects the epoch; the ledger's scores by epoch are scores on this split."""

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint that names the run."""
        return self.run.fingerprint

    def history(self) -> list[Epoch]:
        """Return the epochs that belong to the run."""
        return self.run.history()[: self.pruned_after]

    def result(self) -> Result | None:
        """Return the result. A pruned run has none, even if it is trained further later."""
        return self.run.result() if self.pruned_after is None else None

    @property
    def is_finished(self) -> bool:
        """Tell whether there is a result."""
        return self.pruned_after is None and self.run.is_finished

    def state(self) -> TrialState:
        """Return the run's state as the ledger has it."""
        if self.pruned_after is not None:
            return TrialState.PRUNED
        if self.run.is_finished:
            return TrialState.FINISHED
        return TrialState.RUNNING if self.run.failure() is None else TrialState.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSpec:
    """An experiment as a tracker shows it."""

    name: str
    description: str
    """Markdown."""
    runs: Mapping[str, RunSpec]
    """The known runs by fingerprint; a search adds more as it starts them."""
    tags: Mapping[str, str]
    """Tags of the experiment and of the study's own run: space, corpus and its content."""
    artifacts: Path
    """Folder for files where the tracker is a database; a server chooses its own place."""
    corpus: EncodedCorpus | None = None
    """The corpus that the runs are trained on."""
    varied: Sequence[str] = ()
    """Parameters in which the runs differ, the most telling first."""
    ranks_arms: bool = True
    """Whether arms are compared, by their mean over seeds; a search compares its trials."""


def varied_settings(configs: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the settings in which runs differ, without the seed, which varies in most studies."""
    values: dict[str, set[str]] = {}
    for config in configs:
        for name, value in config.items():
            values.setdefault(name, set()).add(str(value))
    return tuple(
        name for name, found in values.items() if len(found) > 1 and name != "training.seed"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnd:
    """One epoch of a run; its checkpoint is on disk."""

    fingerprint: str
    epoch: int
    """Counted from 1."""
    train_loss: float
    f1: float
    """Triple F1 on the selection split, as a fraction."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnd:
    """The end of a trial in this session."""

    fingerprint: str
    state: TrialState
    """``RUNNING`` means that the same command resumes the trial."""
    f1: float = 0.0
    """Best F1 on the selection split, as a fraction."""
    epochs: int = 0
    seconds: float = 0.0
    reason: str = ""
    """Why it failed, was pruned or must be resumed."""
    caveat: Caveat | None = None
    """Why the scores of a finished trial may say little about its model."""


@dataclass(frozen=True, slots=True)
class SummaryValue:
    """One number that a study ends with."""

    name: str
    value: float
    step: int = 0
    """The number of rounds K for a point of a curve over K."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The results of a study, in points."""

    values: Sequence[SummaryValue] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyEnd:
    """The end of an experiment in this session."""

    complete: bool
    files: Sequence[Path] = ()
    """The experiment's reports."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Of the study's own run: what it has decided."""
    summary: Summary = field(default_factory=Summary)


class Callback:
    """Receives a study's events in the driver. Override the methods of interest.

    A method must return quickly: the driver handles no other trial meanwhile.
    """

    def on_trial_start(self, spec: RunSpec) -> None:
        """Handle the start of a trial. Every other event of the trial follows it."""

    def on_epoch(self, event: EpochEnd) -> None:
        """Handle the end of an epoch."""

    def on_trial_retry(self, fingerprint: str, error: str | None) -> None:
        """Handle an error after which the trial restarts; no error means a lost worker."""

    def on_trial_end(self, event: TrialEnd) -> None:
        """Handle the end of a trial."""

    def on_capacity(self, slots: int) -> None:
        """Handle how many trials fit at once now; nodes of a cluster join and leave."""

    def on_interrupt(self) -> None:
        """Handle Ctrl-C or a signal like it: the running trials save their state and end."""

    def on_study_end(self, event: StudyEnd) -> None:
        """Handle the end of the experiment. This method may wait until everything is sent."""


class Tracker(Callback):
    """A callback that shows one experiment elsewhere. It must ignore events of other runs.

    A subclass reads scores from :meth:`RunSpec.history` and :meth:`RunSpec.result`, which have
    more than the events.

    Args:
        uri: Tracking URI.
        experiment: What to show. Some of its runs may have ended in earlier sessions.

    Raises:
        TrackingError: The tracker cannot be reached or used.
    """

    unsent = 0
    """Runs that could not be sent completely, known after :meth:`on_study_end`."""

    def __init__(self, uri: str, experiment: ExperimentSpec) -> None:
        self.uri, self.experiment = uri, experiment
        self.runs = dict(experiment.runs)
        """The experiment's runs by fingerprint."""

    def on_trial_start(self, spec: RunSpec) -> None:
        """Take a run of this experiment."""
        if spec.experiment == self.experiment.name:
            self.runs[spec.fingerprint] = spec

    def how_to_view(self) -> Sequence[str]:
        """Return lines that tell a person how to open the experiment."""
        return ()


class NullTracker(Tracker):
    """Tracks nothing."""
