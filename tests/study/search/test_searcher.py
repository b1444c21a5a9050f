"""The searcher of all arms with made-up results; Ray is imported, never started."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from rin_core.config import Config
from search_spaces.search import Parameter, Search
from study.ledger.state import TrialState as State
from tests.searchers import Recorder, a_search, next_trial, opened


@given(
    arms=st.integers(1, 3), budget=st.integers(1, 4), slots=st.integers(1, 3), seed=st.integers()
)
@settings(max_examples=15)
def test_budgets_are_equal_whatever_ends_first(
    arms: int, budget: int, slots: int, seed: int
) -> None:
    draw, book = random.Random(seed), Recorder()
    search = a_search(arms, design_points=2, exchange=True)
    searcher, _ = opened(search, InMemoryStorage(), book, budget)
    running: dict[str, Any] = {}
    for step in itertools.count():
        asked = searcher.suggest(f"t{step}") if len(running) < slots else None
        if isinstance(asked, dict):
            running[f"t{step}"] = asked
            counts = [len(book.of(f"arm{k}")) for k in range(arms)]
            assert max(counts) - min(counts) <= 1
            continue
        if not running:
            assert asked == "FINISHED", "nobody waits for a trial that does not come"
            break
        ended = draw.choice(list(running))
        book.finish(running.pop(ended), [0.1, draw.random()])
        searcher.on_trial_complete(ended, {})
    assert [len(book.of(f"arm{k}")) for k in range(arms)] == [budget] * arms


def test_parameters_that_cannot_be_together_are_a_failed_trial() -> None:
    """And the search goes on; without an end they would be asked for again and again."""

    class Refusing(Recorder):
        def start(
            self, arm: str, number: int, parameters: Mapping[str, Any]
        ) -> dict[str, Any] | None:
            described = super().start(arm, number, parameters)
            if number != 1:
                return described
            trial = self.trials[arm, number]
            trial.state = State.FAILED
            self.algorithms[arm].tell(trial)
            return None

    book = Refusing()
    searcher, arms = opened(a_search(1), InMemoryStorage(), book, 3)
    asked = [searcher.suggest(f"t{k}") for k in range(4)]
    assert asked[1] is None
    names = [trial["run"]["trial"] for trial in asked if isinstance(trial, dict)]
    assert names == ["arm0 #0", "arm0 #2"]
    assert asked[3] == "FINISHED"
    assert not searcher.completed
    assert [t.state for t in arms["arm0"].study.trials] == [
        *(TrialState.RUNNING, TrialState.FAIL, TrialState.RUNNING)
    ]


def test_a_grid_has_every_point_once_over_sessions_though_its_study_is_lost() -> None:
    """Twelve values, of which those without rounds have one cell; and one is the start."""
    parameters = {
        "encoder.dropout": Parameter(FloatDistribution(0.1, 0.4, step=0.1)),
        "model.rounds": Parameter(IntDistribution(0, 1)),
        "model.cell": Parameter(
            CategoricalDistribution(["gru", "rnn"]), when={"model.rounds": (1,)}
        ),
    }
    search = a_search(1, parameters=parameters, sampler="grid")
    book, storage = Recorder(), InMemoryStorage()
    for budget, kept in ((3, True), (7, False), (12, True), (13, True)):
        searcher, arms = opened(search, storage if kept else InMemoryStorage(), book, budget)
        for step in itertools.count():
            if (asked := searcher.suggest(f"t{step}")) == "FINISHED":
                break
            assert isinstance(asked, dict)
            book.finish(asked, [0.5])
            searcher.on_trial_complete(f"t{step}", {})
        assert len(arms["arm0"].study.trials) == budget
    tried = [
        (round(dropout, 9), *rest)
        for dropout, *rest in (trial.parameters.values() for trial in book.of("arm0"))
    ]
    values = [
        (dropout, *rest)
        for dropout in (0.1, 0.2, 0.3, 0.4)
        for rest in ((0,), (1, "gru"), (1, "rnn"))
    ]
    assert sorted(tried[:12]) == sorted(values)
    assert tried[12] in tried[:12]  # of a larger budget the rest is drawn


def test_after_the_deadline_no_arm_gets_ahead() -> None:
    book, now = Recorder(), [0.0]
    searcher, _ = opened(
        a_search(3), InMemoryStorage(), book, 9, deadline=10.0, clock=lambda: now[0]
    )
    for k in range(4):
        searcher.suggest(f"t{k}")
    now[0] = 11.0
    while searcher.suggest(f"late{len(book.trials)}") != "FINISHED":
        pass
    assert [len(book.of(f"arm{k}")) for k in range(3)] == [2, 2, 2]


def test_a_trial_waits_while_another_trains_its_run() -> None:
    book = Recorder(one_run=True)
    searcher, arms = opened(a_search(1), InMemoryStorage(), book, 2)
    first = next_trial(searcher, "t0")
    assert searcher.suggest("t1") is None
    assert searcher.suggest("t2") is None
    book.finish(first, [0.2])
    second = next_trial(searcher, "t3")
    assert second["run"]["trial"] == "arm0 #1"
    book.finish(second, [0.2])
    assert searcher.suggest("t4") == "FINISHED"
    assert [t.number for t in arms["arm0"].study.trials] == [0, 1]


def test_other_arms_do_not_wait_with_it() -> None:
    class Twins(Recorder):
        def run_of(self, arm: str, parameters: Mapping[str, Any]) -> str:
            return "one" if arm == "arm0" else super().run_of(arm, parameters)

    searcher, _ = opened(a_search(2), InMemoryStorage(), Twins(), 3)
    names = [next_trial(searcher, f"t{k}")["run"]["trial"] for k in range(4)]
    assert names == ["arm0 #0", "arm1 #0", "arm1 #1", "arm1 #2"]
    assert searcher.suggest("t4") is None


def run_alone(search: Search, book: Recorder, f1: Callable[[str, int], float], kept: int) -> None:
    """Run a search one trial at a time, in sessions of some trials; Optuna's study is lost."""
    while True:
        searcher, _ = opened(search, InMemoryStorage(), book, search.budget)
        for step in range(kept):
            asked = searcher.suggest(f"t{step}")
            if asked == "FINISHED":
                return
            assert isinstance(asked, dict)
            trial = book.find(asked)
            book.finish(asked, [f1(trial.arm, trial.number)])
            searcher.on_trial_complete(f"t{step}", {})


