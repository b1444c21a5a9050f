"""The best settings of each arm, for the other arms to try."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rin_core.config import Config
from search_spaces.search import Search, as_key
from study.ledger.schema import SearchTrial
from study.ledger.search_record import best_trial


def handed_over(
    search: Search,
    base_of: Callable[[str], Config],
    arms: Iterable[str],
    trials: Sequence[SearchTrial],
    arm: str,
    before: int,
) -> list[dict[str, Any]]:
    """Return the settings of other arms' best trials that an arm has not tried, the best first.

    Args:
        search: The search.
        base_of: Returns the settings of an arm, to which a trial adds its parameters.
        arms: The arms that are searched together.
        trials: The recorded trials of all arms.
        arm: The arm to hand the settings to.
        before: Number of the first trial of each arm that tries settings of others. Only earlier
            trials count, so that all arms exchange what they found by themselves.
    """
    earlier = [trial for trial in trials if trial.number < before]
    found = {
        name: best
        for name in arms
        if (best := best_trial(t for t in earlier if t.arm == name)) is not None
    }
    own = found.pop(arm, None)
    base = base_of(arm)
    tried = {as_key(trial.parameters) for trial in trials if trial.arm == arm}
    handed = []
    for best in sorted(found.values(), key=lambda trial: trial.best, reverse=True):
        point = search.adopt(base, best.parameters, own.parameters if own else {})
        if point is not None and as_key(point) not in tried:
            tried.add(as_key(point))
            handed.append(point)
    return handed
