"""The record of a study that runs until its contrasts are decided: the plan and each look."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from study.ledger.fields import Count, Fingerprint, Fraction, Name, Number, Record

Endpoint = Literal["selected", "averaged"]
"""Test F1 of the selected epoch, or of the averaged weights."""
State = Literal["better", "worse", "equal", "undecided", "futile", "nothing learned"]


class PlannedContrast(Record):
    """A weighted sum of the arms' mean scores."""

    key: Name
    text: str
    """The claim that it is above 0."""
    weights: Annotated[dict[str, Number], Field(min_length=1)]
    """By arm."""


class RecordedOutcome(Record):
    """What a look said about a contrast that was open before it; in points of F1.

    A number is None where it cannot be computed.
    """

    contrast: Name
    estimate: Number
    low: Number | None = None
    """Of the 95 % confidence interval of this contrast, which holds at all looks. It has the level
    that Holm's correction left the contrast, so it agrees with the state."""
    high: Number | None = None
    efficacy: Number | None = None
    """An estimate beyond ± this is better or worse."""
    equivalence: Number | None = None
    """An estimate within ± this is equal; if it is negative, none is."""
    chance: Fraction | None = None
    """To be decided by the last look."""
    state: State


class RecordedLook(Record):
    """One look at the scores."""

    seeds: Count
    """Of each arm that was running."""
    outcomes: list[RecordedOutcome]


class Decisions(Record):
    """The plan, declared before the study's runs, and what its looks have said."""

    endpoint: Endpoint
    margin: Number
    """Differences of at most so many points count as equal."""
    level: Fraction
    """Of both kinds of error, over all looks and contrasts."""
    looks: Annotated[list[Count], Field(min_length=1)]
    """Seeds of an arm at each look."""
    efficacy_gamma: Number
    """Of the spending function (Hwang, Shih and De Cani) of the test of no difference."""
    equivalence_gamma: Number
    """The same of the test of equality."""
    futile: Fraction
    """A contrast with a smaller chance to be decided stops."""
    contrasts: Annotated[list[PlannedContrast], Field(min_length=1)]
    first_runs: dict[str, Fingerprint]
    """The run with seed 0 of each arm: another one means other settings or another corpus."""
    finished_before: Count = 0
    """Runs of the plan that were finished when it was declared."""
    seeds: dict[str, Count] = {}
    """How many seeds, from 0 on, the plan has given each arm so far."""
    outcomes: list[RecordedLook] = []

    @model_validator(mode="after")
    def _check(self) -> Decisions:
        if self.looks != sorted(set(self.looks)):
            raise ValueError(f"looks = {self.looks}: must increase")
        keys = [contrast.key for contrast in self.contrasts]
        if len(set(keys)) < len(keys):
            raise ValueError(f"contrasts: {keys}: must be distinct")
        for look in self.outcomes:
            for outcome in look.outcomes:
                if outcome.contrast not in keys:
                    raise ValueError(f"outcomes: {outcome.contrast}: no such contrast")
        return self

    def declared(self) -> Decisions:
        """Return the plan alone, without runs, seeds and looks."""
        return self.model_copy(update={"finished_before": 0, "seeds": {}, "outcomes": []})

    @property
    def has_looked(self) -> bool:
        """Whether the runs of the first look are there."""
        return bool(self.outcomes)

    def last(self, key: str) -> tuple[int, RecordedOutcome] | None:
        """Return the last outcome of a contrast, with the seeds of its look; None before one."""
        found = [
            (look.seeds, outcome)
            for look in self.outcomes
            for outcome in look.outcomes
            if outcome.contrast == key
        ]
        return found[-1] if found else None
