"""Optuna as a search algorithm: its storage, and its public ask-and-tell interface.

The storage is one SQLite file beside MLflow's, with one Optuna study for each arm, so that
``optuna-dashboard sqlite:///runs/optuna.db`` shows a search. SQLite survives a kill at any moment.
A journal file is faster to write, but a driver killed while it holds the journal's lock blocks
the next one for half a minute.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from search_spaces.search import as_key
from study.ledger.databases import (
    create_once,
    explanation,
    is_whole,
    move_away,
    sqlite_uri,
)
from study.ledger.fields import points
from study.ledger.pareto import trial_cost
from study.ledger.schema import Search as Record
from study.ledger.schema import SearchTrial
from study.ledger.state import TrialState as State
from study.search.algorithm import ArmSearch, SearchAlgorithm
from study.search.samplers import SAMPLERS, make_sampler

optuna.logging.set_verbosity(optuna.logging.ERROR)

#: Optuna's state of a recorded trial. A running one waits until the session asks for it again.
STATES: Mapping[State, TrialState] = {
    State.RUNNING: TrialState.WAITING,
    State.FINISHED: TrialState.COMPLETE,
    State.PRUNED: TrialState.PRUNED,
    State.FAILED: TrialState.FAIL,
}
METRIC = "dev F1 (points)"
"""What ``optuna-dashboard`` writes beside the axes: the best dev F1 of a trial, 0 to 100."""
LEARNED_NOTHING = "learned nothing"
"""Optuna's constraint that a trial with a dev F1 of 0 violates: such a trial is never the best."""


