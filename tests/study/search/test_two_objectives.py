"""Optuna with two objectives, on made-up results; Ray is imported, never started."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from rin_core.config import Config
from search_spaces.search import Search
from search_spaces.space import SpaceError
from study.ledger.state import TrialState as State
from study.search.exchange import handed_over
from study.search.open import check_feedback, check_sampler
from study.search.optuna_store import METRIC, record_again
from study.search.scheduler import PerArmASHA
from tests.records import a_search as a_record
from tests.records import a_trial
from tests.searchers import Recorder, a_search, next_trial, opened, row
from tests.tuned import PARAMETERS, RATE

BUDGET = 16


def two(arms: int = 2, **changes: object) -> Search:
    given: dict[str, object] = {
        **{"asha": None, "objectives": ("dev_f1", "seconds"), "sampler": "tpe"},
        **changes,
    }
    return a_search(arms, **given)


def test_every_arm_gets_its_budget_and_optuna_both_values() -> None:
    """A restart in between, and a scheduler that stops nothing."""
    book, storage, search = Recorder(), InMemoryStorage(), two()
    scheduler = PerArmASHA({"arm0": 9, "arm1": 9}, search.asha)
    for session, until in enumerate((BUDGET, 2 * BUDGET)):
        searcher, arms = opened(search, storage, book, BUDGET)
        while len(book.trials) < until:
            name = f"s{session}-{len(book.trials)}"
            asked = next_trial(searcher, name)
            searcher.on_trial_result(name, row(1, 0.2))
            rounds = int(book.find(asked).parameters["model.rounds"])
            book.finish(asked, [0.1 + rounds / 10] * (1 + rounds))
            searcher.on_trial_complete(name, {})
    assert scheduler.pruned == {}
    assert searcher.suggest("last") == "FINISHED"
    for arm, algorithm in arms.items():
        study = algorithm.study
        assert study.directions == [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
        assert study.metric_names == [METRIC, "seconds"]
        assert [t.state for t in study.trials] == [TrialState.COMPLETE] * BUDGET
        for trial, recorded in zip(study.trials, book.of(arm), strict=True):
            assert trial.values == pytest.approx([100 * recorded.best, sum(recorded.seconds)])
        assert len({t.params[RATE] for t in study.trials}) == BUDGET


def test_a_trial_that_was_cut_off_resumes_under_its_number() -> None:
    book, storage, search = Recorder(), InMemoryStorage(), two(1)
    searcher, _ = opened(search, storage, book, 4)
    asked = [next_trial(searcher, f"t{n}") for n in range(2)]
    searcher.on_trial_result("t1", row(1, 0.3))
    book.finish(asked[0], [0.5])
    searcher, arms = opened(search, storage, book, 4)
    again = next_trial(searcher, "again")
    assert again["run"]["trial"] == "arm0 #1"
    searcher.on_trial_result("again", row(1, 0.3))
    book.finish(again, [0.3, 0.4])
    assert [t.values for t in arms["arm0"].study.trials] == [[50.0, 1.0], [40.0, 2.0]]


@pytest.mark.parametrize("sampler", ["tpe", "random", "gp", "nsga2"])
def test_samplers_that_take_two_objectives_do(sampler: str) -> None:
    search = two(1, sampler=sampler)
    check_sampler(search)
    book = Recorder()
    searcher, arms = opened(search, InMemoryStorage(), book, 12)
    for number in range(12):
        book.finish(
            next_trial(searcher, f"t{number}"), [0.0 if number % 4 == 3 else 0.1 + number / 100]
        )
    study = arms["arm0"].study
    assert len(study.trials) == 12
    if sampler != "gp":  # which has no constraints
        assert all(trial.values[0] for trial in study.best_trials), "one learned nothing"


def test_a_sampler_of_one_objective_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"sampler = 'cmaes'.*two; choose another .* tpe"):
        check_sampler(two(sampler="cmaes"))
    check_feedback(two(sampler="gp"))


def test_the_exchange_hands_over_fronts() -> None:
    search = two(exchange=True)
    trials = [
        a_trial(n, f1, arm="arm1", parameters={RATE: 1e-3 + n * 1e-4}, seconds=[cost])
        for n, (f1, cost) in enumerate([(0.5, 5.0), (0.9, 9.0), (0.8, 9.5), (0.7, 6.0)])
    ]
    points = handed_over(search, lambda _: Config(), ["arm0", "arm1"], trials, "arm0", 9)
    rates = [round(point[RATE], 6) for point in points]
    assert rates == [1.1e-3, 1.3e-3, 1e-3], "the best dev F1 first; a dominated trial is left out"
    one = dataclasses.replace(search, objectives=("dev_f1",))
    points = handed_over(one, lambda _: Config(), ["arm0", "arm1"], trials, "arm0", 9)
    assert [round(point[RATE], 6) for point in points] == [1.1e-3]


def test_a_database_is_made_again_with_both_values(tmp_path: Path) -> None:
    trials = [
        a_trial(0, 0.5, parameters={RATE: 1e-3}, size=70),
        a_trial(1, 0.6, parameters={RATE: 2e-3}, size=80),
        a_trial(2, 0.6, parameters={RATE: 3e-3}, size=80, state=State.RUNNING),
    ]
    identities = {"a": {"objectives": ["dev_f1", "parameters"]}}
    record = a_record(identities, trials, "two", parameters=PARAMETERS)
    path = tmp_path / "optuna.db"
    record_again(record, path, {})
    study = optuna.load_study(study_name="two/a", storage=f"sqlite:///{path}")
    assert study.metric_names == [METRIC, "parameters"]
    assert [trial.values for trial in study.trials] == [[50.0, 70.0], [60.0, 80.0], None]
    assert {trial.number for trial in study.best_trials} == {0, 1}
