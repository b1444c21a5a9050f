"""The delegating searcher and scheduler with made-up results; Ray is imported, never started."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
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
from search_spaces.space import Arm, SpaceError
from study.ledger.search_record import SearchTrial
from study.ledger.state import TrialState as State
from study.search import optuna_store
from study.search.algorithm import ArmSearch
from study.search.exchange import handed_over
from study.search.open import ALGORITHMS, check_feedback, check_sampler
from study.search.optuna_store import SAMPLERS, OptunaSearch, open_storage
from study.search.scheduler import PerArmASHA
from study.search.searcher import RoundRobinSearcher

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
        "design_points": 0,
        "exchange": False,
    }
    return Search(**{**given, **changes})


def fingerprint_of(arm: str, number: int) -> str:
    return f"{arm[-1]}{number:02}"


class Recorder:
    """A record in memory; a test sets what becomes of a trial, and then ends it."""

    def __init__(self, one_run: bool = False) -> None:
        self.trials: dict[tuple[str, int], SearchTrial] = {}
        self.algorithms: dict[str, OptunaSearch] = {}
        self.one_run, self.running = one_run, set[str]()
        self.search: Search | None = None

    def of(self, arm: str) -> list[SearchTrial]:
        return sorted((t for t in self.trials.values() if t.arm == arm), key=lambda t: t.number)

    def run_of(self, arm: str, parameters: Mapping[str, Any]) -> str:
        return "one" if self.one_run else f"{arm}-{sorted(parameters.items())}"

    def is_running(self, arm: str, parameters: Mapping[str, Any]) -> bool:
        return self.run_of(arm, parameters) in self.running

    def start(self, arm: str, number: int, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        self.running.add(self.run_of(arm, parameters))
        fresh = SearchTrial(
            arm=arm,
            number=number,
            parameters=dict(parameters),
            fingerprint=fingerprint_of(arm, number),
            config={},
        )
        trial = self.trials.setdefault((arm, number), fresh)
        return {"arm": arm, "trial": trial.name, "finished": False}

    def handed_over(self, arm: str, before: int) -> list[dict[str, Any]]:
        assert self.search is not None
        names = [one.name for one in self.search.arms]
        trials = list(self.trials.values())
        return handed_over(self.search, lambda _: Config(), names, trials, arm, before)

    def end(self, suggested: Mapping[str, Any]) -> None:
        """End a trial in the state that it is in."""
        trial = self.find(suggested)
        self.running.discard(self.run_of(trial.arm, trial.parameters))
        if trial.state is not State.RUNNING:
            self.algorithms[trial.arm].tell(trial)

    def find(self, suggested: Mapping[str, Any]) -> SearchTrial:
        arm, _, number = suggested["run"]["trial"].partition(" #")
        return self.trials[arm, int(number)]

    def finish(self, suggested: Mapping[str, Any], curve: list[float]) -> None:
        trial = self.find(suggested)
        trial.state, trial.dev_f1, trial.seconds = State.FINISHED, curve, [1.0] * len(curve)
        self.end(suggested)


def opened(
    search: Search, storage: BaseStorage, recorder: Recorder, budget: int, **more: Any
) -> tuple[RoundRobinSearcher, dict[str, OptunaSearch]]:
    recorded = {arm.name: recorder.of(arm.name) for arm in search.arms}
    recorder.running.clear()
    recorder.search = search
    exchanged = dataclasses.replace(search, budget=budget).exchanged(len(recorded))
    for arm, trials in recorded.items():
        spec = ArmSearch(
            search=search,
            arm=arm,
            base=Config(),
            recorded=trials,
            database=Path("unused"),
            study_name=f"x/{arm}",
        )
        recorder.algorithms[arm] = OptunaSearch(spec, storage)
    algorithms = recorder.algorithms
    return RoundRobinSearcher(algorithms, recorded, budget, recorder, exchanged, **more), algorithms


@given(
    arms=st.integers(1, 3), budget=st.integers(1, 4), slots=st.integers(1, 3), seed=st.integers()
)
@settings(deadline=None, max_examples=15)
def test_budgets_are_equal_whatever_ends_first(arms, budget, slots, seed):
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


def test_parameters_that_cannot_be_together_are_a_failed_trial():
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
    assert [a and a["run"]["trial"] for a in asked[:3]] == ["arm0 #0", None, "arm0 #2"]
    assert asked[3] == "FINISHED"
    assert not searcher.completed
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


def row(epoch: int, f1: float) -> dict[str, Any]:
    return {"epoch": epoch, "best_dev_f1": f1, "total_seconds": float(epoch)}


def test_optuna_is_told_how_each_trial_ended():
    book, storage = Recorder(), InMemoryStorage()
    searcher, arms = opened(a_search(1), storage, book, 4)
    asked = [searcher.suggest(f"t{k}") for k in range(4)]
    for k in range(4):
        searcher.on_trial_result(f"t{k}", row(1, 0.1 * k))
    book.finish(asked[0], [0.0, 0.5, 0.4])
    pruned, failed = book.find(asked[1]), book.find(asked[2])
    pruned.state, pruned.dev_f1, pruned.seconds = State.PRUNED, [0.1, 0.2], [1.0, 1.0]
    failed.state = State.FAILED
    for trial in asked[1:]:
        book.end(trial)  # the last one was interrupted
    trials = arms["arm0"].study.trials
    assert [t.state for t in trials] == [
        *(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING)
    ]
    assert [t.value for t in trials] == [50.0, 20.0, None, None]
    assert trials[0].intermediate_values == {1: 0.0, 2: 50.0, 3: 50.0}
    assert trials[1].user_attrs == {"fingerprint": fingerprint_of("arm0", 1), "epochs": 2}


def test_the_first_trial_is_the_papers_and_no_point_comes_twice_after_a_restart():
    book, storage, search = Recorder(), InMemoryStorage(), a_search(1)
    for session in range(3):
        searcher, arms = opened(search, storage, book, 4 * (session + 1))
        while (asked := searcher.suggest(f"s{session}-{len(book.trials)}")) != "FINISHED":
            book.finish(asked, [0.1])
            searcher.on_trial_complete(f"s{session}-{len(book.trials) - 1}", {})
    trials = arms["arm0"].study.trials
    assert trials[0].params == search.start(Config())
    assert [t.number for t in trials] == list(range(12))
    assert len({t.params["training.learning_rate"] for t in trials}) == 12


def test_trials_that_were_cut_off_resume_under_their_number_with_their_parameters():
    book, storage, search = Recorder(), InMemoryStorage(), a_search()
    searcher, arms = opened(search, storage, book, 3)
    asked = [searcher.suggest(f"t{k}") for k in range(5)]
    book.finish(asked[2], [0.2, 0.1])
    searcher.on_trial_result("t0", row(1, 0.3))
    arms["arm1"].ask()  # killed before the record has it
    before = {key: dict(t.parameters) for key, t in book.trials.items()}
    began = arms["arm0"].study.trials[1].datetime_start

    searcher, arms = opened(search, storage, book, 3)
    assert arms["arm0"].last_reported(0) == 1
    resumed = [searcher.suggest(f"u{k}") for k in range(4)]
    names = [trial["run"]["trial"] for trial in resumed]
    assert names == ["arm0 #0", "arm0 #2", "arm1 #0", "arm1 #1"]
    assert arms["arm0"].study.trials[1].datetime_start == began, "what ended keeps its times"
    for trial in resumed:
        book.finish(trial, [0.3, 0.4])
    for k in itertools.count():
        if (trial := searcher.suggest(f"v{k}")) == "FINISHED":
            break
        book.finish(trial, [0.3, 0.4])
    for arm in ("arm0", "arm1"):
        trials = arms[arm].study.trials
        assert [(t.number, t.state) for t in trials] == [(k, TrialState.COMPLETE) for k in range(3)]
        assert [t.params for t in trials] == [t.parameters for t in book.of(arm)]
        assert trials[0].intermediate_values == {1: 30.0, 2: 40.0}
    assert all(book.trials[key].parameters == parameters for key, parameters in before.items())


@pytest.mark.parametrize("state", [State.FINISHED, State.PRUNED, State.FAILED, State.RUNNING])
def test_what_optuna_lacks_is_taken_from_the_record(state):
    book, search = Recorder(), a_search(1)
    storage = InMemoryStorage()
    searcher, _ = opened(search, storage, book, 1)
    trial = book.find(searcher.suggest("t0"))
    trial.state, trial.dev_f1, trial.seconds = state, [0.1, 0.4, 0.3], [1.0] * 3
    told = {}
    for name, place in {"behind": storage, "lost": InMemoryStorage()}.items():
        searcher, arms = opened(search, place, book, 1)
        (told[name],) = arms["arm0"].study.trials
        again = searcher.suggest("t1")
        assert again == "FINISHED" if state is not State.RUNNING else book.find(again) is trial
    behind, lost = told["behind"], told["lost"]
    assert (behind.state, behind.values, behind.params, behind.intermediate_values) == (
        *(lost.state, lost.values, lost.params, lost.intermediate_values),
    )
    assert lost.user_attrs.get("fingerprint") == trial.fingerprint
    if lost.state.is_finished():
        assert lost.duration == timedelta(seconds=3)


def test_a_number_without_a_record_has_failed_and_shifts_no_other():
    """An older driver was killed between two trials of one arm."""
    book, search = Recorder(), a_search(1)
    searcher, _ = opened(search, InMemoryStorage(), book, 3)
    for k in range(3):
        book.finish(searcher.suggest(f"t{k}"), [0.1 * k])
    del book.trials["arm0", 1]
    storage = InMemoryStorage()
    for _ in range(2):
        searcher, arms = opened(search, storage, book, 2)
        states = [t.state for t in arms["arm0"].study.trials]
        assert states == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE]
        assert searcher.suggest("t3") == "FINISHED"


def ended(book: Recorder, storage: BaseStorage, budget: int) -> optuna.Study:
    """Run a search of one arm to its budget and return its study."""
    searcher, arms = opened(a_search(1), storage, book, budget)
    for step in itertools.count():
        if (asked := searcher.suggest(f"t{step}")) == "FINISHED":
            break
        book.finish(asked, [0.1])
        searcher.on_trial_complete(f"t{step}", {})
    assert searcher.completed
    assert len(book.trials) == budget
    study = arms["arm0"].study
    assert [t.params for t in study.trials] == [t.parameters for t in book.of("arm0")]
    return study


def test_a_study_that_agrees_with_the_record_is_kept(tmp_path):
    storage = open_storage(tmp_path / "optuna.db")
    book = Recorder()
    before = ended(book, storage, 2).trials
    after = ended(book, storage, 3).trials
    assert [t.datetime_complete for t in after[:2]] == [t.datetime_complete for t in before]
    assert after[0] == before[0]


def test_a_search_whose_record_was_deleted_starts_again(tmp_path):
    storage = open_storage(tmp_path / "optuna.db")
    parameters = [t.params for t in ended(Recorder(), storage, 3).trials]
    assert [t.params for t in ended(Recorder(), storage, 2).trials] == parameters[:2]


def test_a_record_from_another_ledger_replaces_the_study():
    """Two ledgers continued from one trial, and one has taken the other's record."""
    here, there, book, theirs = InMemoryStorage(), InMemoryStorage(), Recorder(), Recorder()
    mine = ended(book, here, 3).trials
    ended(theirs, there, 1)
    assert ended(theirs, there, 4).trials[1].params != mine[1].params
    ended(theirs, here, 5)


