"""Decisions of a study with --until-decided, a row for each contrast."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from study.ledger.decisions import Decisions, RecordedOutcome, State
from study.ledger.state import TrialState


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """The state of one contrast."""

    key: str
    text: str
    """The claim that it is above 0."""
    arms: tuple[str, ...]
    seeds: int
    """Of each arm at the last look at it; 0 before the first."""
    outcome: RecordedOutcome | None
    """Of that look."""
    next_look: int | None
    """Seeds of the next one; None if there is none."""
    seconds_left: float
    """At most, for one run after another; NaN if an arm has no finished run."""

    @property
    def state(self) -> State:
        """Return what has become of it."""
        return "undecided" if self.outcome is None else self.outcome.state

    @property
    def estimate_text(self) -> str:
        """Return the estimate with its sign, in points."""
        return "–" if self.outcome is None else _signed(self.outcome.estimate)

    @property
    def interval_text(self) -> str:
        """Return the interval that holds at all looks."""
        found = self.outcome
        if found is None or found.low is None or found.high is None:
            return "–"
        return f"{_signed(found.low)} to {_signed(found.high)}"

    @property
    def next_text(self) -> str:
        """Return the seeds of the next look."""
        return "–" if self.next_look is None else str(self.next_look)

    @property
    def hours_text(self) -> str:
        """Return the hours until the last look."""
        if self.next_look is None:
            return "–"
        return "?" if math.isnan(self.seconds_left) else f"{self.seconds_left / 3600:.1f}"


def _signed(value: float) -> str:
    """Return points with their sign; the minus is as wide as the plus."""
    return f"{value:+.2f}".replace("-", "−")


def decision_rows(decisions: Decisions, seconds: Mapping[str, float]) -> list[DecisionRow]:
    """Return the state of each contrast.

    Args:
        decisions: The plan and its looks.
        seconds: Of a run of each arm, on average.
    """
    rows = []
    for planned in decisions.contrasts:
        seeds, outcome = decisions.last(planned.key) or (0, None)
        later = [look for look in decisions.looks if look > seeds]
        is_open = outcome is None or outcome.state == "undecided"
        left = (decisions.looks[-1] - seeds) if is_open else 0
        rows.append(
            DecisionRow(
                key=planned.key,
                text=planned.text,
                arms=tuple(planned.weights),
                seeds=seeds,
                outcome=outcome,
                next_look=later[0] if is_open and later else None,
                seconds_left=sum(left * seconds.get(arm, math.nan) for arm in planned.weights),
            )
        )
    return rows


def mean_seconds(frame: pd.DataFrame) -> dict[str, float]:
    """Return the mean seconds of a finished run of each arm."""
    done = frame[frame["status"] == TrialState.FINISHED]
    return {str(arm): float(own["seconds"].mean()) for arm, own in done.groupby("arm")}


def added_by_hand(frame: pd.DataFrame, decisions: Decisions) -> dict[str, tuple[int, ...]]:
    """Return the finished seeds of each arm that the plan did not ask for.

    Args:
        frame: The runs of the study.
        decisions: Its plan.
    """
    added: dict[str, tuple[int, ...]] = {}
    done = frame[frame["status"] == TrialState.FINISHED]
    for arm, seeds in done.groupby("arm", sort=False)["seed"]:
        planned = decisions.seeds.get(str(arm), 0)
        if further := sorted(int(seed) for seed in set(seeds) if seed >= planned):
            added[str(arm)] = tuple(further)
    return added
