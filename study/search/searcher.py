"""Ray Tune's searchers and scheduler: which trial is next, and which is hopeless.

A grid's units come in their order (:class:`InOrder`). Of a search, each arm has Ray's own
``OptunaSearch`` with a study of its own, and Ray's own ``ASHAScheduler``, which compares a trial
with its arm's alone. :class:`EqualBudgets` always asks the arm with the fewest trials;
:class:`Rungs` hands every result to its arm. Both name a trial by arm and number, which outlive
Ray's names for it, so that a search that is started again goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import optuna
from optuna.storages import BaseStorage
from optuna.trial import Trial as OptunaTrial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search.optuna import OptunaSearch

from rin_core.config import Config
from search_spaces.search import Asha, Search, as_key
from study.execution.queue import StatelessSearcher
from study.ledger.search_record import SearchTrial
from study.search.optuna_store import (
    FINGERPRINT,
    METRICS,
    conclude,
    directions,
    drop_what_the_record_lacks,
    make_sampler,
    reconcile,
    reopen,
    report,
    suggest_from,
)


class Book(Protocol):
    """Who keeps the record, and knows what a trial is beyond its parameters."""

    def begin(
        self, arm: str, number: int, parameters: Mapping[str, Any]
    ) -> tuple[SearchTrial, dict[str, Any] | None] | None:
        """Record a trial, or find it recorded.

        Returns:
            The trial and what a worker needs to run it, which is None where no configuration can
            have these parameters together; None alone while another trial runs the same unit.
        """

    def conclude(
        self, arm: str, number: int, *, stopped: int | None, error: bool
    ) -> SearchTrial | None:
        """Record what became of a trial; None where it will go on another time.

        Args:
            arm: Its arm.
            number: Its number there.
            stopped: Epoch after which the scheduler stopped it, if it did.
            error: Whether it ended by an error, on the last try too.
        """


class ArmSearch(OptunaSearch):  # type: ignore[misc]
    """One arm's Optuna study.

    Ray's class takes trials that its scheduler stopped for complete ones, counts epochs anew in
    a second session and knows nothing of trials that a killed driver left behind.

    Args:
        search: The space, and how it is sampled.
        name: The arm.
        base: The arm's settings.
        storage: Where the study is.
        study_name: Its name there.
        recorded: The arm's trials so far.
    """

    def __init__(
        self,
        search: Search,
        name: str,
        base: Config,
        storage: BaseStorage,
        study_name: str,
        recorded: Sequence[SearchTrial],
    ) -> None:
        self.search, self.name = search, name
        arm = [a.name for a in search.every_arm()].index(name)
        metrics, modes = [METRICS[o] for o in search.objectives], directions(search)
        single = len(metrics) == 1
        drop_what_the_record_lacks(storage, study_name, recorded)
        super().__init__(
            space=lambda trial: search.sample(base, suggest_from(trial)),
            metric=metrics[0] if single else metrics,
            mode=modes[0] if single else modes,
            sampler=make_sampler(search, arm, len(recorded)),
            storage=storage,
            study_name=study_name,
        )
        self.waiting = reconcile(self.study, recorded, search)
        self._first = {as_key(point): point for point in search.first_points(base)}

    @property
    def study(self) -> optuna.Study:
        """Return the study itself."""
        study: optuna.Study = self._ot_study
        return study

    def begun(self) -> int:
        """Return how many trials have a number, whatever became of them."""
        trials = self.study.get_trials(deepcopy=False)
        return sum(trial.state != optuna.trial.TrialState.WAITING for trial in trials)

    def running(self, trial_id: str) -> OptunaTrial:
        """Return the Optuna trial of a Ray trial."""
        trial: OptunaTrial = self._ot_trials[trial_id]
        return trial

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """Go on with a trial that waits, else ask for a new one."""
        if self.waiting:
            self._ot_trials[trial_id] = reopen(self.study, self.waiting.pop(0))
        else:
            self._enqueue()
        parameters: dict[str, Any] = super().suggest(trial_id)
        return parameters

    def _enqueue(self) -> None:
        """Have Optuna take the next of the points that come before its sampler's."""
        for frozen in self.study.get_trials(deepcopy=False):
            self._first.pop(as_key(frozen.params), None)
        if self._first:
            # A kill may have left it enqueued.
            self.study.enqueue_trial(next(iter(self._first.values())), skip_if_exists=True)

    def put_back(self, trial_id: str) -> None:
        """Let a trial wait: it cannot run yet."""
        self.waiting.append(self._ot_trials.pop(trial_id).number)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Report an epoch under its own number."""
        report(self.running(trial_id), [result], self.search.objectives)

    def end(self, trial_id: str, trial: SearchTrial) -> None:
        """Tell Optuna what became of a trial."""
        conclude(self._ot_trials.pop(trial_id), trial, self.search.objectives)


@dataclass(frozen=True, slots=True)
class _Named:
    """All that ASHA wants of a trial."""

    trial_id: str


class Rungs(FIFOScheduler):  # type: ignore[misc]
    """Each arm's own ASHA, which remembers the rungs of earlier sessions.

    Args:
        max_epochs: Most epochs of a trial, by arm.
        asha: None stops nobody.
    """

    def __init__(self, max_epochs: Mapping[str, int], asha: Asha | None) -> None:
        super().__init__()
        self._arms = {arm: _scheduler(asha, most) for arm, most in max_epochs.items()}
        self.stopped: dict[str, int] = {}
        """The epoch after which a trial was stopped, by Ray's name of it."""

    def remember(self, trial: SearchTrial, epochs: int) -> None:
        """Fill the rungs that a trial reached; its decisions are made already."""
        named = _Named(trial.name)
        self._arms[trial.arm].on_trial_add(None, named)
        for row in trial.rows()[:epochs]:
            self._arms[trial.arm].on_trial_result(None, named, row)

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Take nothing from the tuner: every arm's scheduler has its metric."""
        return True

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Pass on that a trial begins, or is started again."""
        self._arm(trial).on_trial_add(tune_controller, _named(trial))

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Ask the arm's scheduler; but what is finished already goes on to its end for nothing."""
        decision = self._arm(trial).on_trial_result(tune_controller, _named(trial), result)
        if decision != TrialScheduler.STOP or trial.config["unit"]["finished"]:
            return str(TrialScheduler.CONTINUE)
        self.stopped[trial.trial_id] = int(result["epoch"])
        return str(TrialScheduler.STOP)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Pass on an end."""
        self._arm(trial).on_trial_complete(tune_controller, _named(trial), result)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Pass on that a trial never ran."""
        self._arm(trial).on_trial_remove(tune_controller, _named(trial))

    def _arm(self, trial: Any) -> TrialScheduler:
        return self._arms[trial.config["unit"]["arm"]]


