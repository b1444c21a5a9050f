"""Decisions of a study with --until-decided, a row for each contrast."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from reports.frames.scores import AVERAGED, SELECTED, Endpoint
from reports.frames.select import by_seed, of_arm
from reports.stats.intervals import NOTHING, Estimate
from reports.stats.sequential import Outcome, Plan, progress
from reports.stats.verdicts import Rule, Verdict, Word
from rin_core.durations import format_duration
from study.ledger import decisions as record
from study.ledger.decisions import Decisions, RecordedOutcome, State
from study.ledger.state import Caveat, TrialState

_WORDS: dict[State, Word] = {
    "better": Word.BETTER,
    "worse": Word.WORSE,
    "equal": Word.EQUAL,
    "undecided": Word.UNDECIDED,
    "futile": Word.FUTILE,
    "nothing learned": Word.NOTHING_LEARNED,
}
#: Each endpoint that a plan may have.
ENDPOINTS: dict[record.Endpoint, Endpoint] = {"selected": SELECTED, "averaged": AVERAGED}


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

    margin: float
    """Of equality, in points."""
    seeds_left: int
    """Of each arm until the last look, at most; 0 if it has stopped."""

    experiment: str = ""
    """The study that planned it."""
    endpoint: Endpoint = SELECTED
    runs: tuple[str, ...] = ()
    """Fingerprints of the runs of the last look."""
    core_hours_left: float = math.nan
    """At most; NaN if unknown."""
    tested: Outcome | None = None
    """What the last look tests, computed again from its runs. ``None`` before the first look, or if
    the runs of the ledger do not give the recorded estimate."""

    @property
    def verdict(self) -> Verdict:
        """Return what has become of it, on the scale of all comparisons."""
        state = "undecided" if self.outcome is None else self.outcome.state
        return Verdict(_WORDS[state], self.margin)

    @property
    def verdict_with_cost(self) -> Verdict:
        """Return the verdict with what it takes, at most, where it is undecided."""
        found = self.verdict
        if found.word is not Word.UNDECIDED or not self.seeds_left:
            return found
        left, cost = float(self.seeds_left), self.core_hours_left
        return replace(found, more_seeds=left, core_hours=cost, is_planned=True)

    @property
    def estimate(self) -> Estimate:
        """Return the estimate with the interval that holds at all looks; NaN where it has none."""
        found = self.outcome
        if found is None:
            return NOTHING
        low, high = (math.nan if end is None else end for end in (found.low, found.high))
        return Estimate(self.seeds, found.estimate, math.nan, low, high)

    @property
    def estimate_text(self) -> str:
        """Return the estimate with its sign, in points."""
        return "–" if self.outcome is None else _points(self.outcome.estimate, sign="+")

    @property
    def interval_text(self) -> str:
        """Return the interval that holds at all looks."""
        found = self.estimate
        if math.isnan(found.low) or math.isnan(found.high):
            return "–"
        return f"{_points(found.low)} to {_points(found.high)}"

    @property
    def next_text(self) -> str:
        """Return the seeds of the next look."""
        return "–" if self.next_look is None else str(self.next_look)

    @property
    def time_text(self) -> str:
        """Return the time until the last look."""
        if self.next_look is None:
            return "–"
        return "?" if math.isnan(self.seconds_left) else format_duration(self.seconds_left)


def _points(value: float, sign: str = "") -> str:
    """Return points; the minus is as wide as a plus, which ``sign`` may ask for."""
    return f"{value:{sign}.1f}".replace("-", "−")


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
                margin=decisions.margin,
                seeds_left=left,
                endpoint=ENDPOINTS[decisions.endpoint],
                seconds_left=sum(left * seconds.get(arm, math.nan) for arm in planned.weights),
            )
        )
    return rows


def plan_of_looks(decisions: Decisions) -> Plan:
    """Return the looks and the rule of a recorded plan."""
    return Plan(
        rule=Rule(margin=decisions.margin, level=decisions.level),
        looks=tuple(decisions.looks),
        efficacy_gamma=decisions.efficacy_gamma,
        equivalence_gamma=decisions.equivalence_gamma,
        futile=decisions.futile,
    )


def scores_by_seed(frame: pd.DataFrame, decisions: Decisions) -> dict[str, dict[int, float]]:
    """Return the scores of each arm of a plan, by seed, in points.

    Args:
        frame: The runs of the study.
        decisions: Its plan.
    """
    column = ENDPOINTS[decisions.endpoint].column
    return {arm: by_seed(of_arm(frame, arm), column) for arm in decisions.first_runs}


def _tested(frame: pd.DataFrame, decisions: Decisions) -> dict[str, Outcome]:
    """Return what the last look at each contrast tests, by the contrast's key."""
    learned = frame.assign(learned=frame["caveat"] != Caveat.NOTHING_LEARNED)
    scores: dict[str, list[float]] = {}
    flags: dict[str, list[bool]] = {}
    for arm, own in scores_by_seed(frame, decisions).items():
        known = by_seed(of_arm(learned, arm), "learned")
        first = [seed for place, seed in enumerate(sorted(own)) if seed == place]
        scores[arm] = [own[seed] for seed in first]
        flags[arm] = [bool(known[seed]) for seed in first]
    weights = [contrast.weights for contrast in decisions.contrasts]
    found: dict[str, Outcome] = {}
    looks = progress(scores, weights, plan_of_looks(decisions), flags).looks
    for look in looks[: len(decisions.outcomes)]:
        found |= {decisions.contrasts[k].key: one for k, one in look.outcomes.items()}
    return found


def study_decisions(frame: pd.DataFrame, decisions: Decisions) -> list[DecisionRow]:
    """Return the state of each contrast of a study, with its runs and costs.

    Args:
        frame: The runs of the study.
        decisions: Its plan and looks.
    """
    done = frame[frame["status"] == TrialState.FINISHED]
    arms = done.groupby("arm")
    seconds, hours = (
        {str(arm): float(mean) for arm, mean in arms[column].mean().items()}
        for column in ("seconds", "core_hours")
    )
    rows, tested = [], _tested(frame, decisions)
    for row in decision_rows(decisions, seconds):
        used = frame[frame["arm"].isin(row.arms) & (frame["seed"] < row.seeds)]
        again = tested.get(row.key)
        is_same = row.outcome and again and math.isclose(row.outcome.estimate, again.found.value)
        named = replace(
            row,
            experiment=str(frame["experiment"].iloc[0]),
            runs=tuple(used["fingerprint"]),
            core_hours_left=row.seeds_left * sum(hours.get(arm, math.nan) for arm in row.arms),
            tested=again if is_same else None,
        )
        rows.append(named)
    return rows


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