def test_after_the_deadline_no_arm_gets_ahead():
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


def test_a_trial_waits_while_another_trains_its_run():
    book = Recorder(one_run=True)
    searcher, arms = opened(a_search(1), InMemoryStorage(), book, 2)
    first = searcher.suggest("t0")
    assert searcher.suggest("t1") is None
    assert searcher.suggest("t2") is None
    book.finish(first, [0.2])
    second = searcher.suggest("t3")
    assert second["run"]["trial"] == "arm0 #1"
    book.finish(second, [0.2])
    assert searcher.suggest("t4") == "FINISHED"
    assert [t.number for t in arms["arm0"].study.trials] == [0, 1]


def test_other_arms_do_not_wait_with_it():
    class Twins(Recorder):
        def run_of(self, arm: str, parameters: Mapping[str, Any]) -> str:
            return "one" if arm == "arm0" else super().run_of(arm, parameters)

    searcher, _ = opened(a_search(2), InMemoryStorage(), Twins(), 3)
    started = [searcher.suggest(f"t{k}") for k in range(5)]
    names = [asked and asked["run"]["trial"] for asked in started]
    assert names == ["arm0 #0", "arm1 #0", "arm1 #1", "arm1 #2", None]


def test_a_sampler_must_exist_and_its_package_be_installed(monkeypatch):
    assert ALGORITHMS.keys() >= SAMPLERS.keys()
    with pytest.raises(SpaceError, match=r"some: sampler = 'best': must be one of tpe, random"):
        check_sampler(a_search(sampler="best"))
    monkeypatch.setattr(optuna_store, "find_spec", lambda name: None)
    with pytest.raises(SpaceError, match=r"sampler cmaes requires .* pip install cmaes"):
        check_sampler(a_search(sampler="cmaes"))


