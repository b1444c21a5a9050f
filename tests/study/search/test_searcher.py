"""The delegating searcher and scheduler with made-up results; Ray is imported, never started."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import TrialState

from rin_core.config import Config
from search_spaces.search import Asha, Parameter, Search
from search_spaces.space import Arm
from study.ledger.search_record import SearchTrial
from study.search.optuna_store import decided, open_storage
from study.search.searcher import ArmSearch, EqualBudgets, Rungs

EPOCHS = 12


def a_search(arms: int = 2, **changes: object) -> Search:
    given: dict[str, Any] = {
        "name": "some",
        "title": "?",
        "arms": tuple(Arm(name=f"arm{k}", label=f"{k}") for k in range(arms)),
        "parameters": {
            "training.learning_rate": Parameter(FloatDistribution(1e-5, 1e-2, log=True)),
            "model.rounds": Parameter(IntDistribution(0, 3)),
            "model.cell": Parameter(
                CategoricalDistribution(["gru", "rnn"]), when={"model.rounds": (1, 2, 3)}
            ),
        },
        "sampler": "random",
        "asha": Asha(grace_period=2, reduction_factor=2),
    }
    return Search(**{**given, **changes})


class Book:
    """A record in memory; what becomes of a trial is set by a test."""

    def __init__(self, one_unit: bool = False) -> None:
        self.trials: dict[tuple[str, int], SearchTrial] = {}
        self.one_unit, self.running = one_unit, set[str]()

    def of(self, arm: str) -> list[SearchTrial]:
        return sorted((t for t in self.trials.values() if t.arm == arm), key=lambda t: t.number)

    def begin(
        self, arm: str, number: int, parameters: Mapping[str, Any]
    ) -> tuple[SearchTrial, dict[str, Any]] | None:
        unit = "one" if self.one_unit else f"{arm}-{number}"
        if unit in self.running:
            return None
        self.running.add(unit)
        fresh = SearchTrial(
            arm=arm, number=number, parameters=dict(parameters), fingerprint=unit, config={}
        )
        trial = self.trials.setdefault((arm, number), fresh)
        return trial, {"arm": arm, "trial": trial.name, "finished": False}

    def conclude(
        self, arm: str, number: int, *, stopped: int | None, error: bool
    ) -> SearchTrial | None:
        trial = self.trials[arm, number]
        self.running.discard(trial.fingerprint)
        if stopped is not None:
            trial.state = "stopped"
            trial.dev_f1, trial.seconds = trial.dev_f1[:stopped], trial.seconds[:stopped]
        return None if trial.state == "running" else trial


def opened(
    search: Search, storage: BaseStorage, book: Book, budget: int, **more: Any
) -> tuple[EqualBudgets, dict[str, ArmSearch], Rungs]:
    rungs = Rungs({arm.name: EPOCHS for arm in search.arms}, search.asha)
    arms = {}
    for arm in search.arms:
        recorded = book.of(arm.name)
        arms[arm.name] = ArmSearch(search, arm.name, Config(), storage, f"x/{arm.name}", recorded)
    return EqualBudgets(arms, budget, rungs, book, **more), arms, rungs


def finish(book: Book, suggested: Mapping[str, Any], curve: list[float]) -> None:
    arm, _, number = suggested["unit"]["trial"].partition(" #")
    trial = book.trials[arm, int(number)]
    trial.state, trial.dev_f1, trial.seconds = "finished", curve, [1.0] * len(curve)


@given(
    arms=st.integers(1, 3), budget=st.integers(1, 4), slots=st.integers(1, 3), seed=st.integers()
)
@settings(deadline=None, max_examples=15)
def test_budgets_are_equal_whatever_ends_first(arms, budget, slots, seed):
    draw, book = random.Random(seed), Book()
    searcher, _, _ = opened(a_search(arms), InMemoryStorage(), book, budget)
    running: dict[str, Any] = {}
    for step in itertools.count():
        if len(running) < slots and (asked := searcher.suggest(f"t{step}")) != "FINISHED":
            running[f"t{step}"] = asked
            counts = [len(book.of(f"arm{k}")) for k in range(arms)]
            assert max(counts) - min(counts) <= 1
            continue
        if not running:
            break
        ended = draw.choice(list(running))
        finish(book, running.pop(ended), [0.1, draw.random()])
        searcher.on_trial_complete(ended, {})
    assert [len(book.of(f"arm{k}")) for k in range(arms)] == [budget] * arms


def test_parameters_that_cannot_be_together_are_a_failed_trial():
    """And the search goes on; without an end they would be asked for again and again."""

    class Refusing(Book):
        def begin(
            self, arm: str, number: int, parameters: Mapping[str, Any]
        ) -> tuple[SearchTrial, dict[str, Any] | None] | None:
            begun = super().begin(arm, number, parameters)
            assert begun is not None
            if number != 1:
                return begun
            begun[0].state = "failed"
            return begun[0], None

    book = Refusing()
    searcher, arms, _ = opened(a_search(1), InMemoryStorage(), book, 3)
    asked = [searcher.suggest(f"t{k}") for k in range(4)]
    assert [a and a["unit"]["trial"] for a in asked[:3]] == ["arm0 #0", None, "arm0 #2"]
    assert asked[3] == "FINISHED"
    assert [t.state for t in arms["arm0"].study.trials] == [
        *(TrialState.RUNNING, TrialState.FAIL, TrialState.RUNNING)
    ]


def test_a_grid_has_every_point_once_over_sessions_though_its_study_is_lost():
    """Twelve values, of which those without rounds have one cell; and one is the start."""
    parameters = {
        "encoder.dropout": Parameter(FloatDistribution(0.1, 0.4, step=0.1)),
        "model.rounds": Parameter(IntDistribution(0, 1)),
        "model.cell": Parameter(
            CategoricalDistribution(["gru", "rnn"]), when={"model.rounds": [1]}
        ),
    }
    search = a_search(1, parameters=parameters, sampler="grid")
    book, storage = Book(), InMemoryStorage()
    for budget, kept in ((3, True), (7, False), (12, True), (13, True)):
        searcher, arms, _ = opened(search, storage if kept else InMemoryStorage(), book, budget)
        for step in itertools.count():
            if (asked := searcher.suggest(f"t{step}")) == "FINISHED":
                break
            assert isinstance(asked, dict)
            finish(book, asked, [0.5])
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


def row(epoch: int, f1: float) -> dict[str, Any]:
    return {"epoch": epoch, "best_dev_f1": f1, "total_seconds": float(epoch)}


def test_optuna_hears_the_truth_about_each_end():
    book, storage = Book(), InMemoryStorage()
    searcher, arms, rungs = opened(a_search(1), storage, book, 4)
    asked = [searcher.suggest(f"t{k}") for k in range(4)]
    for k in range(4):
        searcher.on_trial_result(f"t{k}", row(1, 0.1 * k))
    finish(book, asked[0], [0.0, 0.5, 0.4])
    searcher.on_trial_complete("t0", {})
    stopped = book.trials["arm0", 1]
    stopped.dev_f1, stopped.seconds = [0.1, 0.2, 0.9], [1.0, 1.0, 1.0]
    rungs.stopped["t1"] = 2  # of a unit that another study has trained on
    searcher.on_trial_complete("t1", {})
    book.trials["arm0", 2].state = "failed"
    searcher.on_trial_complete("t2", error=True)
    searcher.on_trial_complete("t3", {})  # interrupted
    trials = arms["arm0"].study.trials
    assert [t.state for t in trials] == [
        *(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING)
    ]
    assert [t.value for t in trials] == [0.5, 0.2, None, None]
    assert trials[0].intermediate_values == {1: 0.0, 2: 0.5, 3: 0.5}
    assert trials[1].user_attrs == {"fingerprint": "arm0-1"}


def test_the_first_trial_is_the_papers_and_no_point_comes_twice_after_a_restart():
    book, storage, search = Book(), InMemoryStorage(), a_search(1)
    for session in range(3):
        searcher, arms, _ = opened(search, storage, book, 4 * (session + 1))
        while (asked := searcher.suggest(f"s{session}-{len(book.trials)}")) != "FINISHED":
            finish(book, asked, [0.1])
            searcher.on_trial_complete(f"s{session}-{len(book.trials) - 1}", {})
    trials = arms["arm0"].study.trials
    assert trials[0].params == search.start(Config())
    assert [t.number for t in trials] == list(range(12))
    assert len({t.params["training.learning_rate"] for t in trials}) == 12


def test_trials_cut_off_go_on_under_their_number_with_their_parameters():
    book, storage, search = Book(), InMemoryStorage(), a_search()
    searcher, arms, _ = opened(search, storage, book, 3)
    for k in range(3):
        searcher.suggest(f"t{k}")
    searcher.on_trial_result("t0", row(1, 0.3))
    half = arms["arm1"].study.ask()  # killed before the record knew of it
    half.suggest_float("training.learning_rate", 1e-5, 1e-2, log=True)
    before = {key: dict(t.parameters) for key, t in book.trials.items()}
    book.running.clear()

    searcher, arms, _ = opened(search, storage, book, 3)
    assert decided(arms["arm0"].study, 0) == 1
    for k in itertools.count():
        if (asked := searcher.suggest(f"u{k}")) == "FINISHED":
            break
        finish(book, asked, [0.3, 0.4])
        searcher.on_trial_complete(f"u{k}", {})
    for arm in ("arm0", "arm1"):
        trials = arms[arm].study.trials
        assert [(t.number, t.state) for t in trials] == [(k, TrialState.COMPLETE) for k in range(3)]
        assert [t.params for t in trials] == [t.parameters for t in book.of(arm)]
    assert all(book.trials[key].parameters == parameters for key, parameters in before.items())
    adopted = book.trials["arm1", half.number].parameters
    assert adopted["training.learning_rate"] == half.params["training.learning_rate"]


@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "running"])
def test_what_optuna_missed_is_made_up_for(state):
    book, search = Book(), a_search(1)
    storage = InMemoryStorage()
    searcher, arms, _ = opened(search, storage, book, 1)
    searcher.suggest("t0")
    trial = book.trials["arm0", 0]
    trial.state, trial.dev_f1, trial.seconds = state, [0.1, 0.4, 0.3], [1.0] * 3
    told = {}
    for name, place in {"behind": storage, "lost": InMemoryStorage()}.items():
        _, arms, _ = opened(search, place, book, 1)
        (told[name],) = arms["arm0"].study.trials
        assert arms["arm0"].waiting == ([0] if state == "running" else [])
    behind, lost = told["behind"], told["lost"]
    assert (behind.state, behind.values, behind.params, behind.intermediate_values) == (
        *(lost.state, lost.values, lost.params, lost.intermediate_values),
    )
    assert lost.user_attrs == {"fingerprint": trial.fingerprint}


def ended(book: Book, storage: BaseStorage, budget: int) -> optuna.Study:
    """Run a search of one arm to its budget and return its study."""
    searcher, arms, _ = opened(a_search(1), storage, book, budget)
    for step in itertools.count():
        if (asked := searcher.suggest(f"t{step}")) == "FINISHED":
            break
        finish(book, asked, [0.1])
        searcher.on_trial_complete(f"t{step}", {})
    assert len(book.trials) == budget
    study = arms["arm0"].study
    assert [t.params for t in study.trials] == [t.parameters for t in book.of("arm0")]
    return study


def test_a_search_whose_record_was_deleted_begins_anew(tmp_path):
    storage = open_storage(tmp_path / "optuna.db")
    book = Book()
    before = ended(book, storage, 2)
    assert ended(book, storage, 3)._study_id == before._study_id, "what agrees is left alone"
    parameters = [t.params for t in before.trials]
    assert [t.params for t in ended(Book(), storage, 2).trials] == parameters[:2]


def test_a_record_that_came_from_elsewhere_counts():
    """Of two ledgers that went on from one trial, one has taken the other's record."""
    here, there, book, theirs = InMemoryStorage(), InMemoryStorage(), Book(), Book()
    mine = ended(book, here, 3).trials
    ended(theirs, there, 1)
    assert ended(theirs, there, 4).trials[1].params != mine[1].params
    ended(theirs, here, 5)