def _named(trial: Any) -> _Named:
    return _Named(trial.config["unit"]["trial"])


def _scheduler(asha: Asha | None, max_epochs: int) -> TrialScheduler:
    if asha is None:
        return FIFOScheduler()
    return ASHAScheduler(
        time_attr="epoch",
        metric=METRICS["dev_f1"],
        mode="max",
        max_t=max_epochs - 1,  # who has come to the last epoch is not stopped there
        grace_period=asha.grace_period,
        reduction_factor=asha.reduction_factor,
        stop_last_trials=False,
    )


class EqualBudgets(StatelessSearcher):
    """Ask the arm with the fewest trials, until each has its budget.

    Args:
        arms: Each arm's search, by name.
        budget: Trials of each arm.
        rungs: The scheduler, which knows whom it stopped.
        book: Keeps the record.
        deadline: Time after which no arm gets more trials than another has;
            see ``clock``. None waits for the budget.
        clock: Tells the time, in seconds.
    """

    ahead = 2  # who waits was chosen without what the running trials will show

    def __init__(
        self,
        arms: Mapping[str, ArmSearch],
        budget: int,
        rungs: Rungs,
        book: Book,
        deadline: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        first = next(iter(arms.values()))
        super().__init__(metric=first.metric, mode=first.mode)
        self._arms, self._budget, self._rungs, self._book = arms, budget, rungs, book
        self._deadline, self._clock = deadline, clock
        self._running: dict[str, str] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next trial, None to ask again later, or the end of the search."""
        names = self._in_turn()
        for name in names:
            arm = self._arms[name]
            parameters = arm.suggest(trial_id)
            begun = self._book.begin(name, arm.running(trial_id).number, parameters)
            if begun is None:
                arm.put_back(trial_id)  # and another arm need not wait with it
                continue
            trial, work = begun
            if work is None:
                arm.end(trial_id, trial)
                return None
            arm.running(trial_id).set_user_attr(FINGERPRINT, trial.fingerprint)
            self._running[trial_id] = name
            return {"unit": work}
        return None if names else str(self.FINISHED)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Pass on an epoch after which the trial goes on."""
        self._arms[self._running[trial_id]].on_trial_result(trial_id, result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Record what became of a trial, then tell Optuna."""
        arm = self._arms[self._running.pop(trial_id)]
        stopped = self._rungs.stopped.get(trial_id)
        number = arm.running(trial_id).number
        ended = self._book.conclude(arm.name, number, stopped=stopped, error=error)
        if ended is not None:
            arm.end(trial_id, ended)

    def _in_turn(self) -> list[str]:
        """Return whose turn it is: who has trials to go on with, then who has the fewest."""
        begun = {name: arm.begun() for name, arm in self._arms.items()}
        late = self._deadline is not None and self._clock() >= self._deadline
        most = min(self._budget, max(begun.values())) if late else self._budget
        waiting = [name for name, arm in self._arms.items() if arm.waiting]
        others = [name for name in begun if name not in waiting and begun[name] < most]
        return waiting + sorted(others, key=lambda name: begun[name])
