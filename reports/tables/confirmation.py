"""The best settings of a search on fresh seeds: against its initial ones, and arm against arm."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

import pandas as pd

from reports.document.table import Row, Table
from reports.frames.races import outcome_arms, race_is_open, raced, tuned_arm
from reports.frames.scores import Weights
from reports.frames.searches import SearchData, ranked
from reports.frames.select import of_arm
from reports.frames.trials import no_trials
from reports.stats.model import Difference
from reports.stats.verdicts import Judged, Word
from reports.tables.cells import (
    as_estimate,
    interval_cell,
    mean_cell,
    mean_interval_cell,
    score_cell,
    seeds_cell,
    verdict_cell,
)
from reports.tables.comparison import (
    ANSWER,
    comparison_cells,
    comparison_notes,
    judge_rows,
    over,
)
from rin_core.plural import plural
from study.ledger.arms import START, searched_arm
from study.ledger.state import UNENDED, TrialState


def confirmation(data: SearchData) -> Table:
    """Return the scores of each arm's candidates and of its start over fresh seeds."""
    rows, scores = [], data.scores()
    for label, trials in confirmed_arms(data).items():
        cells = {
            "seeds": seeds_cell(trials),
            "dev F1": score_cell(trials, scores.endpoint.dev_column),
            "test F1": score_cell(trials, scores.endpoint.column),
            "95 % CI of test F1": mean_interval_cell(scores, str(trials["arm"].iloc[0])),
        }
        rows.append(Row(key=label, label=label, cells=cells))
    return Table(
        name="confirmation",
        in_reproduction=True,
        title=f"Tuned settings and {data.initial_settings}, on fresh seeds",
        head="Settings",
        rows=tuple(rows),
        first=("test F1", "95 % CI of test F1"),
        notes=(f"Endpoint: {scores.endpoint.text}.", *_race_notes(data)),
    )


def _race_notes(data: SearchData) -> list[str]:
    """Return who won each race, and which arms had none."""
    confirmed, notes = _confirmed(data), []
    for arm, label in data.arms.items():
        own = raced(confirmed, arm)
        winner = tuned_arm(confirmed, arm)
        if own.empty:
            continue
        settings = plural(own["arm"].nunique(), "setting")
        if winner is None:
            notes.append(
                f"No setting won the race of {label}: none of {settings} learned anything on fresh "
                f"seeds. Use {data.initial_settings}, where the search started."
            )
            continue
        trials = of_arm(own, winner)
        seeds = int((trials["status"] == TrialState.FINISHED).sum())
        leads = "leads the race" if race_is_open(confirmed, arm) else "won the race"
        notes.append(
            f"{trials['label'].iloc[0]}, {leads} of {settings} of {label}: it has the highest mean "
            f"dev F1 over {plural(seeds, 'seed')}, of the settings with all seeds."
        )
    if notes and data.cost is not None:
        notes.append(
            "The candidates are spread over the front of each arm, and all of them ran on all "
            "seeds. The one with the highest mean dev F1 represents its arm in the comparisons."
        )
    elif notes:
        notes.append(
            "All candidates run on the first seeds, and the best of them on the others. The winner "
            "is chosen on dev, so its dev F1 is slightly too high. Its test F1 is affected less."
        )
    return notes


def confirmed_arms(data: SearchData, *, winners: bool = False) -> dict[str, pd.DataFrame]:
    """Return the trials on fresh seeds by the label of their settings.

    Args:
        data: The search.
        winners: Only each arm's tuned settings and its start.
    """
    confirmed = _confirmed(data)
    names = list(dict.fromkeys(confirmed["arm"]))
    if winners:
        kept = {name for arm in data.arms for name in outcome_arms(confirmed, arm)}
        names = [name for name in names if name in kept]
    groups = [of_arm(confirmed, name) for name in names]
    return {str(trials["label"].iloc[0]): trials for trials in groups}


