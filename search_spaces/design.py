"""Quasi-random points of a search space, the same for every arm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)


def quasi_random_points(
    distributions: Mapping[str, BaseDistribution], count: int, seed: int
) -> list[dict[str, Any]]:
    """Return points that cover a space evenly: a scrambled Halton sequence.

    The first points of a longer sequence are those of a shorter one.

    Args:
        distributions: By name of the parameter.
        count: How many points.
        seed: Of the scrambling.

    Returns:
        Values by name, for each point.

    Examples:
        >>> from optuna.distributions import IntDistribution
        >>> points = quasi_random_points({"k": IntDistribution(0, 9)}, 10, seed=0)
        >>> sorted(point["k"] for point in points)
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    if not count:
        return []
    from scipy.stats.qmc import Halton  # takes half a second, and no grid needs it

    rows = Halton(d=len(distributions), rng=seed).random(count)
    return [
        {
            path: value_at(d, float(u))
            for (path, d), u in zip(distributions.items(), row, strict=True)
        }
        for row in rows
    ]


def value_at(distribution: BaseDistribution, u: float) -> Any:
    """Return the value of a distribution at a place between 0 and 1.

    Raises:
        TypeError: Optuna has a distribution that this function does not know.
    """
    match distribution:
        case CategoricalDistribution(choices=choices):
            return choices[int(u * len(choices))]
        case FloatDistribution(low=low, high=high, step=float(step)):
            return stepped(low, high, step, int(u * (round((high - low) / step) + 1)))
        case FloatDistribution(low=low, high=high, log=True):
            return min(high, max(low, low * (high / low) ** u))
        case FloatDistribution(low=low, high=high):
            return low + u * (high - low)
        case IntDistribution(low=low, high=high, log=True):
            # Each whole number has the share of the logarithmic scale around it.
            first, last = math.log(low - 0.5), math.log(high + 0.5)
            return min(high, max(low, round(math.exp(first + u * (last - first)))))
        case IntDistribution(low=low, high=high, step=step):
            return low + step * int(u * ((high - low) // step + 1))
    raise TypeError(f"{distribution}: has no value at {u}")


def stepped(low: float, high: float, step: float, k: int) -> float:
    """Return the k-th value of a range with steps, counted from 0, as people write it.

    Examples:
        >>> stepped(0.0, 0.5, 0.1, 3), 0.0 + 0.1 * 3
        (0.3, 0.30000000000000004)
    """
    return min(high, round(low + k * step, 12))
