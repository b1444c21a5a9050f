"""How long runs will take, from the finished runs of the ledger."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from study.ledger.ledger import Ledger
from study.ledger.schema import Result
from study.planning.grid import PlannedTrial


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEstimate:
    """The time that trials need to their epoch limit."""

    seconds: tuple[float, ...]
    """Of each trial that the estimate covers, in the order in which they start."""
    runs: int
    """Finished runs that it is based on."""
    unknown: tuple[str, ...]
    """Arms without a finished run on the corpus: their trials are not covered."""

    def elapsed(self, slots: int) -> float:
        """Return the seconds until all have ended, if so many run at once.

        A trial starts when another has ended.
        """
        ends = [0.0] * max(1, slots)
        for seconds in self.seconds:
            heapq.heapreplace(ends, ends[0] + seconds)
        return max(ends)


def estimate_time(ledger: Ledger, trials: Sequence[PlannedTrial]) -> TimeEstimate:
    """Estimate the time of trials: the mean seconds of an epoch times the epochs they have left.

    Args:
        ledger: Its finished runs of the same arm on the same corpus are the basis.
        trials: Those without a result.
    """
    finished: defaultdict[tuple[str, str], dict[str, Result]] = defaultdict(dict)
    wanted = {(t.trial.arm, t.corpus_name) for t in trials}
    studies = [study for name in ledger.studies() if (study := ledger.study(name))]
    for study in studies:
        for run in study.trials:
            key = (run.arm, study.corpus)
            if key in wanted and (result := ledger.run(run.fingerprint).result()) is not None:
                finished[key][run.fingerprint] = result
    seconds, used = list[float](), set[str]()
    unknown: dict[str, None] = {}
    for planned in trials:
        known = finished[planned.trial.arm, planned.corpus_name]
        if not known:
            unknown[planned.trial.arm] = None
            continue
        epochs = sum(len(result.history) for result in known.values())
        mean = sum(result.seconds for result in known.values()) / epochs
        left = planned.trial.config.training.max_epochs - len(planned.run.history())
        seconds.append(mean * max(0, left))
        used |= known.keys()
    return TimeEstimate(seconds=tuple(seconds), runs=len(used), unknown=tuple(unknown))
