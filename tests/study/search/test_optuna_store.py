"""Optuna's studies agree with the record, whatever happened to either."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

import optuna
import pytest
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import TrialState

from rin_core.config import Config
from study.ledger.state import TrialState as State
from study.search.optuna_store import open_storage
from tests.searchers import Recorder, a_search, fingerprint_of, next_trial, opened, row


def test_optuna_is_told_how_each_trial_ended() -> None:
    book, storage = Recorder(), InMemoryStorage()
    searcher, arms = opened(a_search(1), storage, book, 4)
    asked = [next_trial(searcher, f"t{k}") for k in range(4)]
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


def test_the_first_trial_is_the_papers_and_no_point_comes_twice_after_a_restart() -> None:
    book, storage, search = Recorder(), InMemoryStorage(), a_search(1)
    for session in range(3):
        searcher, arms = opened(search, storage, book, 4 * (session + 1))
        while (asked := searcher.suggest(f"s{session}-{len(book.trials)}")) != "FINISHED":
            assert isinstance(asked, dict)
            book.finish(asked, [0.1])
            searcher.on_trial_complete(f"s{session}-{len(book.trials) - 1}", {})
    trials = arms["arm0"].study.trials
    assert trials[0].params == search.start(Config())
    assert [t.number for t in trials] == list(range(12))
    assert len({t.params["training.learning_rate"] for t in trials}) == 12


def test_trials_that_were_cut_off_resume_under_their_number_with_their_parameters() -> None:
    book, storage, search = Recorder(), InMemoryStorage(), a_search()
    searcher, arms = opened(search, storage, book, 3)
    asked = [next_trial(searcher, f"t{k}") for k in range(5)]
    book.finish(asked[2], [0.2, 0.1])
    searcher.on_trial_result("t0", row(1, 0.3))
    arms["arm1"].ask()  # killed before the record has it
    before = {key: dict(t.parameters) for key, t in book.trials.items()}
    began = arms["arm0"].study.trials[1].datetime_start

    searcher, arms = opened(search, storage, book, 3)
    assert arms["arm0"].last_reported(0) == 1
    resumed = [next_trial(searcher, f"u{k}") for k in range(4)]
    names = [trial["run"]["trial"] for trial in resumed]
    assert names == ["arm0 #0", "arm0 #2", "arm1 #0", "arm1 #1"]
    assert arms["arm0"].study.trials[1].datetime_start == began, "what ended keeps its times"
    for trial in resumed:
        book.finish(trial, [0.3, 0.4])
    for k in itertools.count():
        if (asked_again := searcher.suggest(f"v{k}")) == "FINISHED":
            break
        assert isinstance(asked_again, dict)
        book.finish(asked_again, [0.3, 0.4])
    for arm in ("arm0", "arm1"):
        trials = arms[arm].study.trials
        assert [(t.number, t.state) for t in trials] == [(k, TrialState.COMPLETE) for k in range(3)]
        assert [t.params for t in trials] == [t.parameters for t in book.of(arm)]
        assert trials[0].intermediate_values == {1: 30.0, 2: 40.0}
    assert all(book.trials[key].parameters == parameters for key, parameters in before.items())


@pytest.mark.parametrize("state", [State.FINISHED, State.PRUNED, State.FAILED, State.RUNNING])
def test_what_optuna_lacks_is_taken_from_the_record(state: State) -> None:
    book, search = Recorder(), a_search(1)
    storage = InMemoryStorage()
    searcher, _ = opened(search, storage, book, 1)
    trial = book.find(next_trial(searcher, "t0"))
    trial.state, trial.dev_f1, trial.seconds = state, [0.1, 0.4, 0.3], [1.0] * 3
    told = {}
    for name, place in {"behind": storage, "lost": InMemoryStorage()}.items():
        searcher, arms = opened(search, place, book, 1)
        (told[name],) = arms["arm0"].study.trials
        if state is State.RUNNING:
            assert book.find(next_trial(searcher, "t1")) is trial
        else:
            assert searcher.suggest("t1") == "FINISHED"
    behind, lost = told["behind"], told["lost"]
    assert (behind.state, behind.values, behind.params, behind.intermediate_values) == (
        *(lost.state, lost.values, lost.params, lost.intermediate_values),
    )
    assert lost.user_attrs.get("fingerprint") == trial.fingerprint
    if lost.state.is_finished():
        assert lost.duration == timedelta(seconds=3)


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2"])
def test_a_trial_that_learned_nothing_is_never_optunas_best(sampler: str) -> None:
    book, search = Recorder(), a_search(1, sampler=sampler, asha=None)
    searcher, arms = opened(search, InMemoryStorage(), book, 16)
    for k in range(12):
        book.finish(next_trial(searcher, f"t{k}"), [0.0, 0.0])
    study = arms["arm0"].study
    with pytest.raises(ValueError, match="feasible"):
        _ = study.best_trial
    searcher, arms = opened(search, InMemoryStorage(), book, 16)  # made again from the record
    study = arms["arm0"].study
    with pytest.raises(ValueError, match="feasible"):
        _ = study.best_trial
    book.finish(next_trial(searcher, "t12"), [0.0, 0.1])
    book.finish(next_trial(searcher, "t13"), [0.0])
    assert study.best_trial.number == 12


def test_a_gaussian_process_goes_on_where_every_trial_learned_nothing() -> None:
    book, search = Recorder(), a_search(1, sampler="gp", asha=None)
    searcher, _ = opened(search, InMemoryStorage(), book, 12)
    for k in range(12):  # its model begins with the eleventh
        book.finish(next_trial(searcher, f"t{k}"), [0.0])
    assert len(book.trials) == 12


def test_a_database_of_before_learns_which_trials_learned_nothing() -> None:
    book, search, storage = Recorder(), a_search(1), InMemoryStorage()
    searcher, arms = opened(search, storage, book, 2)
    book.finish(next_trial(searcher, "t0"), [0.0])
    (trial,) = arms["arm0"].study.trials
    optuna.delete_study(study_name="x/arm0", storage=storage)
    old = optuna.create_study(study_name="x/arm0", storage=storage, direction="maximize")
    old.add_trial(
        optuna.trial.create_trial(value=0.0, params=trial.params, distributions=trial.distributions)
    )
    assert old.best_trial.number == 0
    _, arms = opened(search, storage, book, 2)
    with pytest.raises(ValueError, match="feasible"):
        _ = arms["arm0"].study.best_trial


def test_a_number_without_a_record_has_failed_and_shifts_no_other() -> None:
    """An older driver was killed between two trials of one arm."""
    book, search = Recorder(), a_search(1)
    searcher, _ = opened(search, InMemoryStorage(), book, 3)
    for k in range(3):
        book.finish(next_trial(searcher, f"t{k}"), [0.1 * k])
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
        assert isinstance(asked, dict)
        book.finish(asked, [0.1])
        searcher.on_trial_complete(f"t{step}", {})
    assert searcher.completed
    assert len(book.trials) == budget
    study = arms["arm0"].study
    assert [t.params for t in study.trials] == [t.parameters for t in book.of("arm0")]
    return study


def test_a_study_that_agrees_with_the_record_is_kept(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "optuna.db")
    book = Recorder()
    before = ended(book, storage, 2).trials
    after = ended(book, storage, 3).trials
    assert [t.datetime_complete for t in after[:2]] == [t.datetime_complete for t in before]
    assert after[0] == before[0]


def test_a_search_whose_record_was_deleted_starts_again(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "optuna.db")
    parameters = [t.params for t in ended(Recorder(), storage, 3).trials]
    assert [t.params for t in ended(Recorder(), storage, 2).trials] == parameters[:2]


def test_a_record_from_another_ledger_replaces_the_study() -> None:
    """Two ledgers continued from one trial, and one has taken the other's record."""
    here, there, book, theirs = InMemoryStorage(), InMemoryStorage(), Recorder(), Recorder()
    mine = ended(book, here, 3).trials
    ended(theirs, there, 1)
    assert ended(theirs, there, 4).trials[1].params != mine[1].params
    ended(theirs, here, 5)
