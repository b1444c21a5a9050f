"""Runs, studies and the lock of a ledger."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rin_core.config import Config
from rin_core.train.checkpoint import save_tensors
from search_spaces.presets import PRESETS
from search_spaces.space import Trial
from study.commands.dry_run import state_text
from study.ledger.files import LedgerError
from study.ledger.layout import (
    CASES,
    CHECKPOINT,
    CORPORA,
    FOLDERS,
    HISTORY,
    LOCK,
    RESULT,
    RUNS,
    SEARCHES,
    STUDIES,
)
from study.ledger.ledger import Ledger
from study.ledger.run import Run, Superseded
from study.ledger.state import TrialState
from study.planning.grid import PlannedTrial
from tests.records import (
    NO_PREDICTIONS,
    a_planned_run,
    a_result,
    a_study,
    an_epoch,
)


def train(run: Run, *epochs: int) -> None:
    save_tensors(run.path / CHECKPOINT, {"w": torch.zeros(1)}, {})
    for number in epochs:
        run.record_epoch(an_epoch(number))


def test_a_run_is_finished_when_its_result_is_there(tmp_path: Path) -> None:
    run = Ledger(tmp_path).run("abc")
    assert (run.result(), run.state()) == (None, TrialState.PLANNED)
    token = run.claim()
    train(run, 1)
    assert ([row.selection_f1 for row in run.history()], run.state()) == ([0.5], "running")
    run.record_failure("worker died")
    assert run.state() is TrialState.FAILED
    run.finish(a_result("abc", epochs=2), NO_PREDICTIONS, token)
    assert run.predictions() == NO_PREDICTIONS
    assert run.result() == a_result("abc", epochs=2)
    assert (len(run.history()), run.state()) == (2, TrialState.FINISHED)
    assert not (run.path / CHECKPOINT).exists()
    assert run.failure() is None


def test_a_run_resumes_after_its_checkpoint_not_after_its_history(tmp_path: Path) -> None:
    run = Ledger(tmp_path).run("abc")
    assert run.saved_epochs() == 0
    run.claim()
    train(run, 1, 2, 3)
    save_tensors(run.path / CHECKPOINT, {"w": torch.zeros(1)}, {"history": [{"epoch": 1}]})
    assert (len(run.history()), run.saved_epochs()) == (3, 1)
    trial = Trial(
        arm="a", label="A", corpus="demo", seed=0, preset=PRESETS["paper"], config=Config()
    )
    planned = PlannedTrial(trial=trial, run=run, corpus_key="", corpus_name="demo")
    assert state_text(planned) == "resumes after epoch 1"


def test_a_history_ends_before_a_line_that_was_cut(tmp_path: Path) -> None:
    run = Ledger(tmp_path).run("abc")
    run.claim()
    train(run, 1, 2, 3)
    whole = (run.path / HISTORY).read_bytes()
    for cut in (2, 40):
        (run.path / HISTORY).write_bytes(whole[:-cut])
        assert [row.epoch for row in run.history()] == [1, 2]
    run.start_history(run.history())
    train(run, 3)
    assert (run.path / HISTORY).read_bytes() == whole


def test_a_history_starts_with_what_the_checkpoint_has(tmp_path: Path) -> None:
    """Also where it has fewer epochs than the history, and what they took is kept."""
    run = Ledger(tmp_path).run("abc")
    run.claim()
    used = an_epoch(1, usage={"process_memory_megabytes": 5.0})
    run.start_history([used, an_epoch(2)])
    run.start_history([an_epoch(1)])
    assert run.history() == [used]
    assert run.usage() == {1: {"process_memory_megabytes": 5.0}}


def test_an_imported_result_keeps_no_weights_of_an_attempt_here(tmp_path: Path) -> None:
    run = Ledger(tmp_path).run("abc")
    run.claim()
    train(run, 1)
    save_tensors(run.weights, {"w": torch.zeros(1)}, {"epoch": 1})
    run.import_result(a_result("abc"), None)
    assert run.result() == a_result("abc")
    assert not run.weights.exists()
    assert not (run.path / HISTORY).exists()


def test_only_the_latest_claim_may_write(tmp_path: Path) -> None:
    run = Ledger(tmp_path).run("abc")
    first = run.claim()
    second = run.claim()
    with pytest.raises(Superseded, match="abc: taken over by process"):
        run.finish(a_result("abc"), NO_PREDICTIONS, first)
    assert run.result() is None
    run.finish(a_result("abc"), NO_PREDICTIONS, second)


def test_a_damaged_result_names_file_and_remedy(tmp_path: Path) -> None:
    run = Ledger(tmp_path).run("abc")
    run.path.mkdir(parents=True)
    for text in ('{"history": [', "[]", "[" * 10_000, '{"version": 3, "seconds": NaN}'):
        (run.path / RESULT).write_text(text)
        with pytest.raises(LedgerError, match=r"result\.json: damaged .*; delete it and run"):
            run.result()
        assert run.state() is TrialState.UNREADABLE


def test_a_damaged_checkpoint_has_no_history(tmp_path: Path) -> None:
    run = Ledger(tmp_path).run("abc")
    run.path.mkdir(parents=True)
    (run.path / CHECKPOINT).write_bytes(b"\x10\x00")
    assert run.history() == []


def test_a_study_keeps_earlier_runs_and_lists_the_new_ones_last(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    one, two, three = (a_planned_run(seed) for seed in range(3))
    ledger.record_study(a_study([one, two], "s"))
    ledger.record_study(a_study([one, three], "s", options={"space": ["x"]}))
    study = ledger.study("s")
    assert study is not None
    assert study.trials == [two, one, three]
    assert study.options == {"space": ["x"]}


def test_one_driver_at_a_time(tmp_path: Path) -> None:
    with (
        Ledger(tmp_path).exclusive(),
        pytest.raises(LedgerError, match="another study is writing here"),
        Ledger(tmp_path).exclusive(),
    ):
        pass
    with Ledger(tmp_path).exclusive():
        pass


def test_deleting_the_lock_file_does_not_let_a_second_driver_in(tmp_path: Path) -> None:
    with Ledger(tmp_path).exclusive():
        (tmp_path / LOCK).unlink()
        with pytest.raises(LedgerError, match="another study"), Ledger(tmp_path).exclusive():
            pass


def test_a_file_system_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(file: object, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(LedgerError, match="--runs") as caught, Ledger(tmp_path).exclusive():
        pass
    assert str(tmp_path) in str(caught.value)


def test_runs_are_trained_side_by_side_but_each_once_and_beside_no_study(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    one, other = ledger.run("one"), ledger.run("other")
    with ledger.training(one), ledger.training(other):
        with pytest.raises(LedgerError, match="one: another process"), ledger.training(one):
            pass
        with pytest.raises(LedgerError, match="another study"), ledger.exclusive():
            pass
    with (
        ledger.exclusive(),
        pytest.raises(LedgerError, match="another study"),
        ledger.training(one),
    ):
        pass
    with ledger.training(one):
        pass


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(LedgerError, match=r"cannot be written .* choose --runs"),
        Ledger(tmp_path / "file").exclusive(),
    ):
        pass


def test_a_pruned_run_keeps_its_checkpoint_until_it_is_resumed(tmp_path: Path) -> None:
    run = Ledger(tmp_path).run("abc")
    run.claim()
    train(run, 1)
    run.record_pruned(1, "ASHA")
    pruned = run.pruned()
    assert pruned is not None
    assert (pruned.epoch, pruned.reason, run.state()) == (1, "ASHA", TrialState.PRUNED)
    assert len(run.history()) == 1
    token = run.claim()
    assert run.pruned() is None
    assert (run.path / CHECKPOINT).exists()
    run.record_pruned(1, "ASHA")
    run.finish(a_result("abc"), NO_PREDICTIONS, token)
    assert run.pruned() is None


def test_a_new_attempt_forgets_why_the_last_one_failed(tmp_path: Path) -> None:
    run = Ledger(tmp_path).run("abc")
    run.record_failure("the loss is nan")
    run.claim()
    assert run.failure() is None


def test_a_file_in_place_of_a_runs_folder_is_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    run = ledger.run("a" * 16)
    run.path.parent.mkdir()
    run.path.write_text("")
    (run.path.parent / "notes.txt").write_text("")
    with pytest.raises(LedgerError, match=str(run.path)) as caught:
        run.result()
    assert RESULT not in str(caught.value)
    assert ledger.runs() == [run]
    assert ledger.damaged(found.fingerprint for found in ledger.runs()) == [str(caught.value)]


@pytest.mark.parametrize("name", FOLDERS)
def test_a_file_in_place_of_a_folder_is_named_before_anything_is_trained(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("")
    message = rf"^{tmp_path / name}: must be a folder; move the file away$"
    with pytest.raises(LedgerError, match=message), Ledger(tmp_path).exclusive():
        pass


@pytest.mark.parametrize(
    ("name", "read"),
    [
        (RUNS, Ledger.runs),
        (RUNS, lambda ledger: ledger.run("aa").result()),
        (STUDIES, Ledger.study_names),
        (SEARCHES, Ledger.search_names),
        (CORPORA, Ledger.corpora),
        (CASES, Ledger.case_names),
    ],
)
def test_a_reader_names_the_file_that_is_no_folder(
    tmp_path: Path, name: str, read: Callable[[Ledger], object]
) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(LedgerError, match=rf"^{tmp_path / name}: must be a folder"):
        read(Ledger(tmp_path))


def test_a_record_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    run = Ledger(tmp_path).run("aa")
    run.path.mkdir(parents=True)
    os.mkfifo(run.path / RESULT)
    with pytest.raises(LedgerError, match=r"result\.json: must be a file; delete it"):
        run.result()