class Incomparable(StrEnum):
    """Why two arms of a search cannot be compared."""

    RUNNING = "search running"
    RACING = "race running"
    """Runs on fresh seeds are missing, which may change the winner."""
    UNEQUAL_BUDGETS = "unequal budgets"
    OUTDATED = "outdated"
    """The search has found better settings since the runs on fresh seeds."""
    SEARCH_FAILED = "search failed"
    """Tuned settings are worse than those where the search started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmComparison:
    """The difference in test F1 between two arms of a search, over fresh seeds."""

    key: str
    label: str
    incomparable: Incomparable | None
    weights: Weights
    tuned: Judged
    untuned_weights: Weights
    untuned: Difference
    """Of the initial settings, where each search started."""

    @property
    def verdict(self) -> str:
        """Whether the first arm is better, or why the arms cannot be compared."""
        if self.tuned.verdict.word is Word.NOT_RUN:
            return str(self.tuned.verdict)
        return self.incomparable or str(self.tuned.verdict)


def compare_arms(data: SearchData) -> list[ArmComparison]:
    """Compare each two arms that have trials on fresh seeds."""
    confirmed, scores = _confirmed(data), data.scores()
    tuned = {arm: names[0] for arm in data.arms if (names := outcome_arms(confirmed, arm))}
    pairs = [(later, earlier) for earlier, later in combinations(tuned, 2)]
    rows = [over(*(tuned[arm] for arm in pair)) for pair in pairs]
    failed = failed_searches(data)
    found = []
    for pair, weights, judged in zip(
        pairs, rows, judge_rows(scores, rows, family=True), strict=True
    ):
        untuned = over(*(f"{arm}{START}" for arm in pair))
        comparison = ArmComparison(
            key="/".join(pair),
            label=" over ".join(data.arms[arm] for arm in pair),
            incomparable=_incomparable(data, pair, failed),
            weights=weights,
            tuned=judged,
            untuned_weights=untuned,
            untuned=scores.difference(untuned),
        )
        found.append(comparison)
    return found


def comparison(data: SearchData) -> Table:
    """Return :func:`compare_arms` as a table; without rows if there is nothing to compare."""
    rows, scores = [], data.scores()
    for found in compare_arms(data):
        runs = scores.fingerprints(found.weights)
        untuned_runs = scores.fingerprints(found.untuned_weights)
        untuned = as_estimate(found.untuned)
        verdict = replace(verdict_cell(found.tuned, runs), text=found.verdict)
        cells = {
            **comparison_cells(scores, found.weights, found.tuned),
            "Verdict": verdict,
            "Δ F1, untuned": mean_cell(untuned, untuned_runs, sign="+"),
            "95 % CI, untuned": interval_cell(untuned, untuned_runs),
        }
        rows.append(Row(key=found.key, label=found.label, cells=cells))
    return Table(
        name="comparison",
        in_reproduction=True,
        title=f"Differences between arms, each tuned with {budgets(data)}, on fresh seeds",
        head="Arms",
        rows=tuple(rows),
        first=ANSWER,
        notes=(
            *comparison_notes(scores, family=True),
            "There is no verdict if the arms had different numbers of trials, if trials are still "
            "running, or if the search has found better settings since. *Race running*: runs on "
            "fresh seeds are missing. *Search failed*: the tuned "
            "settings of an arm are worse than those where its search started.",
            f"Untuned: with {data.initial_settings}, where each search started.",
            "Each arm was searched once. The CIs cover other seeds with the settings found. They "
            "do not cover what another search would have found.",
        ),
    )


def tuning_weights(data: SearchData) -> dict[str, Weights]:
    """Return, for each arm with tuned settings, their mean minus that of the arm's start."""
    confirmed = _confirmed(data)
    tuned = {arm: tuned_arm(confirmed, arm) for arm in data.arms}
    return {arm: over(name, f"{arm}{START}") for arm, name in tuned.items() if name is not None}


def judge_tuning(data: SearchData) -> dict[str, Judged]:
    """Judge the tuned settings of each arm against those where its search started."""
    weights = tuning_weights(data)
    judged = judge_rows(data.scores(), list(weights.values()), family=True)
    return {
        arm: replace(one, verdict=replace(one.verdict, word=Word.SEARCH_FAILED))
        if one.verdict.word is Word.WORSE
        else one
        for arm, one in zip(weights, judged, strict=True)
    }


def failed_searches(data: SearchData) -> set[str]:
    """Return the arms whose tuned settings are worse than those where the search started."""
    judged = judge_tuning(data)
    return {arm for arm, one in judged.items() if one.verdict.word is Word.SEARCH_FAILED}


def tuning(data: SearchData) -> Table:
    """Return :func:`judge_tuning` as a table."""
    scores, weights = data.scores(), tuning_weights(data)
    rows, notes = [], []
    for arm, judged in judge_tuning(data).items():
        cells = comparison_cells(scores, weights[arm], judged)
        rows.append(Row(key=arm, label=data.arms[arm], cells=cells))
        if judged.difference.n and judged.difference.value < 0:
            notes.append(
                f"{data.arms[arm]}: the search did not help. On fresh seeds, its settings have "
                f"{-judged.difference.value:.1f} points less than {data.initial_settings}, where "
                "it started: use those."
            )
    return Table(
        name="tuning",
        in_reproduction=True,
        title=f"Tuned settings over {data.initial_settings}, on fresh seeds",
        head="Arm",
        rows=tuple(rows),
        first=ANSWER,
        notes=(
            *comparison_notes(scores, family=True),
            *notes,
            "*Search failed* stands for *worse*: on fresh seeds, the settings that the search "
            "found are worse than those where it started.",
        ),
    )


def budgets(data: SearchData) -> str:
    """Return how many trials the arms had: ``16 trials``, or ``5 to 16 trials``."""
    counts = data.trials.groupby("arm").size()
    if counts.empty:
        return plural(data.budget, "trial")
    low, high = int(counts.min()), int(counts.max())
    return plural(high, "trial") if low == high else f"{low} to {high} trials"


def _confirmed(data: SearchData) -> pd.DataFrame:
    return no_trials() if data.confirmed is None else data.confirmed


def _incomparable(data: SearchData, pair: tuple[str, str], failed: Set[str]) -> Incomparable | None:
    arms = [data.trials[data.trials["arm"] == arm] for arm in pair]
    if any(trials["state"].isin(UNENDED).any() for trials in arms):
        return Incomparable.RUNNING
    if len({len(trials) for trials in arms}) > 1:
        return Incomparable.UNEQUAL_BUDGETS
    confirmed = _confirmed(data)
    for arm, trials in zip(pair, arms, strict=True):
        best = set(ranked(trials)["variant"].head(1))
        known = confirmed[confirmed["arm"].map(searched_arm) == arm]
        if not best or not best <= set(known["variant"]):
            return Incomparable.OUTDATED
    if any(race_is_open(confirmed, arm) for arm in pair):
        return Incomparable.RACING
    return Incomparable.SEARCH_FAILED if failed & set(pair) else None
