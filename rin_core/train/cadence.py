"""When to write a checkpoint: rarely where writing takes long, else after every epoch.

A checkpoint of a fine-tuned transformer has gigabytes: its weights, Adam's two moments of each, and
perhaps their average. One is written when the time since the last is :data:`RATIO` times what
writing took, so writing takes at most 5 % of the time. A resumed run repeats the epochs since its
checkpoint, with the same numbers: at most the same time is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Least time between two checkpoints, as a multiple of the time to write one.
RATIO = 20
#: Seconds of writing below which each epoch gets a checkpoint.
CHEAP = 0.5


class Cadence:
    """Measures what writing a checkpoint takes, and tells when the next one is due.

    Args:
        clock: Seconds that only grow.

    Examples:
        >>> now = [0.0]
        >>> cadence = Cadence(lambda: now[0])
        >>> cadence.is_due()  # what it takes is not known yet
        True
        >>> with cadence.writing():
        ...     now[0] = 100.0
        >>> now[0] = 2099.0
        >>> cadence.is_due()
        False
        >>> now[0] = 2100.0
        >>> cadence.is_due()
        True
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cost, self._written = 0.0, 0.0

    def is_due(self) -> bool:
        """Tell whether the epoch that has just ended gets a checkpoint."""
        return self._cost < CHEAP or self._clock() - self._written >= RATIO * self._cost

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure the writing of a checkpoint."""
        started = self._clock()
        yield
        self._written = self._clock()
        self._cost = self._written - started
