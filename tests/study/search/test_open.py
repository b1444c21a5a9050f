"""Samplers by name, and those that a search cannot have."""

from __future__ import annotations

import dataclasses

import pytest
from optuna.storages import InMemoryStorage

from search_spaces.space import SpaceError
from study.search import samplers
from study.search.open import ALGORITHMS, check_feedback, check_sampler
from study.search.optuna_store import OptunaSearch
from study.search.samplers import SAMPLERS
from tests.searchers import Recorder, a_search, next_trial, opened


def test_a_sampler_must_exist_and_its_package_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ALGORITHMS.keys() >= SAMPLERS.keys()
    with pytest.raises(SpaceError, match=r"some: sampler = 'best': must be one of tpe, random"):
        check_sampler(a_search(sampler="best"))
    monkeypatch.setattr(samplers, "find_spec", lambda name: None)
    with pytest.raises(SpaceError, match=r"sampler cmaes requires .* pip install cmaes"):
        check_sampler(a_search(sampler="cmaes"))


def test_an_algorithm_that_is_not_one_of_optuna_is_not_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(ALGORITHMS, "mine", OptunaSearch)
    check_sampler(a_search(sampler="mine"))
    check_feedback(a_search(sampler="mine"))


@pytest.mark.parametrize("name", ["gp", "cmaes", "nsga2"])
def test_a_sampler_that_ignores_pruned_trials_is_refused_under_asha(name: str) -> None:
    search = a_search(sampler=name, budget=60)
    with pytest.raises(SpaceError, match=rf"sampler = '{name}'.* set asha = false, or .* tpe"):
        check_feedback(search)
    check_feedback(dataclasses.replace(search, asha=None))
    check_feedback(dataclasses.replace(search, sampler="tpe"))


def test_a_sampler_that_would_only_draw_at_random_is_refused() -> None:
    search = a_search(sampler="nsga2", asha=None, budget=50)
    with pytest.raises(SpaceError, match=r"first 50 trials .* has 50; give --trials 51 or more"):
        check_feedback(search)


@pytest.mark.parametrize("name", ["tpe", "random", "gp", "nsga2"])
def test_samplers_by_name(name: str) -> None:
    book = Recorder()
    searcher, _ = opened(a_search(1, sampler=name), InMemoryStorage(), book, 3)
    for k in range(3):
        book.finish(next_trial(searcher, f"t{k}"), [0.1 * k])
        searcher.on_trial_complete(f"t{k}", {})
    assert len(book.trials) == 3