def test_after_the_deadline_no_arm_gets_ahead():
    book, now = Book(), [0.0]
    searcher, _, _ = opened(
        a_search(3), InMemoryStorage(), book, 9, deadline=10.0, clock=lambda: now[0]
    )
    for k in range(4):
        searcher.suggest(f"t{k}")
    now[0] = 11.0
    while searcher.suggest(f"late{len(book.trials)}") != "FINISHED":
        pass
    assert [len(book.of(f"arm{k}")) for k in range(3)] == [2, 2, 2]


def test_a_trial_waits_while_another_runs_its_unit():
    book = Book(one_unit=True)
    searcher, arms, _ = opened(a_search(1), InMemoryStorage(), book, 2)
    first = searcher.suggest("t0")
    assert searcher.suggest("t1") is None
    assert searcher.suggest("t2") is None
    finish(book, first, [0.2])
    searcher.on_trial_complete("t0", {})
    second = searcher.suggest("t3")
    assert second["unit"]["trial"] == "arm0 #1"
    finish(book, second, [0.2])
    searcher.on_trial_complete("t3", {})
    assert searcher.suggest("t4") == "FINISHED"
    assert [t.number for t in arms["arm0"].study.trials] == [0, 1]


def test_other_arms_do_not_wait_with_it():
    class Twins(Book):
        def begin(self, arm: str, number: int, parameters: Mapping[str, Any]) -> Any:
            self.one_unit = arm == "arm0"
            return super().begin(arm, number, parameters)

    searcher, arms, _ = opened(a_search(2), InMemoryStorage(), Twins(), 3)
    begun = [searcher.suggest(f"t{k}") for k in range(5)]
    names = [asked and asked["unit"]["trial"] for asked in begun]
    assert names == ["arm0 #0", "arm1 #0", "arm1 #1", "arm1 #2", None]
    assert arms["arm0"].waiting == [1]


