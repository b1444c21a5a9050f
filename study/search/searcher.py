"""Which trial comes next: the arm with the fewest trials is asked first."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from study.execution.queue import TrialSource
from study.ledger.schema import SearchTrial
from study.ledger.state import TrialState
from study.search.algorithm import SearchAlgorithm


class TrialStarter(Protocol):
    """Records the start of a trial and describes it to a worker."""

    def is_running(self, arm: str, parameters: Mapping[str, Any]) -> bool:
        """Tell whether another trial trains the same run now."""

    def start(self, arm: str, number: int, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """Record a trial, or find it recorded.

        Returns:
            What a worker needs; None if no configuration can have these parameters together.
        """

    def handed_over(self, arm: str, before: int) -> Sequence[Mapping[str, Any]]:
        """Return what other arms found in trials before a number, and an arm has not tried."""


class RoundRobinSearcher(TrialSource):
    """Gives every arm the same number of trials.

    The last trials of each arm try the best settings of the other arms. They wait until all arms
    have ended their other trials. Where there is nothing to hand over, the arm's algorithm chooses,
    so the number of trials is the same for every arm in any case.

    Args:
        algorithms: Each arm's algorithm, by name.
        recorded: Each arm's trials of earlier sessions; those that are running come first.
        budget: Trials of each arm.
        starter: Records a trial before a worker gets it.
        exchanged: How many trials of each arm try settings of the other arms.
        deadline: Time after which no arm gets more trials than another has, as ``clock`` tells it;
            None waits for the budget.
        clock: Returns the time in seconds.
    """

    ahead = 2  # a waiting trial was proposed without the results of the running ones

    def __init__(
        self,
        algorithms: Mapping[str, SearchAlgorithm],
        recorded: Mapping[str, list[SearchTrial]],
        budget: int,
        starter: TrialStarter,
        exchanged: int = 0,
        deadline: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._algorithms, self._budget, self._starter = algorithms, budget, starter
        self._alone = budget - exchanged
        """Number of each arm's first trial that tries settings of the others."""
        self._deadline, self._clock = deadline, clock
        self._started = {arm: len(recorded[arm]) for arm in algorithms}
        """How many trials of each arm have a number."""
        self._waiting = {
            arm: deque(
                (t.number, t.parameters) for t in recorded[arm] if t.state is TrialState.RUNNING
            )
            for arm in algorithms
        }
        """Numbers and parameters of trials to resume, and of those whose run is training."""
        self._running: dict[str, tuple[str, int]] = {}
        """Arm and number of each trial by Ray's name."""

    def propose(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next trial, None to be asked again later, or the end of the search."""
        arms = self._order()
        for arm in arms:
            waiting = self._waiting[arm]
            if waiting:
                number, parameters = waiting.popleft()
            else:
                point = None
                if self._started[arm] >= self._alone:
                    if not self._ended_alone():
                        continue
                    point = next(iter(self._starter.handed_over(arm, self._alone)), None)
                self._started[arm] += 1
                number, parameters = self._algorithms[arm].ask(point)
            if self._starter.is_running(arm, parameters):
                waiting.append((number, parameters))
                continue  # another arm need not wait
            run = self._starter.start(arm, number, parameters)
            if run is None:
                return None
            self._running[trial_id] = arm, number
            return {"run": run}
        return None if arms else str(self.FINISHED)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Report an epoch after which the trial continues."""
        arm, number = self._running[trial_id]
        self._algorithms[arm].report(number, int(result["epoch"]), result["best_dev_f1"])

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Forget Ray's name of a trial that ended; the recorder tells the algorithm."""
        super().on_trial_complete(trial_id, result, error)
        del self._running[trial_id]

    def _ended_alone(self) -> bool:
        """Tell whether every arm has ended the trials that come before the exchange."""
        waiting = [number for queue in self._waiting.values() for number, _ in queue]
        unfinished = [*waiting, *(number for _, number in self._running.values())]
        return min(self._started.values()) >= self._alone and all(
            number >= self._alone for number in unfinished
        )

    def _order(self) -> list[str]:
        """Return the arms to ask: those with waiting trials, then those with the fewest trials."""
        late = self._deadline is not None and self._clock() >= self._deadline
        most = min(self._budget, max(self._started.values())) if late else self._budget
        waiting = [arm for arm, trials in self._waiting.items() if trials]
        others = [arm for arm, n in self._started.items() if arm not in waiting and n < most]
        return waiting + sorted(others, key=lambda arm: self._started[arm])
