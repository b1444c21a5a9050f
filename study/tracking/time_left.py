"""How long a session will still take, from the epochs of its trials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean


@dataclass(slots=True)
class TimeLeft:
    """An estimate that is there from the first epoch on, and not only after the first trial.

    A trial is expected to take as many epochs as the trials that ended, or else its limit. An
    epoch is expected to take as long as those of this session: an earlier one may have had
    another machine, or other work beside it.

    Args:
        earlier: Epochs and seconds of the study's trials that ended in earlier sessions.
    """

    earlier: Sequence[tuple[int, float]] = ()
    _seconds: dict[str, list[float]] = field(default_factory=dict)
    """Of each epoch in this session, by trial."""
    _ended: list[int] = field(default_factory=list)
    """Epochs of the trials that ended, those before this session included."""

    def add_epoch(self, trial: str, seconds: float) -> None:
        """Count an epoch of this session."""
        self._seconds.setdefault(trial, []).append(seconds)

    def add_end(self, epochs: int) -> None:
        """Count a trial that finished or was pruned after so many epochs."""
        self._ended.append(epochs)

    def seconds(self, waiting: int, limit: float, running: Mapping[str, int]) -> float | None:
        """Return the seconds of training that are left; None before any epoch.

        Args:
            waiting: Trials that have not started.
            limit: Most epochs of a trial.
            running: Epochs behind each running trial.
        """
        known = list(self._seconds.values())  # a copy: another thread draws the screen
        usual = _mean(s for seconds in known for s in _without_first(seconds))
        if usual is None:
            usual = self._earlier_mean()
        if usual is None:
            return None
        expected = _mean([*self._ended, *(epochs for epochs, _ in self.earlier)]) or limit
        left = waiting * expected * usual
        for trial, done in running.items():
            own = _mean(_without_first(self._seconds.get(trial, [])))
            left += max(0.0, expected - done) * (usual if own is None else own)
        return left

    def _earlier_mean(self) -> float | None:
        """Return the mean seconds of an epoch in earlier sessions."""
        epochs = sum(count for count, _ in self.earlier)
        return sum(seconds for _, seconds in self.earlier) / epochs if epochs else None


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return fmean(known) if known else None


def _without_first(seconds: Sequence[float]) -> Sequence[float]:
    """Leave out the first epoch where there are more: it also compiles and fills caches."""
    return seconds[1:] or seconds
