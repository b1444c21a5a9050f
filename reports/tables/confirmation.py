"""The best settings of a search on fresh seeds: against its initial ones, and arm against arm."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import pandas as pd

from reports.document.table import Row, Table, words
from reports.frames.searches import SearchData, ranked
from reports.frames.select import by_seed, fingerprints, of_arm
from reports.frames.trials import no_trials
from reports.stats.intervals import Estimate
from reports.stats.tests import Difference, holm, paired_difference
from reports.stats.verdicts import Order, order
from reports.tables.cells import (
    count_cell,
    interval_cell,
    mean_cell,
    p_cell,
    score,
    score_cell,
    seeds_cell,
)
from rin_core.plural import plural
from study.ledger.arms import START, TUNED
from study.ledger.state import TrialState


def confirmation(data: SearchData) -> Table:
    """Return the scores of each arm's tuned and initial settings over fresh seeds."""
    rows = []
    for label, trials in confirmed_arms(data).items():
        cells = {
            "seeds": seeds_cell(trials),
            "dev F1": score_cell(trials, "dev_f1"),
            "test F1": score_cell(trials, "test_f1"),
            "95 % CI of test F1": interval_cell(score(trials, "test_f1"), fingerprints(trials)),
        }
        rows.append(Row(key=label, label=label, cells=cells))
    return Table(
        name="confirmation",
        in_reproduction=True,
        title=f"Tuned settings and {data.initial_settings}, on fresh seeds",
        head="Settings",
        rows=tuple(rows),
    )


def confirmed_arms(data: SearchData) -> dict[str, pd.DataFrame]:
    """Return the trials on fresh seeds by the label of their settings."""
    confirmed = _confirmed(data)
    groups = [of_arm(confirmed, arm) for arm in dict.fromkeys(confirmed["arm"])]
    return {str(trials["label"].iloc[0]): trials for trials in groups}


class Incomparable(StrEnum):
    """Why two arms of a search cannot be compared."""

    RUNNING = "search running"
    UNEQUAL_BUDGETS = "unequal budgets"
    OUTDATED = "outdated"
    """The search has found better settings since the runs on fresh seeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmComparison:
    """The difference in test F1 between two arms of a search, over fresh seeds."""

    key: str
    label: str
    incomparable: Incomparable | None
    tuned: Difference
    tuned_runs: tuple[str, ...]
    untuned: Estimate
    """Of the initial settings, where each search started."""
    untuned_runs: tuple[str, ...]

    @property
    def verdict(self) -> Order | Incomparable:
        """Whether the first arm is better, or why the arms cannot be compared."""
        judged = order([self.tuned.estimate])
        return judged if judged == Order.NOT_RUN else self.incomparable or judged


def compare_arms(data: SearchData) -> list[ArmComparison]:
    """Compare each two arms that have trials on fresh seeds."""
    confirmed = _confirmed(data)
    labels = {arm: label for arm, label in data.arms.items() if len(_tuned(confirmed, arm))}
    found = []
    for earlier, later in combinations(labels, 2):
        pair = (later, earlier)
        tuned = [_tuned(confirmed, arm) for arm in pair]
        untuned = [of_arm(confirmed, f"{arm}{START}") for arm in pair]
        comparison = ArmComparison(
            key="/".join(pair),
            label=f"{labels[later]} over {labels[earlier]}",
            incomparable=_incomparable(data, pair),
            tuned=paired_difference(*(by_seed(trials, "test_f1") for trials in tuned)),
            tuned_runs=tuple(name for trials in tuned for name in fingerprints(trials)),
            untuned=paired_difference(*(by_seed(trials, "test_f1") for trials in untuned)).estimate,
            untuned_runs=tuple(name for trials in untuned for name in fingerprints(trials)),
        )
        found.append(comparison)
    return found


def comparison(data: SearchData) -> Table:
    """Return :func:`compare_arms` as a table; without rows if there is nothing to compare."""
    compared = compare_arms(data)
    corrected = holm([found.tuned.p for found in compared])
    rows = []
    for found, p in zip(compared, corrected, strict=True):
        tuned = found.tuned.estimate
        cells = {
            "Verdict": words(found.verdict, found.tuned_runs, tuned),
            "Δ F1, each tuned": mean_cell(tuned, found.tuned_runs, sign="+"),
            "Common seeds": count_cell(tuned.n, found.tuned_runs),
            "95 % CI over seeds": interval_cell(tuned, found.tuned_runs),
            "p over seeds (Holm)": p_cell(found.tuned.p, p, found.tuned_runs),
            "Δ F1, untuned": mean_cell(found.untuned, found.untuned_runs, sign="+"),
            "95 % CI, untuned": interval_cell(found.untuned, found.untuned_runs),
        }
        rows.append(Row(key=found.key, label=found.label, cells=cells))
    return Table(
        name="comparison",
        in_reproduction=True,
        title=f"Differences between arms, each tuned with {budgets(data)}, on fresh seeds",
        head="Arms",
        rows=tuple(rows),
        notes=(
            "Δ is the mean difference in test F1 over the fresh seeds that both arms have "
            "finished, ± its standard deviation. The 95 % CI is Student's t interval, p is from "
            "the exact sign-flip test.",
            "Verdict: *supported* if the 95 % CI lies above 0, *contradicted* if it lies below, "
            "else *undecided*. There is no verdict if the arms had different numbers of trials, if "
            "trials are still running, or if the search has found better settings since. The CIs "
            "are not corrected for the number of pairs.",
            f"Untuned: with {data.initial_settings}, where each search started.",
            "Each arm was searched once. The CIs cover other seeds with the settings found. They "
            "do not cover what another search would have found.",
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


def _tuned(confirmed: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Return an arm's trials with tuned settings, or with its start if no trial was better."""
    tuned = of_arm(confirmed, f"{arm}{TUNED}")
    return tuned if len(tuned) else of_arm(confirmed, f"{arm}{START}")


def _incomparable(data: SearchData, pair: tuple[str, str]) -> Incomparable | None:
    arms = [data.trials[data.trials["arm"] == arm] for arm in pair]
    if any((trials["state"] == TrialState.RUNNING).any() for trials in arms):
        return Incomparable.RUNNING
    if len({len(trials) for trials in arms}) > 1:
        return Incomparable.UNEQUAL_BUDGETS
    for arm, trials in zip(pair, arms, strict=True):
        best = ranked(trials)["variant"].head(1)
        if set(_tuned(_confirmed(data), arm)["variant"]) != set(best):
            return Incomparable.OUTDATED
    return None
