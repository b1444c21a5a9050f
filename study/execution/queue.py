"""Ray searcher that runs a fixed list of trials in order, and the limit on trials at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from ray.tune import Callback
from ray.tune.search import ConcurrencyLimiter, Searcher


class Growth(Callback):  # type: ignore[misc]
    """Keep how many trials may be at once in step with a cluster whose nodes come and go.

    Tune takes that number for fixed. An autoscaler adds nodes only for trials that wait.

    Args:
        limited: What holds the number; it is brought up to date at once.
        room: Returns what it should be now.
        clock: Tells the time, in seconds.
    """

    def __init__(
        self,
        limited: ConcurrencyLimiter,
        room: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limited, self._room, self._clock = limited, room, clock
        self._look()

    def __getstate__(self) -> dict[str, Any]:
        """Ray saves its tuner with the callbacks; nobody reads that back."""
        return {}

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Look again, every few seconds."""
        if self._clock() >= self._next:
            self._look()

    def _look(self) -> None:
        self._limited.max_concurrent = self._room()
        self._next = self._clock() + SECONDS_BETWEEN_LOOKS


SECONDS_BETWEEN_LOOKS = 5.0


class StatelessSearcher(Searcher):  # type: ignore[misc]
    """A searcher of which Ray saves nothing: what counts is in the ledger and Optuna's storage."""

    ahead: ClassVar[int]
    """Trials that may wait for nodes to join, where a cluster can grow."""

    def __getstate__(self) -> dict[str, Any]:
        """Ray saves its tuner with the searcher; nobody reads that back."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Save nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing: a study goes on by a new tuner."""

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Save nothing; see :meth:`save`."""

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """Take nothing from the tuner: what is to run is decided elsewhere."""
        return True


class InOrder(StatelessSearcher):
    """Ask for planned units one after another.

    ``tune.grid_search`` would do, but copies the whole grid for every trial that it begins, which
    is a quarter of the driver's time at 300 units and grows with their square.

    Args:
        units: What a worker needs of each, the most urgent first.
    """

    ahead = 16

    def __init__(self, units: Iterable[dict[str, Any]]) -> None:
        super().__init__(metric="dev_f1", mode="max")
        self._left = iter(units)

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """Return the next unit, or the end."""
        unit = next(self._left, None)
        return {"unit": unit} if unit is not None else str(self.FINISHED)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Nothing is learnt from results."""

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Nothing is learnt from results."""
