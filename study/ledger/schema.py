"""What every record of the ledger holds.

The writer, the reader, export and import use these models, and so do the reports. A field that a
model does not name is refused: the next write would lose it. Records of earlier versions are
brought to this form by :mod:`study.ledger.upgrade` before they are checked.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rin_core.problems import short
from study.ledger.arms import trial_name
from study.ledger.decisions import Decisions
from study.ledger.fields import (
    LARGEST,
    Count,
    Fingerprint,
    Fraction,
    Json,
    Line,
    Name,
    Number,
    Options,
    Record,
    Scores,
    Seconds,
    Settings,
    Split,
    Text,
    check_scores,
)
from study.ledger.importance import ArmImportance
from study.ledger.origin import (
    CorpusName,
    GivenCommands,
    PretrainedName,
    Provenance,
    VectorsName,
)
from study.ledger.parameters import Parameter
from study.ledger.pruning import GraceEstimate
from study.ledger.state import Caveat, TrialState

VERSION = 3
"""Of the records. Version 2 and earlier records have no such field."""


class Epoch(Record):
    """One epoch of a run."""

    epoch: Annotated[int, Field(ge=1, lt=LARGEST)]
    train_loss: Number
    selection_scores: Scores
    """Scores on the split that selects the epoch."""
    seconds: Seconds
    tokens_per_second: Seconds
    usage: Annotated[dict[str, Number], Field(exclude_if=lambda usage: not usage)] = {}
    """What the epoch took of the machine, where that was measured."""

    @property
    def selection_f1(self) -> float:
        """F1 on the split that selects the epoch."""
        return self.selection_scores["f1"]


Digest = Annotated[Name | Literal[""], Field(exclude_if=lambda digest: not digest)]
"""Empty in records that are older than the field."""


AveragedScores = Annotated[Scores | None, Field(exclude_if=lambda scores: scores is None)]
"""None without ``training.average``."""

#: Epochs of :attr:`Result.late_f1`.
LATE_EPOCHS = 10


class Result(Record):
    """A finished run."""

    version: Literal[3] = 3
    fingerprint: Fingerprint
    config: Settings
    corpus: CorpusName
    vectors: VectorsName | None = None
    pretrained: PretrainedName | None = None
    history: Annotated[list[Epoch], Field(min_length=1)]
    best_epoch: Annotated[int, Field(ge=1)]
    end_reason: Literal["patience", "max_epochs"]
    """Why training ended."""
    selection_split: Split
    """The split that selected the epoch."""
    selection_scores: Scores
    """Scores of the selected epoch on that split."""
    test_scores: Scores
    """Scores of the selected epoch on test."""
    averaged_selection_scores: AveragedScores = None
    """Scores of the averaged weights after the last epoch, on the split that selects."""
    averaged_test_scores: AveragedScores = None
    """Scores of the averaged weights after the last epoch on test."""
    seconds: Seconds
    provenance: Provenance

    @property
    def owner(self) -> str:
        """Return the fingerprint of the run."""
        return self.fingerprint

    @model_validator(mode="after")
    def _check_epochs(self) -> Result:
        numbers = [row.epoch for row in self.history]
        if numbers != list(range(1, len(numbers) + 1)):
            raise ValueError(f"history: epochs {short(numbers)}: must count from 1")
        if self.best_epoch > len(numbers):
            raise ValueError(
                f"best_epoch = {self.best_epoch}: must be one of the {len(numbers)} epochs"
            )
        return self

    def check_numbers(self) -> None:
        """Check scores against precision, recall and history; raises ``ValueError``."""
        for row in self.history:
            check_scores(row.selection_scores, f"history: epoch {row.epoch}: selection_scores")
        for name in ("test_scores", "averaged_selection_scores", "averaged_test_scores"):
            check_scores(getattr(self, name) or {}, name)
        selected = self.history[self.best_epoch - 1].selection_scores
        for name, value in self.selection_scores.items():
            if value != selected.get(name):
                raise ValueError(
                    f"selection_scores.{name} = {value}: epoch {self.best_epoch}, which is "
                    f"selected, has {selected.get(name)}"
                )

    @property
    def dev_scores(self) -> dict[str, float] | None:
        """Scores on dev; None where test selected the epoch, and dev was never scored."""
        return self.selection_scores if self.selection_split == "dev" else None

    @property
    def averaged_dev_scores(self) -> dict[str, float] | None:
        """Scores of the averaged weights on dev; None without an average, or on another split."""
        return self.averaged_selection_scores if self.selection_split == "dev" else None

    @property
    def late_f1(self) -> float:
        """Mean F1 of the last ten epochs on the split that selects; no epoch is chosen by it."""
        late = [row.selection_f1 for row in self.history[-LATE_EPOCHS:]]
        return sum(late) / len(late)

    @property
    def own_seconds(self) -> float:
        """Time of the epochs that this run trained itself."""
        continued = self.provenance.continued
        if continued is None:
            return self.seconds
        return sum(row.seconds for row in self.history[continued.epochs :])

    @property
    def caveat(self) -> Caveat | None:
        """Why the scores may say little about the model; None if nothing speaks against them."""
        best, epochs = self.selection_scores["f1"], len(self.history)
        if best == 0:
            return Caveat.NOTHING_LEARNED
        late = self.best_epoch > epochs - max(1, epochs // 10)
        limited = self.end_reason == "max_epochs" and best < 1
        return Caveat.STILL_IMPROVING if limited and late else None


class Predictions(Record):
    """What the selected epoch predicts on test."""

    relations: list[str]
    """By number."""
    triples: list[Annotated[list[Count], Field(min_length=4, max_length=4)]]
    """Rows of sentence, subject word, relation, object word."""
    spans: list[Annotated[list[Count], Field(min_length=3, max_length=3)]]
    """Rows of sentence, start, end."""
    entity_types: Annotated[list[str], Field(exclude_if=lambda types: not types)] = []
    """By number; none where tags have no types."""
    span_types: Annotated[list[Count], Field(exclude_if=lambda types: not types)] = []
    """The type of each of ``spans``."""


class PlannedRun(Record):
    """One run of a study, as planned."""

    fingerprint: Fingerprint
    arm: Line
    label: Line
    seed: Count
    corpus: Line = ""
    config: Settings
    settings: Settings = {}
    """What the command line set for all runs."""
    content: Digest = ""
    """Of the corpus as it was read, before a tagger added tags."""
    digest: Digest = ""
    """Of the corpus as encoded, with its word vectors."""


class Study(Record):
    """The plan of an experiment on one corpus."""

    version: Literal[3] = 3
    experiment: Name
    space: Line
    title: Annotated[Line, Field(exclude_if=lambda title: not title)] = ""
    """The question of the space; empty in older records."""
    corpus: Name
    options: Options = {}
    """Of the command that was given last."""
    commands: GivenCommands = []
    updated: str = ""
    trials: list[PlannedRun]
    decisions: Annotated[Decisions | None, Field(exclude_if=lambda plan: plan is None)] = None
    """For a study that runs until its contrasts are decided."""

    @property
    def owner(self) -> str:
        """Return the name of the study."""
        return self.experiment


class SearchTrial(Record):
    """One trial of an arm of a search."""

    arm: Line
    number: Count
    """Counted from 0 in its arm, as in Optuna."""
    parameters: Settings
    fingerprint: Fingerprint
    config: Settings
    state: Annotated[TrialState, Field(strict=False)] = TrialState.RUNNING
    inherited: Count = 0
    """Epochs that the run had before this trial started: they cost it nothing."""
    dev_f1: list[Fraction] = []
    """By epoch, as far as this trial saw them."""
    seconds: list[Seconds] = []
    """By epoch."""
    size: Annotated[Count | None, Field(exclude_if=lambda size: size is None)] = None
    """Trained parameters of the model, in a search that minimises them."""
    reason: Text = ""
    """Why it failed or was pruned."""

    @model_validator(mode="after")
    def _check_epochs(self) -> SearchTrial:
        if len(self.seconds) != len(self.dev_f1):
            raise ValueError(f"seconds has {len(self.seconds)} values: must be {len(self.dev_f1)}")
        if self.state is TrialState.FINISHED and not self.dev_f1:
            raise ValueError("dev_f1 = []: a finished trial must have an epoch")
        return self

    @property
    def name(self) -> str:
        """Return what people read: ``k-3 #17``."""
        return trial_name(self.arm, self.number)

    @property
    def best(self) -> float:
        """Return the highest dev F1 of an epoch, as a fraction; 0 without one."""
        return max(self.dev_f1, default=0.0)

    def update_from_history(self, history: list[Epoch]) -> None:
        """Take scores and times from the epochs of the run."""
        self.dev_f1 = [row.selection_f1 for row in history]
        self.seconds = [row.seconds for row in history]

    def rows(self) -> list[dict[str, float]]:
        """Return the epochs as the scheduler and the sampler get them."""
        best, seconds = accumulate(self.dev_f1, max), accumulate(self.seconds)
        return [
            {"epoch": epoch, "best_dev_f1": f1, "total_seconds": spent}
            for epoch, (f1, spent) in enumerate(zip(best, seconds, strict=True), start=1)
        ]


