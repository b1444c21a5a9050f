"""Optuna's side of a search: its storage, its samplers, and its trials kept like the record's.

The storage is one SQLite file beside MLflow's, one Optuna study for each arm, so that
``optuna-dashboard sqlite:///runs/optuna.db`` shows a search. SQLite survives a kill at any
moment; a journal file would be quicker to write, but a driver killed while it holds the
journal's lock blocks the next one for half a minute.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from rin_core.train.checkpoint import write_atomically
from search_spaces.search import DIRECTIONS, Objective, Search
from study.ledger.search_record import SearchTrial, State

optuna.logging.set_verbosity(optuna.logging.ERROR)

#: The column of a trial's rows that each objective is read from.
METRICS: Mapping[Objective, str] = {"dev_f1": "best_dev_f1", "seconds": "total_seconds"}
STATES: Mapping[State, TrialState] = {
    "running": TrialState.RUNNING,
    "finished": TrialState.COMPLETE,
    "stopped": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
FINGERPRINT = "fingerprint"


def open_storage(path: Path) -> RDBStorage:
    """Open a database, making it whole or not at all where there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            fresh = Path(folder) / path.name
            _connect(fresh).engine.dispose()
            write_atomically(path, fresh.read_bytes())
    return _connect(path)


def _connect(path: Path) -> RDBStorage:
    return RDBStorage(
        f"sqlite:///{path.resolve()}", engine_kwargs={"connect_args": {"timeout": 60}}
    )


def make_sampler(search: Search, arm: int, begun: int) -> BaseSampler:
    """Return the search's sampler for an arm.

    A sampler that went on with the seed it began with would draw its first points again, so
    the seed counts the trials begun before.

    Args:
        search: Names the sampler.
        arm: The arm's place.
        begun: Trials of the arm so far.
    """
    seed = int(np.random.SeedSequence([search.seed, arm, begun]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return _SAMPLERS[search.sampler](seed)


_SAMPLERS: Mapping[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    # Its points are enqueued (Search.first_points): Optuna's GridSampler goes by the number of a
    # trial, so that a first point of one's own hides one of the grid's, and has a point once for
    # each value of a parameter that has no effect there.
    "grid": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
}


def suggest_from(trial: Trial) -> Callable[[str, BaseDistribution], Any]:
    """Return what asks a trial for a value; one it chose before, it gives again."""

    def suggest(name: str, distribution: BaseDistribution) -> Any:
        match distribution:
            case FloatDistribution(low=low, high=high, log=log, step=step):
                return trial.suggest_float(name, low, high, log=log, step=step)
            case IntDistribution(low=low, high=high, log=log, step=step):
                return trial.suggest_int(name, low, high, log=log, step=step)
            case CategoricalDistribution(choices=choices):
                return trial.suggest_categorical(name, choices)
        raise TypeError(f"{name}: {distribution} is no distribution of Optuna's suggestions")

    return suggest


def directions(search: Search) -> list[str]:
    """Return ``max`` or ``min`` for each objective."""
    return [DIRECTIONS[objective] for objective in search.objectives]


def conclude(running: Trial, trial: SearchTrial, objectives: Sequence[Objective]) -> None:
    """Tell Optuna what became of a trial that it has as running.

    A finished trial has the values of its selected epoch, a stopped one is pruned with what it
    reported last, a failed one has none.
    """
    report(running, trial.rows(), objectives)
    running.study.tell(trial.number, _values(trial, objectives), state=STATES[trial.state])


def report(
    trial: Trial, rows: Sequence[Mapping[str, Any]], objectives: Sequence[Objective]
) -> None:
    """Report the epochs that Optuna lacks; with two objectives it takes none."""
    if len(objectives) > 1:
        return
    known = _frozen(trial.study, trial.number).intermediate_values
    for row in rows:
        if (step := int(row["epoch"])) not in known:
            trial.report(row[METRICS[objectives[0]]], step)


def drop_what_the_record_lacks(
    storage: BaseStorage, name: str, trials: Sequence[SearchTrial]
) -> None:
    """Delete a study that has come to what is not recorded; it is then made from the record.

    So it is where a record was deleted, or came from another ledger. A trial under way that is
    not recorded is none of that: a kill leaves one.

    Args:
        storage: Where the study may be.
        name: Its name there.
        trials: The arm's recorded trials.
    """
    if name not in optuna.get_all_study_names(storage):
        return
    recorded = {trial.number: trial.parameters for trial in trials}
    for frozen in optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False):
        known = frozen.number in recorded
        if frozen.params != recorded[frozen.number] if known else frozen.state.is_finished():
            optuna.delete_study(study_name=name, storage=storage)
            return


def reconcile(study: optuna.Study, trials: Sequence[SearchTrial], search: Search) -> list[int]:
    """Bring a study in line with the record, which was written first.

    Args:
        study: The arm's study.
        trials: The arm's recorded trials by number.
        search: Its distributions and objectives.

    Returns:
        Numbers of the trials that are under way in Optuna: recorded ones that were cut off,
        and those of which a kill left only the number, or a part of the parameters.
    """
    known = {frozen.number: frozen for frozen in study.get_trials(deepcopy=False)}
    for trial in trials:
        if trial.number not in known:
            study.add_trial(_rebuilt(trial, search))
        elif known[trial.number].state == TrialState.RUNNING and trial.state != "running":
            conclude(reopen(study, trial.number), trial, search.objectives)
        elif known[trial.number].state.is_finished() and trial.state == "running":
            trial.state, trial.reason = "failed", "closed in Optuna's storage by someone else"
    under_way = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [frozen.number for frozen in under_way]


def reopen(study: optuna.Study, number: int) -> Trial:
    """Return a running trial, to go on with under its number."""
    return Trial(study, _frozen(study, number)._trial_id)


def decided(study: optuna.Study, number: int) -> int:
    """Return up to which epoch the scheduler has let a trial go on: those Optuna heard of."""
    return max(_frozen(study, number).intermediate_values, default=0)


def _frozen(study: optuna.Study, number: int) -> FrozenTrial:
    return study.get_trials(deepcopy=False)[number]


def _rebuilt(trial: SearchTrial, search: Search) -> FrozenTrial:
    """Return a recorded trial as Optuna would have it; a running one has no epochs decided."""
    metric, ended = METRICS[search.objectives[0]], trial.state != "running"
    rows = trial.rows() if ended and len(search.objectives) == 1 else []
    values = _values(trial, search.objectives)
    if trial.state == "stopped" and rows:
        values = [rows[-1][metric]]
    return create_trial(
        state=STATES[trial.state],
        values=values,
        params=trial.parameters,
        distributions={path: search.parameters[path].distribution for path in trial.parameters},
        user_attrs={FINGERPRINT: trial.fingerprint},
        intermediate_values={int(row["epoch"]): row[metric] for row in rows},
    )


def _values(trial: SearchTrial, objectives: Sequence[Objective]) -> list[float] | None:
    if trial.state != "finished":
        return None
    last = trial.rows()[-1]
    return [last[METRICS[objective]] for objective in objectives]