@pytest.mark.parametrize("name", ["gp", "cmaes", "nsga2"])
def test_a_sampler_that_ignores_pruned_trials_is_refused_under_asha(name):
    search = a_search(sampler=name, budget=60)
    with pytest.raises(SpaceError, match=rf"sampler = '{name}'.* set asha = false, or .* tpe"):
        check_feedback(search)
    check_feedback(dataclasses.replace(search, asha=None))
    check_feedback(dataclasses.replace(search, sampler="tpe"))


def test_a_sampler_that_would_only_draw_at_random_is_refused():
    search = a_search(sampler="nsga2", asha=None, budget=50)
    with pytest.raises(SpaceError, match=r"first 50 trials .* has 50; give --trials 51 or more"):
        check_feedback(search)


def run_alone(search: Search, book: Recorder, f1: Callable[[str, int], float], kept: int) -> None:
    """Run a search one trial at a time, in sessions of some trials; Optuna's study is lost."""
    while True:
        searcher, _ = opened(search, InMemoryStorage(), book, search.budget)
        for step in range(kept):
            asked = searcher.suggest(f"t{step}")
            if asked == "FINISHED":
                return
            trial = book.find(asked)
            book.finish(asked, [f1(trial.arm, trial.number)])
            searcher.on_trial_complete(f"t{step}", {})