@pytest.mark.parametrize("kept", [1000, 1], ids=["one session", "cut off after every trial"])
def test_all_arms_try_the_same_points_first_and_last_what_the_others_found(kept: int) -> None:
    search = a_search(3, budget=9, design_points=4, exchange=True)
    best = {"arm0": 3, "arm1": 5, "arm2": 6}

    def f1(arm: str, number: int) -> float:
        return 0.9 + 0.01 * int(arm[-1]) if number == best[arm] else 0.1 + 0.01 * number

    book = Recorder()
    run_alone(search, book, f1, kept)
    arms = [book.of(f"arm{k}") for k in range(3)]
    assert [len(trials) for trials in arms] == [9, 9, 9]
    firsts = [[t.parameters for t in trials[:5]] for trials in arms]
    assert firsts[0] == firsts[1] == firsts[2] == search.first_points(Config())
    found = {arm: book.trials[arm, number].parameters for arm, number in best.items()}
    assert found["arm0"] in firsts[1], "every arm has tried it, so it is handed to none"
    assert found["arm1"] not in firsts[0]
    last = [[t.parameters for t in trials[7:]] for trials in arms]
    assert last[0] == [found["arm2"], found["arm1"]]
    assert (last[1][0], last[2][0]) == (found["arm2"], found["arm1"])


def test_the_exchange_waits_for_the_other_arms() -> None:
    book = Recorder()
    searcher, _ = opened(a_search(2, budget=3, exchange=True), InMemoryStorage(), book, 3)
    asked = [next_trial(searcher, f"t{k}") for k in range(4)]
    assert searcher.suggest("t4") is None
    for k in range(3):
        book.finish(asked[k], [0.5])
        searcher.on_trial_complete(f"t{k}", {})
    assert searcher.suggest("t5") is None, "one trial is missing"
    searcher.on_trial_complete("t3", {}, error=True)  # the next session resumes it
    names = [next_trial(searcher, f"t{k}")["run"]["trial"] for k in (6, 7)]
    assert names == ["arm0 #2", "arm1 #2"]
    assert searcher.suggest("t8") == "FINISHED"
