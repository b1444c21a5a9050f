"""Optuna's samplers: how each is made, and what a search must give it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import optuna
from optuna.samplers import BaseSampler

from search_spaces.search import Search


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """A sampler, and how it differs from the others."""

    make: Callable[[int], BaseSampler]
    """Makes it from a seed."""
    allows_pruning: bool = False
    """Whether ASHA may prune: of Optuna's, TPE alone learns from pruned trials, and the others from
    finished ones. Random draws learn from none."""
    objectives: int = 2
    """The most objectives that it optimises."""
    random_trials: int = 0
    """Trials that it draws at random before it learns from any, if there are many."""
    takes_constraints: bool = True
    """Whether it can propose a trial while every trial violates a constraint."""
    package: str = ""
    """The package that it needs and Optuna does not install."""

    def is_installed(self) -> bool:
        """Tell whether the package that it needs is there."""
        return not self.package or find_spec(self.package) is not None


#: By the name that a space gives.
SAMPLERS: Mapping[str, Sampler] = {
    "tpe": Sampler(
        make=lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True),
        allows_pruning=True,
    ),
    "random": Sampler(
        make=lambda seed: optuna.samplers.RandomSampler(seed=seed), allows_pruning=True
    ),
    # The points of a grid are enqueued (Search.first_points). Optuna's GridSampler goes by trial
    # numbers: a first point of our own hides one of the grid's, and a parameter without effect
    # repeats a point once for each of its values.
    "grid": Sampler(
        make=lambda seed: optuna.samplers.RandomSampler(seed=seed), allows_pruning=True
    ),
    "gp": Sampler(
        make=lambda seed: optuna.samplers.GPSampler(seed=seed),
        takes_constraints=False,
    ),
    "cmaes": Sampler(
        make=lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
        objectives=1,
        package="cmaes",
    ),
    "nsga2": Sampler(
        make=lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
        random_trials=50,  # its first generation
    ),
}


def make_sampler(search: Search, arm: str, started: int) -> BaseSampler:
    """Return the search's sampler for an arm.

    A sampler that resumed with its first seed would draw its first points again, so the seed
    depends on the number of trials started before.
    """
    place = [a.name for a in search.every_arm()].index(arm)
    seed = int(np.random.SeedSequence([search.seed, place, started]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return SAMPLERS[search.sampler].make(seed)