@pytest.mark.parametrize("kept", [1000, 1], ids=["one session", "cut off after every trial"])
def test_all_arms_try_the_same_points_first_and_last_what_the_others_found(kept):
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


def test_the_exchange_waits_for_the_other_arms():
    book = Recorder()
    searcher, _ = opened(a_search(2, budget=3, exchange=True), InMemoryStorage(), book, 3)
    asked = [searcher.suggest(f"t{k}") for k in range(5)]
    assert asked[4] is None
    for k in range(3):
        book.finish(asked[k], [0.5])
        searcher.on_trial_complete(f"t{k}", {})
    assert searcher.suggest("t5") is None, "one trial is missing"
    searcher.on_trial_complete("t3", {}, error=True)  # the next session resumes it
    names = [searcher.suggest(f"t{k}")["run"]["trial"] for k in (6, 7)]
    assert names == ["arm0 #2", "arm1 #2"]
    assert searcher.suggest("t8") == "FINISHED"


@pytest.mark.parametrize("name", ["tpe", "random", "gp", "nsga2"])
def test_samplers_by_name(name):
    book = Recorder()
    searcher, _ = opened(a_search(1, sampler=name), InMemoryStorage(), book, 3)
    for k in range(3):
        book.finish(searcher.suggest(f"t{k}"), [0.1 * k])
        searcher.on_trial_complete(f"t{k}", {})
    assert len(book.trials) == 3


def ray_trial(arm: str, number: int, finished: bool = False) -> SimpleNamespace:
    run = {"arm": arm, "trial": f"{arm} #{number}", "finished": finished}
    return SimpleNamespace(trial_id=f"ray-{arm}-{number}", config={"run": run})