class OptunaSearch(SearchAlgorithm):
    """One arm's Optuna study.

    Args:
        arm: The arm and its recorded trials.
        storage: Where the study is [default: the arm's database].
    """

    def __init__(self, arm: ArmSearch, storage: BaseStorage | None = None) -> None:
        super().__init__(arm)
        self.study = open_study(arm, storage or open_storage(arm.database))
        self._trials: dict[int, Trial] = {}
        self._reported: dict[int, int] = {}
        for trial in arm.recorded:
            if trial.state is State.RUNNING:
                resumed = self.study.ask()  # the waiting trials, in order of their numbers
                steps = self.study.trials[resumed.number].intermediate_values
                self._trials[resumed.number] = resumed
                self._reported[resumed.number] = max(steps, default=0)
        self._first = {as_key(point): point for point in arm.search.first_points(arm.base)}
        for trial in arm.recorded:
            self._first.pop(as_key(trial.parameters), None)

    def ask(self, point: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Propose a given point, one of the search's first points, or what the sampler suggests."""
        if point is None and self._first:
            point = self._first.pop(next(iter(self._first)))
        if point is not None:
            self.study.enqueue_trial(dict(point))
        trial = self.study.ask()
        self._trials[trial.number], self._reported[trial.number] = trial, 0
        return trial.number, self.arm.search.sample(self.arm.base, suggest_from(trial))

    def report(self, number: int, epoch: int, f1: float) -> None:
        """Report an epoch, once. With two objectives, Optuna does not accept epochs."""
        if epoch > self._reported[number]:
            if self.arm.search.cost is None:
                self._trials[number].report(points(f1), epoch)
            self._reported[number] = epoch

    def tell(self, trial: SearchTrial) -> None:
        """Tell Optuna how a trial ended; a pruned trial has the value that it reported last."""
        for row in trial.rows():
            self.report(trial.number, int(row["epoch"]), row["best_dev_f1"])
        running = self._trials[trial.number]
        for name, attribute in attributes(trial).items():
            running.set_user_attr(name, attribute)
        for name, violation in constraints(trial, self.arm.search.sampler).items():
            running.set_constraint(name, violation)
        values = None
        if trial.state is State.FINISHED:
            values = objective_values(trial, self.arm.search.cost)
        self.study.tell(running, values, STATES[trial.state])
        del self._trials[trial.number]

    def last_reported(self, number: int) -> int:
        """Return the last epoch reported for a resumed trial."""
        return self._reported.get(number, 0)


def open_storage(path: Path) -> RDBStorage:
    """Open a database; a new one is created complete or not at all."""
    create_once(path, lambda fresh: _connect(fresh).engine.dispose())
    return _connect(path)


def move_unusable(path: Path) -> Path | None:
    """Move a database away that Optuna cannot use, and return where it is now; None if it can.

    It may be damaged, of another program or of another release. Optuna's are made again from the
    record of the search.
    """
    if not path.exists():
        return None
    try:
        if is_whole(path):
            optuna.get_all_study_names(_connect(path))
            return None
    except Exception as error:  # Optuna, Alembic and SQLAlchemy raise their own
        if explanation(path, error) is not None:  # another database would have the same error
            raise
    return move_away(path)


def record_again(search: Record, path: Path, started: Mapping[str, float]) -> None:
    """Write all arms of a recorded search into a database, as their trials are in the record.

    A study of an arm that is there is replaced.

    Args:
        search: The record.
        path: The database.
        started: When a run started, in seconds since 1970, by fingerprint; others are left out.
    """
    storage = open_storage(path)
    distributions = recorded_distributions(search)
    known = optuna.get_all_study_names(storage)
    for arm in search.identities:
        if (name := f"{search.experiment}/{arm}") in known:
            optuna.delete_study(study_name=name, storage=storage)
        study = optuna.create_study(
            study_name=name, storage=storage, directions=directions(search.cost)
        )
        describe(study, arm, search.space, search.title, search.cost)
        recorded = {trial.number: trial for trial in search.trials if trial.arm == arm}
        sampler = str(search.identities[arm].get("sampler", ""))
        study.add_trials(in_order(recorded, distributions, started, sampler, search.cost))


def recorded_distributions(search: Record) -> dict[str, BaseDistribution]:
    """Return the distribution of each parameter of a recorded search."""
    return {
        name: getattr(optuna.distributions, parameter.name)(**dict(parameter.attributes))
        for name, parameter in search.parameters.items()
    }


def directions(cost: str | None) -> list[StudyDirection]:
    """Return the directions of dev F1, and of a cost if there is one."""
    return [StudyDirection.MAXIMIZE, *([] if cost is None else [StudyDirection.MINIMIZE])]


def objective_values(trial: SearchTrial, cost: str | None) -> list[float]:
    """Return dev F1 in points, and the cost if there is one."""
    return [points(trial.best), *([] if cost is None else [trial_cost(trial, cost)])]


def describe(study: optuna.Study, arm: str, space: str, title: str, cost: str | None) -> None:
    """Name what a study optimises, and its arm, space and question."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names([METRIC, *([] if cost is None else [cost])])
    for name, text in {"arm": arm, "space": space, "question": title}.items():
        study.set_user_attr(name, text)


def attributes(trial: SearchTrial) -> dict[str, str | int]:
    """Return what the dashboard shows of a trial beside its parameters."""
    return {"fingerprint": trial.fingerprint, "epochs": len(trial.dev_f1)}


def constraints(trial: SearchTrial, sampler: str) -> dict[str, float]:
    """Return the constraint of Optuna that a trial violates, if it learned nothing."""
    known = SAMPLERS.get(sampler)  # an old record names none
    takes = known is None or known.takes_constraints
    violates = takes and trial.state is State.FINISHED and trial.best <= 0
    return {LEARNED_NOTHING: 1.0} if violates else {}


def in_order(
    recorded: Mapping[int, SearchTrial],
    distributions: Mapping[str, BaseDistribution],
    started: Mapping[str, float],
    sampler: str,
    cost: str | None,
) -> list[FrozenTrial]:
    """Return trials by number; a number without a record is a failed trial."""
    failed = create_trial(state=TrialState.FAIL)
    return [
        frozen_trial(recorded[n], distributions, started, sampler, cost)
        if n in recorded
        else failed
        for n in range(max(recorded, default=-1) + 1)
    ]


def _connect(path: Path) -> RDBStorage:
    return RDBStorage(sqlite_uri(path.resolve()), engine_kwargs={"connect_args": {"timeout": 60}})


def open_study(arm: ArmSearch, storage: BaseStorage) -> optuna.Study:
    """Open an arm's study with exactly the recorded trials.

    Optuna's public interface cannot resume a running trial, so a study with trials that were cut
    off is replaced: trials that ended are copied, and those to resume wait with their parameters
    and epochs under their old numbers. A trial without a record is dropped.
    """
    search, name = arm.search, arm.study_name
    recorded = {trial.number: trial for trial in arm.recorded}
    distributions = {path: p.distribution for path, p in search.parameters.items()}
    made = in_order(recorded, distributions, arm.started, search.sampler, search.cost)
    exists, known = name in optuna.get_all_study_names(storage), list[FrozenTrial]()
    if exists:
        known = optuna.load_study(study_name=name, storage=storage).trials
    trials = [_with_known(*pair) for pair in itertools.zip_longest(made, known[: len(made)])]
    if replaced := exists and known != trials:
        optuna.delete_study(study_name=name, storage=storage)
    study = optuna.create_study(
        study_name=name,
        storage=storage,
        sampler=make_sampler(search, arm.arm, len(arm.recorded)),
        pruner=optuna.pruners.NopPruner(),
        directions=directions(search.cost),
        load_if_exists=True,
    )
    if replaced or not exists:
        study.add_trials(trials)
        describe(study, arm.arm, search.name, search.title, search.cost)
    return study


def _with_known(made: FrozenTrial, known: FrozenTrial | None) -> FrozenTrial:
    """Return a trial of the record with what Optuna alone knows of it: times, or epochs so far."""
    parts = attrgetter("state", "values", "constraints")
    if known is None or known.params != made.params:
        return made
    if parts(known) == parts(made):
        return known
    if made.state == TrialState.WAITING:
        made.intermediate_values = known.intermediate_values
    return made


def suggest_from(trial: Trial) -> Callable[[str, BaseDistribution], Any]:
    """Return a function that asks a trial for a value of a distribution."""

    def suggest(name: str, distribution: BaseDistribution) -> Any:
        match distribution:
            case FloatDistribution(low=low, high=high, log=log, step=step):
                return trial.suggest_float(name, low, high, log=log, step=step)
            case IntDistribution(low=low, high=high, log=log, step=step):
                return trial.suggest_int(name, low, high, log=log, step=step)
            case CategoricalDistribution(choices=choices):
                return trial.suggest_categorical(name, choices)
        raise TypeError(f"{name}: Optuna cannot suggest a value from {distribution}")

    return suggest


def frozen_trial(
    trial: SearchTrial,
    distributions: Mapping[str, BaseDistribution],
    started: Mapping[str, float],
    sampler: str,
    cost: str | None,
) -> FrozenTrial:
    """Return a recorded trial as Optuna has it; a running one has no epochs yet.

    It has the times at which it ran. If its start is not known, it took as long until now.
    """
    rows = [] if trial.state is State.RUNNING else trial.rows()
    values = {int(row["epoch"]): points(row["best_dev_f1"]) for row in rows}
    pruned = trial.state is State.PRUNED and bool(rows) and cost is None
    has_values = trial.state is State.FINISHED or pruned
    found = create_trial(
        state=STATES[trial.state],
        values=objective_values(trial, cost) if has_values else None,
        params=trial.parameters,
        distributions={path: distributions[path] for path in trial.parameters},
        user_attrs=attributes(trial),
        constraints=constraints(trial, sampler),
        intermediate_values=values if cost is None else None,
    )
    if found.state.is_finished():
        took = timedelta(seconds=sum(trial.seconds))
        if trial.fingerprint in started:
            found.datetime_start = datetime.fromtimestamp(started[trial.fingerprint])
        else:
            found.datetime_start = datetime.now() - took
        found.datetime_complete = found.datetime_start + took
    return found
