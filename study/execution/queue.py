"""Ray searchers: the base of all of ours, and one that runs a fixed list of trials in order."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from ray.tune import Callback
from ray.tune.search import ConcurrencyLimiter, Searcher


class TrialSource(Searcher):  # type: ignore[misc]
    """A searcher whose state is not saved by Ray: the ledger and Optuna's storage have it."""

    ahead: ClassVar[int]
    """Trials that may wait for new nodes, where a cluster can grow."""

    def __init__(self) -> None:
        super().__init__(metric="best_dev_f1", mode="max")
        self._exhausted, self._open = False, set[str]()

    @abstractmethod
    def propose(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next trial, None to be asked again later, or ``FINISHED``."""

    @property
    def completed(self) -> bool:
        """Tell whether every trial was proposed and has ended; an interruption leaves some."""
        return self._exhausted and not self._open

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next trial to Ray."""
        proposed = self.propose(trial_id)
        self._exhausted = proposed == self.FINISHED
        if isinstance(proposed, dict):
            self._open.add(trial_id)
        return proposed

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Note the end of a trial; the recorder handles it."""
        self._open.discard(trial_id)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Ignore results."""

    def __getstate__(self) -> dict[str, Any]:
        """Save nothing: Ray saves its tuner with the searcher, and nothing reads that back."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Save nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing: a new tuner resumes a study."""

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Save nothing."""

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """Accept what Ray requires; the trials do not come from the tuner."""
        return True


class QueueSearcher(TrialSource):
    """Proposes runs one after another.

    ``tune.grid_search`` copies the whole grid for every trial that starts. That is a quarter of
    the driver's time at 300 runs and grows with their square.

    Args:
        runs: What a worker needs of each run, the most urgent first.
        deadline: No run starts after this time of the monotonic clock.
    """

    ahead = 16

    def __init__(self, runs: Iterable[dict[str, Any]], deadline: float = math.inf) -> None:
        super().__init__()
        self._left, self._deadline = iter(runs), deadline

    def propose(self, trial_id: str) -> dict[str, Any] | str:
        """Return the next run, or the end."""
        run = next(self._left, None) if time.monotonic() < self._deadline else None
        return {"run": run} if run is not None else str(self.FINISHED)


SECONDS_BETWEEN_UPDATES = 5.0


class ConcurrencyUpdater(Callback):  # type: ignore[misc]
    """Adapts the number of trials at once to a cluster whose nodes join and leave.

    Tune takes that number as fixed. An autoscaler adds nodes only if trials wait for them.

    Args:
        limiter: Holds the number, which is updated at once.
        capacity: Returns the number.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        limiter: ConcurrencyLimiter,
        capacity: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limiter, self._capacity, self._clock = limiter, capacity, clock
        self._next = 0.0
        self._update()

    def __getstate__(self) -> dict[str, Any]:
        """Save nothing: Ray saves its tuner with the callbacks, and nothing reads that back."""
        return {}

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Update the number every few seconds."""
        if self._clock() >= self._next:
            self._update()

    def _update(self) -> None:
        self._limiter.max_concurrent = self._capacity()
        self._next = self._clock() + SECONDS_BETWEEN_UPDATES
