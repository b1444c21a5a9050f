"""How many seeds the sign-flip test needs to find an effect.

    python -m benchmarks.sign_flip

The reports name it beside their own test, because it assumes no distribution. It pairs runs by
seed, and p is the share of sign flips of the pairs' differences whose mean is at least as large.
Five pairs have 32 sign flips, so p is never below 0.0625. The simulation draws studies of normal
differences. Their true mean is an *effect*, in standard deviations of one pair. A study rejects if
p is below 0.05 divided by the number of tests that share Holm's correction. The reports read the
seeds that reject in 80 % of the studies from the file that it writes:
benchmarks/results/sign_flip.csv.
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
#: Most pairs of which all sign flips are tried; of more pairs, random ones are.
EXACT = 10
RANDOM_SIGNS = 2_000
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Simulate how many seeds the sign-flip test needs to find an effect."""

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
    """Return all sign flips of a few pairs; of more pairs, the data's own and random ones."""
    if pairs <= EXACT:
        return all_signs(pairs)
    drawn = np.random.default_rng(pairs).choice((1.0, -1.0), size=(RANDOM_SIGNS - 1, pairs))
    return np.concatenate([np.ones((1, pairs)), drawn])


@functools.cache
def deviates(studies: int) -> Floats:
    """Return random deviates [studies, seeds], the same at every effect: power grows with both."""
    return np.random.default_rng(0).normal(size=(studies, MOST))


@functools.cache
def p_values(studies: int, effect: float, seeds: int) -> Floats:
    """Return p of each simulated study with an effect and a number of seeds."""
    return sign_flip_p(effect + deviates(studies)[:, :seeds], signs_of(seeds))


def needed(studies: int, effect: float, tests: int) -> int | None:
    """Return the fewest seeds that reject in 80 % of the studies; ``None`` if none do."""
    low, high = 0, len(SEEDS)
    while low < high:
        middle = (low + high) // 2
        if (p_values(studies, effect, SEEDS[middle]) < LEVEL / tests).mean() >= POWER:
            high = middle
        else:
            low = middle + 1
    return SEEDS[low] if low < len(SEEDS) else None


def main(options: Options) -> None:
    """Simulate, and write the seeds of each effect and number of tests."""
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / FILE.name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for tests, effect in itertools.product(TESTS, EFFECTS):
            writer.writerow([tests, effect, needed(options.studies, effect, tests) or ""])
    Console().print(f"written to {path}", markup=False)


if __name__ == "__main__":
    run(Options, main, "sign_flip")
