"""A study that runs until its primary contrasts are decided: its plan, and its next seeds.

What was decided is computed from the results again at each start, so an interrupted study resumes
as one that was not interrupted. The ledger records it for reports.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import mean

from reports.frames.decisions import ENDPOINTS, DecisionRow, decision_rows, plan_of_looks
from reports.stats.contrasts import PRIMARY
from reports.stats.sequential import (
    EFFICACY_GAMMA,
    EQUIVALENCE_GAMMA,
    FUTILE,
    LOOKS,
    Outcome,
    Progress,
    State,
    progress,
)
from reports.stats.verdicts import Rule
from study.ledger import decisions as record
from study.ledger.decisions import Decisions, Endpoint
from study.ledger.files import LedgerError
from study.ledger.schema import Result, Study
from study.ledger.state import Caveat
from study.planning.grid import Experiment, PlannedTrial

_STATES: dict[State, record.State] = {
    State.OPEN: "undecided",
    State.BETTER: "better",
    State.WORSE: "worse",
    State.EQUAL: "equal",
    State.FUTILE: "futile",
    State.NOTHING_LEARNED: "nothing learned",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """A study on one corpus that runs until it is decided.

    Args:
        experiment: Every trial that it may need: each arm with the seeds 0 to those of the last
            look.
        plan: As declared, see :func:`declare`.
        most: No look has more seeds.
    """

    experiment: Experiment
    plan: Decisions
    most: int

    def by_arm(self) -> dict[str, list[PlannedTrial]]:
        """Return the trials of each arm in the order of their seeds."""
        arms: defaultdict[str, list[PlannedTrial]] = defaultdict(list)
        for planned in self.experiment.trials:
            arms[planned.trial.arm].append(planned)
        return {arm: sorted(own, key=lambda p: p.trial.seed) for arm, own in arms.items()}

    def read(self) -> Decided:
        """Look at the results that the ledger has.

        Raises:
            LedgerError: A result cannot be read, or does not have the endpoint.
        """
        results = {arm: _finished(own) for arm, own in self.by_arm().items()}
        scores = {
            arm: [_score(result, self.plan.endpoint) for result in own]
            for arm, own in results.items()
        }
        weights = [contrast.weights for contrast in self.plan.contrasts]
        learned = {
            arm: [r.caveat is not Caveat.NOTHING_LEARNED for r in own]
            for arm, own in results.items()
        }
        found = progress(scores, weights, plan_of_looks(self.plan), learned)
        given = dict.fromkeys(results, self.plan.looks[0])
        done = found.looks[-1].seeds if found.looks else 0
        given |= {arm: n if n <= max(self.most, done) else done for arm, n in found.seeds.items()}
        return Decided(
            study=self,
            found=found,
            seeds=given,
            seconds={arm: mean(r.seconds for r in own) for arm, own in results.items() if own},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What the results of a study have decided so far."""

    study: Deciding
    found: Progress
    seeds: Mapping[str, int]
    """How many seeds each arm has been given, those of the next look included."""
    seconds: Mapping[str, float]
    """Of a run of each arm, on average."""

    @property
    def is_open(self) -> bool:
        """Whether there is a next look, or a run of this one is missing."""
        return bool(self.missing())

    def missing(self) -> list[PlannedTrial]:
        """Return the trials without a result that the next look needs, in the order to run."""
        return [p for p in self.experiment().trials if not p.run.is_finished]

    def experiment(self) -> Experiment:
        """Return the study with the seeds that it has been given so far.

        The trials are in the order to run them: after a look, those of the contrast with the best
        chance per hour to be decided at the next one come first.
        """
        experiment, ranks = self.study.experiment, self._ranks()
        trials = tuple(
            sorted(
                (p for p in experiment.trials if p.trial.seed < self.seeds[p.trial.arm]),
                key=lambda p: (ranks.get(p.trial.arm, len(PRIMARY)), p.trial.seed),
            )
        )
        return replace(experiment, trials=trials, decisions=self.record())

    def record(self) -> Decisions:
        """Return the plan with what each look has said, as the ledger keeps it."""
        keys = [contrast.key for contrast in self.study.plan.contrasts]
        looks = [
            record.RecordedLook(
                seeds=look.seeds,
                outcomes=[_recorded(keys[k], outcome) for k, outcome in look.outcomes.items()],
            )
            for look in self.found.looks
        ]
        changes = {"seeds": dict(self.seeds), "outcomes": looks}
        return self.study.plan.model_copy(update=changes)

    def rows(self) -> list[DecisionRow]:
        """Return the state of each contrast."""
        return decision_rows(self.record(), self.seconds)

    def _ranks(self) -> dict[str, int]:
        """Return the place of each arm's first open contrast; nothing before the first look."""
        if not self.found.looks:
            return {}
        last, contrasts = self.found.looks[-1], self.study.plan.contrasts
        arms = {k: list(contrasts[k].weights) for k in self.found.open}
        hours = {k: sum(self.seconds[arm] for arm in own) for k, own in arms.items()}
        best = sorted(arms, key=lambda k: -last.outcomes[k].chance_next / max(hours[k], 1e-9))
        ranks: dict[str, int] = {}
        for rank, k in enumerate(best):
            for arm in arms[k]:
                ranks.setdefault(arm, rank)
        return ranks


