"""Opens the search algorithm that a space names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from search_spaces.search import Search
from search_spaces.space import SpaceError
from study.search.algorithm import ArmSearch, SearchAlgorithm
from study.search.optuna_store import OptunaSearch
from study.search.samplers import SAMPLERS

#: Every algorithm by the name that a space gives as its sampler.
ALGORITHMS: Mapping[str, Callable[[ArmSearch], SearchAlgorithm]] = {
    **dict.fromkeys(SAMPLERS, OptunaSearch),
}


def check_sampler(search: Search) -> None:
    """Check that a search's sampler exists, can run here and takes the objectives.

    Raises:
        SpaceError: It does not exist, needs a package that is not installed, or optimises one
            objective only.
    """
    if search.sampler not in ALGORITHMS:
        raise SpaceError(
            f"{search.name}: sampler = {search.sampler!r}: must be one of {', '.join(ALGORITHMS)}"
        )
    sampler = SAMPLERS.get(search.sampler)
    if sampler is None:  # not one of Optuna's
        return
    if len(search.objectives) > sampler.objectives:
        raise SpaceError(
            f"{search.name}: sampler = {search.sampler!r}: optimizes one objective, and the search "
            "has two; choose another sampler, such as tpe"
        )
    if not sampler.is_installed():
        raise SpaceError(
            f"sampler {search.sampler} requires the package {sampler.package}: "
            f"pip install {sampler.package}"
        )


def check_feedback(search: Search) -> None:
    """Check that a search gives its sampler enough finished trials to learn from.

    Args:
        search: In the size for the corpus, with the pruning that it will have.

    Raises:
        SpaceError: The sampler ignores pruned trials and ASHA prunes, or needs more trials.
    """
    sampler = SAMPLERS.get(search.sampler)
    if sampler is None:
        return
    remedy = "or choose another sampler, such as tpe"
    if search.asha is not None and not sampler.allows_pruning:
        raise SpaceError(
            f"{search.name}: sampler = {search.sampler!r}: learns from finished trials only, and "
            f"ASHA prunes most trials; set asha = false, {remedy}"
        )
    fewest = sampler.random_trials
    if search.budget <= fewest:
        raise SpaceError(
            f"{search.name}: sampler = {search.sampler!r}: draws its first {fewest} trials at "
            f"random, and each arm has {search.budget}; give --trials {fewest + 1} or more, "
            f"{remedy}"
        )


def open_algorithm(arm: ArmSearch) -> SearchAlgorithm:
    """Open the algorithm of one arm, in line with the arm's recorded trials."""
    return ALGORITHMS[arm.search.sampler](arm)
