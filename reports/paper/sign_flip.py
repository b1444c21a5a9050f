"""The seeds that the sign-flip test needs, as ``python -m benchmarks.sign_flip`` simulated them."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

#: Not part of an installed wheel.
FILE = Path(__file__).parents[2] / "benchmarks" / "results" / "sign_flip.csv"
COLUMNS = ("tests", "effect", "seeds")
#: The most seeds that are simulated.
MOST = 200
Curve = tuple[tuple[float, float], ...]
"""Effects, ascending, each with its seeds; infinite if 200 are not enough."""


def read_seeds(path: Path = FILE) -> Mapping[int, Curve]:
    """Return the curve of each number of tests; nothing without the file."""
    if not path.exists():
        return {}
    curves: dict[int, list[tuple[float, float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            seeds = float(row["seeds"]) if row["seeds"] else math.inf
            curves.setdefault(int(row["tests"]), []).append((float(row["effect"]), seeds))
    return {tests: tuple(sorted(curve)) for tests, curve in curves.items()}


def seeds_for(curve: Curve, effect: float) -> float:
    """Return how many seeds find an effect in 80 % of studies, between simulated effects.

    Args:
        curve: Of one number of tests.
        effect: The true mean, in standard deviations of one pair's difference.

    Returns:
        Infinite if it exceeds :data:`MOST`.

    Examples:
        >>> curve = ((0.5, math.inf), (1.0, 12.0), (2.0, 6.0))
        >>> [seeds_for(curve, effect) for effect in (0.7, 1.0, 1.5, 9.0)]
        [inf, 12.0, 9.0, 6.0]
    """
    enough = [(math.log(at), seeds) for at, seeds in curve if math.isfinite(seeds)]
    if not enough or effect <= 0 or math.log(effect) < enough[0][0]:
        return math.inf
    at, seeds = zip(*enough, strict=True)
    return float(math.ceil(np.interp(math.log(effect), at, seeds)))
