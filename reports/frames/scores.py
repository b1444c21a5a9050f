"""The scores of a study's arms on one endpoint, with the variance that they share."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from reports.frames.select import by_seed, fingerprints, of_arm
from reports.stats.model import Difference, Residual, contrast, permutation_p, residual
from reports.stats.verdicts import RULE, Rule
from study.ledger.state import Caveat, TrialState

Weights = Mapping[str, float]
NOT_RUN, NO_RESULT = "not run", "no result"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a run is judged by."""

    column: str
    """Of the frame of trials."""
    metric: str
    """Of the published numbers."""
    text: str
    """As titles and notes name it."""
    dev_column: str = ""
    """Of the frame: the same score on dev, which chooses between models; empty if none does."""


#: The paper's endpoint.
SELECTED = Endpoint("test_f1", "f1", "test F1 of the selected epoch", "dev_f1")
ENTITIES = Endpoint(
    "test_entity_boundaries_f1", "entity_f1", "test F1 of entity spans of the selected epoch"
)
LATE = Endpoint("late_dev_f1", "", "dev F1, mean of the last ten epochs")
AVERAGED = Endpoint("averaged_test_f1", "f1", "test F1 of the averaged weights", "averaged_dev_f1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The scores of some arms, and what a comparison of them needs."""

    endpoint: Endpoint
    by_arm: Mapping[str, tuple[float, ...]]
    """One score for each finished run, in points, in the order of the seeds."""
    residual: Residual
    """Of all runs on the corpus under the same settings."""
    rule: Rule = RULE
    core_hours: Mapping[str, float] = field(default_factory=dict)
    """Of one run of an arm, on average; NaN if unknown."""
    runs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Fingerprints of the runs of each arm."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Why an arm has no score: it was not run, or its runs have no result."""
    unlearned: Collection[str] = ()
    """Arms whose finished runs all learned nothing."""

    def difference(self, weights: Weights) -> Difference:
        """Estimate a weighted sum of the arms' means."""
        return contrast(self.by_arm, weights, self.residual, self.unlearned)

    def permutation_p(self, weights: Weights) -> float:
        """Return :func:`~reports.stats.model.permutation_p` of a contrast."""
        return permutation_p(self.by_arm, weights)

    def cost(self, arms: Iterable[str]) -> float:
        """Return the core-hours of one more run of each arm."""
        return sum(self.core_hours.get(arm, math.nan) for arm in arms)

    def fingerprints(self, arms: Iterable[str]) -> tuple[str, ...]:
        """Return the runs of some arms."""
        return tuple(name for arm in arms for name in self.runs.get(arm, ()))

    @property
    def variance_note(self) -> str:
        """Say which variance the comparisons use."""
        found = self.residual
        if not found.df:
            return "No arm has two runs, so there is no variance and no interval."
        p, largest = found.p_equal_variances, found.p_largest
        tests = [] if math.isnan(p) else [f"Brown-Forsythe test of equal variances: p = {p:.2g}"]
        tests += [] if math.isnan(largest) else [f"F test of the largest: p = {largest:.2g}"]
        tested = f" ({'; '.join(tests)})" if tests else ""
        arms = f"the {found.arms} arms on this corpus with these settings{tested}"
        if found.is_pooled:
            return (
                f"Residual standard deviation: s = {found.sd:.3f} F1, {found.df} degrees of "
                f"freedom. It is pooled over {arms}."
            )
        return (
            f"The variance differs between {arms}. So s is each arm's own: SE = √(Σ v), where an "
            "arm has v = w² · s² / n. The degrees of freedom are Welch's: (Σ v)² / Σ (v² / "
            "(n − 1))."
        )


def primary_endpoint(frame: pd.DataFrame) -> Endpoint:
    """Return the endpoint that runs were made for, which decides every verdict about them.

    Runs with ``training.average=ema`` are judged by their averaged weights, as
    ``--until-decided`` plans it. All others are judged by the epoch selected on dev.
    """
    return endpoint_of(frame.loc[frame["status"] == TrialState.FINISHED, AVERAGED.column].notna())


def endpoint_of(averaged: Iterable[bool]) -> Endpoint:
    """Return :func:`primary_endpoint` of finished runs.

    Args:
        averaged: Whether each of them has scores of averaged weights.
    """
    known = list(averaged)
    return AVERAGED if known and all(known) else SELECTED


def arm_scores(
    frame: pd.DataFrame,
    endpoint: Endpoint | None = None,
    pool: pd.DataFrame | None = None,
    rule: Rule = RULE,
) -> Scores:
    """Return the scores of the arms of a frame.

    Args:
        frame: The runs to compare, on one corpus.
        endpoint: The score; :func:`primary_endpoint` if ``None``.
        pool: All runs with the same variance, see :func:`comparable`; the frame itself if ``None``.
        rule: Of the verdicts.
    """
    endpoint = primary_endpoint(frame) if endpoint is None else endpoint
    arms = [str(arm) for arm in dict.fromkeys(frame["arm"])]
    trials = {arm: of_arm(frame, arm) for arm in arms}
    scores = {arm: by_seed(own, endpoint.column) for arm, own in trials.items()}
    return Scores(
        endpoint=endpoint,
        by_arm={arm: tuple(own[seed] for seed in sorted(own)) for arm, own in scores.items()},
        residual=pooled_residual(frame if pool is None else pool, endpoint),
        rule=rule,
        core_hours={arm: float(own["core_hours"].mean()) for arm, own in trials.items()},
        runs={arm: fingerprints(own) for arm, own in trials.items()},
        missing={
            arm: NOT_RUN if (own["status"] == TrialState.PLANNED).all() else NO_RESULT
            for arm, own in trials.items()
            if not scores[arm]
        },
        unlearned={arm for arm, own in trials.items() if _learned_nothing(own)},
    )


def _learned_nothing(trials: pd.DataFrame) -> bool:
    caveats = trials.loc[trials["status"] == TrialState.FINISHED, "caveat"]
    return len(caveats) > 0 and bool((caveats == Caveat.NOTHING_LEARNED).all())


def comparable(everything: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Return all runs with the corpus and the settings of a frame.

    Runs on a share of the training sentences that the frame does not have are left out: models
    that learned from few sentences vary more.

    Args:
        everything: All runs of a ledger.
        frame: Runs on one corpus under one settings value.
    """
    if frame.empty:
        return frame
    names = ["corpus", "settings", "train_share"]
    alike = [everything[name].isin(set(frame[name])) for name in names]
    return everything[alike[0] & alike[1] & alike[2]]


def pooled_residual(pool: pd.DataFrame, endpoint: Endpoint) -> Residual:
    """Pool the variance of the runs that chose their epoch on dev; of all if none did.

    Each run counts once. Runs of one name with other settings, or on another content of the
    corpus, are other arms. Arms that learned nothing say nothing about the others.
    """
    done = pool[(pool["status"] == TrialState.FINISHED) & pool[endpoint.column].notna()]
    on_dev = done[done["selection"] == "dev"]
    done = (done if on_dev.empty else on_dev).drop_duplicates("fingerprint")
    arms = [own for _, own in done.groupby(["arm", "variant", "content"])]
    learned = [own for own in arms if not _learned_nothing(own)]
    return residual([(100 * own[endpoint.column]).tolist() for own in learned])