def test_two_objectives_reach_optuna():
    search = a_search(1, asha=None, objectives=("dev_f1", "seconds"), sampler="nsga2")
    book = Book()
    searcher, arms, _ = opened(search, InMemoryStorage(), book, 1)
    asked = searcher.suggest("t0")
    searcher.on_trial_result("t0", row(1, 0.1))
    finish(book, asked, [0.1, 0.6])
    searcher.on_trial_complete("t0", {})
    (trial,) = arms["arm0"].study.trials
    assert trial.values == [0.6, 2.0]


@pytest.mark.parametrize("name", ["tpe", "random", "gp", "nsga2"])
def test_samplers_by_name(name):
    book = Book()
    searcher, _, _ = opened(a_search(1, sampler=name), InMemoryStorage(), book, 3)
    for k in range(3):
        finish(book, searcher.suggest(f"t{k}"), [0.1 * k])
        searcher.on_trial_complete(f"t{k}", {})
    assert len(book.trials) == 3


def ray_trial(arm: str, number: int, finished: bool = False) -> SimpleNamespace:
    unit = {"arm": arm, "trial": f"{arm} #{number}", "finished": finished}
    return SimpleNamespace(trial_id=f"ray-{arm}-{number}", config={"unit": unit})


def trained(rungs: Rungs, trial: Any, curve: list[float]) -> int:
    """Feed a trial's epochs; return after how many it was stopped, or their number."""
    rungs.on_trial_add(None, trial)
    for epoch, best in enumerate(itertools.accumulate(curve, max), start=1):
        if rungs.on_trial_result(None, trial, row(epoch, best)) == "STOP":
            rungs.on_trial_complete(None, trial, row(epoch, best))
            return epoch
    rungs.on_trial_complete(None, trial, row(len(curve), max(curve)))
    return len(curve)