def declare(experiment: Experiment, recorded: Study | None, margin: float | None) -> Decisions:
    """Return the plan of a study: as recorded, or a new one before its first run.

    Args:
        experiment: Every trial that it may need.
        recorded: The study in the ledger.
        margin: Differences of at most so many points count as equal; None: the recorded margin, or
            that of :class:`~reports.stats.verdicts.Rule`.

    Raises:
        ValueError: There is nothing to decide, or the study was declared with another plan.
    """
    earlier = recorded.decisions if recorded else None
    arms = list(dict.fromkeys(planned.trial.arm for planned in experiment.trials))
    weighed = ((c, {a: w for a, w in c.weigh(arms).items() if w}) for c in PRIMARY)
    contrasts = [
        record.PlannedContrast(key=c.key, text=c.text, weights=own) for c, own in weighed if own
    ]
    if not contrasts:
        raise ValueError(
            f"--until-decided: the arms of {experiment.plan.space.name} are in no primary "
            "contrast; add arms with --arms, or omit the option"
        )
    rule = Rule() if margin is None else Rule(margin=margin)
    new = Decisions(
        endpoint=_endpoint(experiment),
        margin=earlier.margin if earlier and margin is None else rule.margin,
        level=rule.level,
        looks=list(LOOKS),
        efficacy_gamma=EFFICACY_GAMMA,
        equivalence_gamma=EQUIVALENCE_GAMMA,
        futile=FUTILE,
        contrasts=contrasts,
        first_runs={p.trial.arm: p.run.fingerprint for p in experiment.trials if p.trial.seed == 0},
    )
    if earlier is None:
        finished = sum(planned.run.is_finished for planned in experiment.trials)
        return new.model_copy(update={"finished_before": finished})
    _refuse_changes(experiment.name, earlier, new)
    return earlier


def _refuse_changes(name: str, earlier: Decisions, new: Decisions) -> None:
    """Raise ``ValueError`` for another plan: a study that changes it has no error rate."""
    remedy = "or start another study with --experiment NAME"
    if new.margin != earlier.margin:
        raise ValueError(
            f"--margin {new.margin:g}: {name} was planned with the margin {earlier.margin:g}; omit "
            f"the option, {remedy}"
        )
    if new.endpoint != earlier.endpoint:
        raise ValueError(
            f"training.average: the endpoint of {name} was planned as "
            f"{ENDPOINTS[earlier.endpoint].text}, not {ENDPOINTS[new.endpoint].text}; set it as "
            f"before, {remedy}"
        )
    if [(c.key, c.weights) for c in new.contrasts] != [
        (c.key, c.weights) for c in earlier.contrasts
    ]:
        raise ValueError(
            f"--arms: {name} was planned with the arms {', '.join(earlier.first_runs)}; name "
            f"these, {remedy}"
        )
    if changed := [
        arm for arm, run in earlier.first_runs.items() if new.first_runs.get(arm) != run
    ]:
        raise ValueError(
            f"{name}: settings, corpus or vectors of {', '.join(changed)} differ from the plan; "
            f"use those of the plan, {remedy}"
        )


def _endpoint(experiment: Experiment) -> Endpoint:
    trainings = [planned.trial.config.training for planned in experiment.trials]
    if any(training.selection != "dev" for training in trainings):
        raise ValueError(
            "training.selection=test: --until-decided does not compare scores whose epoch was "
            "chosen on test; set it to dev"
        )
    averages = {training.average for training in trainings}
    if len(averages) > 1:
        raise ValueError(
            f"training.average: the arms have {' and '.join(sorted(averages))}; --until-decided "
            "requires one endpoint, so set one value for all"
        )
    return "selected" if averages == {"none"} else "averaged"


def _finished(trials: list[PlannedTrial]) -> list[Result]:
    """Return the results of an arm's first seeds, up to the first seed without one."""
    results: list[Result] = []
    for planned in trials:
        if (result := planned.run.result()) is None:
            break
        results.append(result)
    return results


def _score(result: Result, endpoint: Endpoint) -> float:
    scores = result.test_scores if endpoint == "selected" else result.averaged_test_scores
    if scores is None:
        raise LedgerError(
            f"run {result.fingerprint}: has no scores of averaged weights; delete its folder and "
            "run the study again"
        )
    return 100 * scores["f1"]


def _recorded(key: str, outcome: Outcome) -> record.RecordedOutcome:
    value, state = outcome.found.value, _STATES[outcome.state]
    if not outcome.found.learned:
        return record.RecordedOutcome(contrast=key, estimate=value, state=state)
    return record.RecordedOutcome(
        contrast=key,
        estimate=value,
        low=_finite(value - outcome.efficacy),
        high=_finite(value + outcome.efficacy),
        efficacy=_finite(outcome.efficacy),
        equivalence=_finite(outcome.equivalence),
        chance=_finite(min(1.0, max(0.0, outcome.chance))),
        state=state,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
