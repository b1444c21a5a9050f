"""The best settings of each arm, for the other arms to try."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rin_core.config import Config
from search_spaces.search import Search, as_key
from study.ledger.pareto import front
from study.ledger.schema import SearchTrial
from study.ledger.search_record import ranked_trials


def handed_over(
    search: Search,
    base_of: Callable[[str], Config],
    arms: Iterable[str],
    trials: Sequence[SearchTrial],
    arm: str,
    before: int,
) -> list[dict[str, Any]]:
    """Return the settings of other arms' best trials that an arm has not tried, the best first.

    The best trials of an arm in a search with two objectives are its front.

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
    found = {name: _best(search, [t for t in earlier if t.arm == name]) for name in arms}
    own = next(iter(found.pop(arm, [])), None)
    base = base_of(arm)
    tried = {as_key(trial.parameters) for trial in trials if trial.arm == arm}
    handed = []
    others = [trial for trials_of_arm in found.values() for trial in trials_of_arm]
    for best in sorted(others, key=lambda trial: trial.best, reverse=True):
        point = search.adopt(base, best.parameters, own.parameters if own else {})
        if point is not None and as_key(point) not in tried:
            tried.add(as_key(point))
            handed.append(point)
    return handed


def _best(search: Search, trials: Sequence[SearchTrial]) -> list[SearchTrial]:
    return ranked_trials(trials)[:1] if search.cost is None else front(trials, search.cost)