def trained(rungs: PerArmASHA, trial: Any, curve: list[float]) -> int:
    """Feed a trial's epochs; return after how many it was stopped, or their number."""
    rungs.on_trial_add(None, trial)
    for epoch, best in enumerate(itertools.accumulate(curve, max), start=1):
        if rungs.on_trial_result(None, trial, row(epoch, best)) == "STOP":
            rungs.on_trial_complete(None, trial, row(epoch, best))
            return epoch
    rungs.on_trial_complete(None, trial, row(len(curve), max(curve)))
    return len(curve)


def past_trial(number: int, curve: list[float]) -> SearchTrial:
    return SearchTrial(
        arm="a",
        number=number,
        parameters={},
        fingerprint="0",
        config={},
        dev_f1=curve,
        seconds=[1.0] * len(curve),
    )


CURVES = st.lists(
    st.lists(st.floats(0, 1), min_size=EPOCHS, max_size=EPOCHS), min_size=2, max_size=8
)


@given(curves=CURVES, cut=st.integers(0, 7))
@settings(deadline=None, max_examples=50)
def test_rungs_remember_what_earlier_sessions_saw(curves, cut):
    asha = Asha(grace_period=2, reduction_factor=2)
    unbroken, again = PerArmASHA({"a": EPOCHS}, asha), PerArmASHA({"a": EPOCHS}, asha)
    lengths = [trained(unbroken, ray_trial("a", k), curve) for k, curve in enumerate(curves)]
    for k, curve in enumerate(curves[:cut]):
        seen = curve[: lengths[k]]
        past = past_trial(k, seen)
        again.remember(past, len(seen))
    after = [
        trained(again, ray_trial("a", k), curve) for k, curve in enumerate(curves[cut:], start=cut)
    ]
    assert after == lengths[cut:]


def test_a_decision_made_before_a_kill_is_not_made_again():
    asha = Asha(grace_period=2, reduction_factor=2)
    poor = [0.1] * EPOCHS
    past = past_trial(0, poor[:3])
    rungs = PerArmASHA({"a": EPOCHS}, asha)
    rungs.remember(past, 3)  # it was alone, and passed epoch 2
    for k in (1, 2):
        trained(rungs, ray_trial("a", k), [0.9] * EPOCHS)
    assert trained(rungs, ray_trial("a", 0), poor) == 4
    fresh = PerArmASHA({"a": EPOCHS}, asha)
    for k in (1, 2):
        trained(fresh, ray_trial("a", k), [0.9] * EPOCHS)
    assert trained(fresh, ray_trial("a", 0), poor) == 2


def test_an_arm_is_judged_by_itself():
    rungs = PerArmASHA({"good": EPOCHS, "bad": EPOCHS}, Asha(grace_period=2, reduction_factor=2))
    for k in range(3):
        trained(rungs, ray_trial("good", k), [0.9] * EPOCHS)
    assert trained(rungs, ray_trial("bad", 0), [0.1] * EPOCHS) == EPOCHS
    assert trained(rungs, ray_trial("good", 3), [0.1] * EPOCHS) == 2
    assert rungs.pruned == {"good #3": 2}


def test_nobody_is_stopped_at_the_last_epoch_or_when_finished_already():
    rungs = PerArmASHA({"a": 8}, Asha(grace_period=2, reduction_factor=2))
    for k in range(2):
        trained(rungs, ray_trial("a", k), [0.9] * 8)
    late = [0.95] * 7 + [0.95]
    assert trained(rungs, ray_trial("a", 2), late) == 8
    assert trained(rungs, ray_trial("a", 3, finished=True), [0.0] * 8) == 8
    assert trained(rungs, ray_trial("a", 4), [0.0] * 8) == 2


def test_without_asha_nobody_is_stopped():
    rungs = PerArmASHA({"a": EPOCHS}, None)
    for k, f1 in enumerate((0.9, 0.8, 0.1)):
        assert trained(rungs, ray_trial("a", k), [f1] * EPOCHS) == EPOCHS
