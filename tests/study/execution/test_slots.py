"""How runs get slots: those of a grid in their order, as many at once as fit on a cluster."""

from __future__ import annotations

import itertools

from ray.tune.search import ConcurrencyLimiter

from study.execution.queue import ConcurrencyUpdater, QueueSearcher


def test_planned_runs_come_once_and_in_order_under_no_more_names_than_asked() -> None:
    runs = [{"fingerprint": name, "config": {"k": [1, 2]}} for name in "cab"]
    searcher = QueueSearcher(runs)
    given = [searcher.suggest(f"ray-{n}") for n in range(4)]
    described = [one["run"] for one in given[:3] if isinstance(one, dict)]
    assert described == runs
    assert described[0] is runs[0], "a copy for each trial is what a grid costs"
    assert given[3] == QueueSearcher.FINISHED == searcher.suggest("ray-4")
    searcher.on_trial_result("ray-0", {"dev_f1": 0.5})
    searcher.on_trial_complete("ray-0", error=True)  # a failed run is Ray's to try again
    assert searcher.suggest("ray-5") == QueueSearcher.FINISHED


def test_a_cluster_that_grows_is_used_and_one_that_shrinks_is_not_crowded() -> None:
    room, now = [1], [0.0]
    runs = ({"fingerprint": str(n)} for n in range(9))
    limited = ConcurrencyLimiter(QueueSearcher(runs), max_concurrent=7)
    growth = ConcurrencyUpdater(limited, lambda: room[0], clock=lambda: now[0])

    def begun(step: int) -> int:
        growth.on_step_begin(step, [])
        asked = (limited.suggest(f"ray-{step}-{n}") for n in range(9))
        return len(list(itertools.takewhile(bool, asked)))

    assert begun(1) == 1
    room[0] = 4
    assert begun(2) == 0, "Ray is asked every few seconds"
    now[0] = 10.0
    assert begun(3) == 3
    room[0], now[0] = 2, 20.0
    limited.on_trial_complete("ray-1-0")
    assert begun(4) == 0
