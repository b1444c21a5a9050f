"""The Pareto front of a search with two objectives: dev F1 to maximise, a cost to minimise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from study.ledger.schema import SearchTrial
from study.ledger.state import TrialState


def trial_cost(trial: SearchTrial, cost: str) -> float:
    """Return what a trial costs.

    Args:
        trial: An ended trial.
        cost: ``seconds`` of training, or trained ``parameters``.
    """
    return float(sum(trial.seconds) if cost == "seconds" else trial.size or 0)


def front(trials: Iterable[SearchTrial], cost: str) -> list[SearchTrial]:
    """Return the finished trials that no other trial dominates, the best dev F1 first.

    A trial dominates another if it is at least as good in both objectives and better in one. Of
    equal trials the earliest counts. A trial that learned nothing is on no front.
    """
    return next(iter(nondominated_fronts(trials, cost)), [])


def nondominated_fronts(trials: Iterable[SearchTrial], cost: str) -> list[list[SearchTrial]]:
    """Return the front, the front of the other trials, and so on.

    Args:
        trials: Of one arm.
        cost: As in :func:`trial_cost`.
    """
    left = [t for t in trials if t.state is TrialState.FINISHED and t.best > 0]
    left.sort(key=lambda t: (-t.best, trial_cost(t, cost), t.number))
    found = []
    while left:
        layer, rest, cheapest = list[SearchTrial](), list[SearchTrial](), float("inf")
        for trial in left:  # each is at most as good on dev as those before it
            own = trial_cost(trial, cost)
            (layer if own < cheapest else rest).append(trial)
            cheapest = min(cheapest, own)
        found.append(layer)
        left = rest
    return found


def spread(layer: Sequence[SearchTrial], most: int) -> list[SearchTrial]:
    """Return at most so many trials of a front, evenly by their place, with both ends."""
    if most < 1:
        return []
    if len(layer) <= most:
        return list(layer)
    if most == 1:
        return [layer[0]]
    return [layer[round(n * (len(layer) - 1) / (most - 1))] for n in range(most)]