MOST_LOST = 1_000
"""Numbers that Optuna may have given to trials without a record: a kill in between leaves one."""
#: What a search may minimise beside dev F1; the earliest searches could have other objectives.
COSTS = ("seconds", "parameters")


class Search(Record):
    """A search on one corpus: its definition and all its trials."""

    version: Literal[3] = 3
    experiment: Name
    space: Line = ""
    title: Line
    corpus: Name
    options: Options = {}
    commands: GivenCommands = []
    data: Annotated[CorpusName | None, Field(exclude_if=lambda data: data is None)] = None
    """The corpus as the first arm reads it; None in old records."""
    vectors: Annotated[VectorsName | None, Field(exclude_if=lambda vectors: vectors is None)] = None
    settings: Settings
    labels: dict[Line, Line]
    """By arm."""
    starts: dict[Line, Settings] = {}
    """The parameters that each arm starts with."""
    parameters: dict[str, Parameter]
    budget: Count
    confirmed: Name
    """The experiment that confirms the best of each arm."""
    packages: dict[str, str] = {}
    grace: Annotated[GraceEstimate | None, Field(exclude_if=lambda grace: grace is None)] = None
    """How the grace period was measured when the search began; None if it was given."""
    importance: Annotated[dict[Line, ArmImportance], Field(exclude_if=lambda found: not found)] = {}
    """Of the parameters, by arm; empty until the trials have ended, and in old records."""
    updated: str = ""
    identities: dict[Line, dict[str, Json]]
    """For each arm all that its trials must agree in."""
    trials: list[SearchTrial]

    @property
    def owner(self) -> str:
        """Return the name of the search."""
        return self.experiment

    @property
    def cost(self) -> str | None:
        """What the search minimises beside dev F1; None if nothing."""
        for identity in self.identities.values():
            given = identity.get("objectives")
            if isinstance(given, list) and len(given) == 2 and given[1] in COSTS:
                return str(given[1])
        return None

    @model_validator(mode="after")
    def _check_trials(self) -> Search:
        seen = set()
        for number, trial in enumerate(self.trials):
            place = f"trials[{number}]."
            if trial.arm not in self.identities:
                raise ValueError(f"{place}arm = {trial.arm!r}: no such arm in identities")
            if trial.number >= len(self.trials) + MOST_LOST:
                raise ValueError(
                    f"{place}number = {trial.number}: must be less than "
                    f"{len(self.trials) + MOST_LOST}, because the search has so few trials"
                )
            if (key := (trial.arm, trial.number)) in seen:
                raise ValueError(f"{place}number = {trial.number}: {trial.arm} has two of it")
            seen.add(key)
            if self.cost == "parameters" and trial.state is TrialState.FINISHED and not trial.size:
                raise ValueError(f"{place}size is missing, which this search minimises")
            for path, value in trial.parameters.items():
                if path not in self.parameters:
                    raise ValueError(f"{place}parameters.{path}: no such parameter in this search")
                if not self.parameters[path].allows(value):
                    raise ValueError(
                        f"{place}parameters.{path} = {short(value)}: outside the search range"
                    )
        return self

    @model_validator(mode="after")
    def _check_importance(self) -> Search:
        for arm, found in self.importance.items():
            if arm not in self.identities:
                raise ValueError(f"importance.{arm}: no such arm in identities")
            if unknown := found.parameters.keys() - self.parameters.keys():
                raise ValueError(f"importance.{arm}.{min(unknown)}: no such parameter here")
        return self
