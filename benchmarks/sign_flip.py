"""How many seeds the sign-flip test of earlier reports would need to find an effect.

    python -m benchmarks.sign_flip

The test pairs runs by seed. It asks how often a mean at least as large would come about if the
sign of each pair's difference were random. Five pairs have 32 signs, so no p is below 0.0625. The
simulation draws studies of normal differences whose true mean is an *effect*, in standard
deviations of one pair. It counts how often the test rejects at 0.05, divided by the number of tests
that share Holm's correction. Reports take the seeds that reject in 80 % of the studies from the
file that it writes: benchmarks/results/sign_flip.csv.
"""

from __future__ import annotations

import csv
import functools
import itertools
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import tyro
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.command import Results, run
from reports.paper.sign_flip import COLUMNS, FILE, MOST

#: True means, in standard deviations of one pair.
EFFECTS = tuple(round(float(effect), 3) for effect in np.geomspace(0.2, 4.0, 40))
#: Numbers of tests that share a correction: up to the five primary contrasts.
TESTS = (1, 2, 3, 4, 5)
SEEDS = (*range(5, 41), *range(45, 101, 5), *range(110, MOST + 1, 10))
LEVEL, POWER = 0.05, 0.8
#: Up to so many pairs, all signs are tried; with more, random ones.
EXACT = 10
RANDOM_SIGNS = 2_000
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Simulate how many seeds the sign-flip test of earlier reports needs to find an effect."""

    studies: Annotated[int, tyro.conf.arg(metavar="N")] = 1000
    """Number of simulated studies of each effect and number of seeds."""
    out: Results = FILE.parent


def all_signs(pairs: int) -> Floats:
    """Return every choice of signs [2 ** pairs, pairs]."""
    return np.array(list(itertools.product((1.0, -1.0), repeat=pairs)))


def sign_flip_p(differences: Floats, signs: Floats) -> Floats:
    """Return the two-sided p of the sign-flip test of each study.

    Args:
        differences: Of pairs [..., pairs].
        signs: Choices of signs [choices, pairs], that of the data among them.
    """
    flipped = np.abs(differences @ signs.T)
    observed = np.abs(differences.sum(axis=-1))
    return np.asarray((flipped >= observed[..., None] - 1e-9).mean(axis=-1))


def signs_of(pairs: int) -> Floats:
    """Return all signs of a few pairs, and random ones of many after those of the data."""
    if pairs <= EXACT:
        return all_signs(pairs)
    drawn = np.random.default_rng(pairs).choice((1.0, -1.0), size=(RANDOM_SIGNS - 1, pairs))
    return np.concatenate([np.ones((1, pairs)), drawn])


class Simulation:
    """Studies with the same random deviates at every effect, so that power grows with both."""

    def __init__(self, studies: int) -> None:
        self.deviates = np.random.default_rng(0).normal(size=(studies, MOST))
        self.p = functools.cache(self._p)

    def _p(self, effect: float, seeds: int) -> Floats:
        return sign_flip_p(effect + self.deviates[:, :seeds], signs_of(seeds))

    def needed(self, effect: float, tests: int) -> int | None:
        """Return the fewest seeds that reject in 80 % of the studies; ``None`` if none do."""
        low, high = 0, len(SEEDS)
        while low < high:
            middle = (low + high) // 2
            if (self.p(effect, SEEDS[middle]) < LEVEL / tests).mean() >= POWER:
                high = middle
            else:
                low = middle + 1
        return SEEDS[low] if low < len(SEEDS) else None


def main(options: Options) -> None:
    """Simulate, and write the seeds of each effect and number of tests."""
    simulation = Simulation(options.studies)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / FILE.name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for tests, effect in itertools.product(TESTS, EFFECTS):
            writer.writerow([tests, effect, simulation.needed(effect, tests) or ""])
    Console().print(f"written to {path}", markup=False)


if __name__ == "__main__":
    run(Options, main, "sign_flip")