CURVES = st.lists(
    st.lists(st.floats(0, 1), min_size=EPOCHS, max_size=EPOCHS), min_size=2, max_size=8
)


@given(curves=CURVES, cut=st.integers(0, 7))
@settings(deadline=None, max_examples=50)
def test_rungs_remember_what_earlier_sessions_saw(curves, cut):
    asha = Asha(grace_period=2, reduction_factor=2)
    unbroken, again = Rungs({"a": EPOCHS}, asha), Rungs({"a": EPOCHS}, asha)
    lengths = [trained(unbroken, ray_trial("a", k), curve) for k, curve in enumerate(curves)]
    for k, curve in enumerate(curves[:cut]):
        seen = curve[: lengths[k]]
        past = SearchTrial(arm="a", number=k, parameters={}, fingerprint="", config={}, dev_f1=seen)
        past.seconds = [1.0] * len(seen)
        again.remember(past, len(seen))
    after = [
        trained(again, ray_trial("a", k), curve) for k, curve in enumerate(curves[cut:], start=cut)
    ]
    assert after == lengths[cut:]


def test_a_decision_made_before_a_kill_is_not_made_again():
    asha = Asha(grace_period=2, reduction_factor=2)
    poor = [0.1] * EPOCHS
    past = SearchTrial(arm="a", number=0, parameters={}, fingerprint="", config={}, dev_f1=poor[:3])
    past.seconds = [1.0] * 3
    rungs = Rungs({"a": EPOCHS}, asha)
    rungs.remember(past, 3)  # it was alone, and passed epoch 2
    for k in (1, 2):
        trained(rungs, ray_trial("a", k), [0.9] * EPOCHS)
    assert trained(rungs, ray_trial("a", 0), poor) == 4
    fresh = Rungs({"a": EPOCHS}, asha)
    for k in (1, 2):
        trained(fresh, ray_trial("a", k), [0.9] * EPOCHS)
    assert trained(fresh, ray_trial("a", 0), poor) == 2


def test_an_arm_is_judged_by_itself():
    rungs = Rungs({"good": EPOCHS, "bad": EPOCHS}, Asha(grace_period=2, reduction_factor=2))
    for k in range(3):
        trained(rungs, ray_trial("good", k), [0.9] * EPOCHS)
    assert trained(rungs, ray_trial("bad", 0), [0.1] * EPOCHS) == EPOCHS
    assert trained(rungs, ray_trial("good", 3), [0.1] * EPOCHS) == 2
    assert rungs.stopped == {"ray-good-3": 2}


def test_nobody_is_stopped_at_the_last_epoch_or_when_finished_already():
    rungs = Rungs({"a": 8}, Asha(grace_period=2, reduction_factor=2))
    for k in range(2):
        trained(rungs, ray_trial("a", k), [0.9] * 8)
    late = [0.95] * 7 + [0.95]
    assert trained(rungs, ray_trial("a", 2), late) == 8
    assert trained(rungs, ray_trial("a", 3, finished=True), [0.0] * 8) == 8
    assert trained(rungs, ray_trial("a", 4), [0.0] * 8) == 2


def test_without_asha_nobody_is_stopped():
    rungs = Rungs({"a": EPOCHS}, None)
    for k, f1 in enumerate((0.9, 0.8, 0.1)):
        assert trained(rungs, ray_trial("a", k), [f1] * EPOCHS) == EPOCHS
