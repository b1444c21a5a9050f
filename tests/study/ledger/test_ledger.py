"""Runs, studies and the lock of a ledger."""

import errno
import fcntl
import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rin_core.config import Config
from rin_core.train.checkpoint import save_tensors
from search_spaces.presets import PRESETS
from search_spaces.space import Trial
from study.commands.dry_run import state_text
from study.ledger.corpus_schema import Cases, Vectors
from study.ledger.files import LedgerError, checksum_of
from study.ledger.layout import (
    CASES,
    CHECKPOINT,
    CORPORA,
    FOLDERS,
    HISTORY,
    LOCK,
    PREDICTIONS,
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
    a_search,
    a_study,
    an_epoch,
    scores,
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


def test_the_result_of_another_run_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.run("abc").import_result(a_result("abc"), None)
    ledger.run("def").path.mkdir()
    (ledger.run("abc").path / RESULT).rename(ledger.run("def").path / RESULT)
    with pytest.raises(LedgerError, match=r"def/result\.json"):
        ledger.run("def").result()


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


def finished(ledger: Ledger, fingerprint: str, f1: float) -> Run:
    run = ledger.run(fingerprint)
    result = a_result(fingerprint, test_scores=scores(f1))
    predictions = NO_PREDICTIONS.model_copy(update={"relations": [fingerprint]})
    run.finish(result, predictions, run.claim())
    return run


class TestWhatBelongsToARun:
    def test_a_changed_number_is_refused(self, tmp_path: Path) -> None:
        run = finished(Ledger(tmp_path), "aa", 0.25)
        path = run.path / RESULT
        result = run.result()
        assert result is not None
        assert result.test_scores["f1"] == 0.25
        path.write_text(path.read_text().replace("0.25", "0.75"))
        with pytest.raises(LedgerError, match=str(path)):
            run.result()
        assert run.state() is TrialState.UNREADABLE

    @pytest.mark.parametrize("checksum", [True, False])
    @pytest.mark.parametrize(
        ("value", "message"), [(math.nan, "nan: must be a finite"), ("0.4", "'0.4': must be a val")]
    )
    def test_a_score_that_is_no_number_is_refused(
        self, tmp_path: Path, value: object, message: str, checksum: bool
    ) -> None:
        """Also by a program that writes the right checksum."""
        run = finished(Ledger(tmp_path), "aa", 0.5)
        result = run.result()
        assert result is not None
        content = result.to_json()
        content["test_scores"]["f1"] = value
        if checksum:
            content["checksum"] = checksum_of(content, "aa")
        (run.path / RESULT).write_text(json.dumps(content))
        with pytest.raises(LedgerError, match=rf"result\.json: .*test_scores\.f1 = {message}"):
            run.result()
        assert run.state() is TrialState.UNREADABLE

    @pytest.mark.parametrize("score", ["f1", "precision", "entity_recall"])
    @pytest.mark.parametrize("scores", ["test_scores", "selection_scores", "history"])
    def test_numbers_without_a_checksum_must_agree(
        self, tmp_path: Path, scores: str, score: str
    ) -> None:
        run = finished(Ledger(tmp_path), "aa", 0.5)
        result = run.result()
        assert result is not None
        content = result.to_json()
        (run.path / RESULT).write_text(json.dumps(content))
        assert run.result() is not None
        row = content["history"][0]["selection_scores"] if scores == "history" else content[scores]
        row[score] = 0.75
        (run.path / RESULT).write_text(json.dumps(content))
        with pytest.raises(
            LedgerError, match=rf"result\.json: damaged record \({scores}.*; delete"
        ):
            run.result()

    @pytest.mark.parametrize("name", [RESULT, PREDICTIONS])
    def test_a_file_of_another_run_is_refused(self, tmp_path: Path, name: str) -> None:
        one, other = (finished(Ledger(tmp_path), run, 0.5) for run in ("aa", "bb"))
        shutil.copy(other.path / name, one.path / name)
        with pytest.raises(LedgerError, match=str(one.path / name)):
            _ = one.result(), one.predictions()
        predictions = other.predictions()
        assert predictions is not None
        assert predictions.relations == ["bb"]

    @pytest.mark.parametrize("name", [RESULT, PREDICTIONS])
    def test_records_of_earlier_versions_have_no_checksum(self, tmp_path: Path, name: str) -> None:
        run = finished(Ledger(tmp_path), "aa", 0.5)
        wanted = run.result(), run.predictions()
        content = json.loads((run.path / name).read_text())
        del content["checksum"]
        (run.path / name).write_text(json.dumps(content, indent=3, sort_keys=True))
        assert (run.result(), run.predictions()) == wanted


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
        (STUDIES, Ledger.studies),
        (SEARCHES, Ledger.searches),
        (CORPORA, Ledger.corpora),
        (CASES, Ledger.cases),
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


#: How to read what has a name, and no run.
NAMED = {
    "studies": Ledger.study,
    "searches": Ledger.search,
    "vectors": Ledger.vectors,
    "cases": Ledger.case,
}


def with_two_of_each(folder: Path) -> Ledger:
    ledger = Ledger(folder)
    for name in ("one", "other"):
        ledger.record_study(a_study([a_planned_run(0)], name))
        ledger.record_search(a_search({"a": {}}, experiment=name))
        ledger.record_vectors(Vectors(digest=name, name="v", with_vector=["met"], unseen=[]))
        ledger.record_cases(name, Cases(cases=[]))
    return ledger


@pytest.mark.parametrize("folder", NAMED)
class TestRecordsWithAName:
    def test_that_of_another_is_refused(self, tmp_path: Path, folder: str) -> None:
        ledger = with_two_of_each(tmp_path)
        path = tmp_path / folder / "one.json"
        shutil.copy(tmp_path / folder / "other.json", path)
        with pytest.raises(LedgerError, match=rf"{path}: damaged record \(its checksum"):
            NAMED[folder](ledger, "one")
        NAMED[folder](ledger, "other")

    def test_a_changed_one_is_refused(self, tmp_path: Path, folder: str) -> None:
        ledger = with_two_of_each(tmp_path)
        path = tmp_path / folder / "one.json"
        content = json.loads(path.read_text())
        content[next(key for key in content if key not in ("version", "checksum"))] = "another"
        path.write_text(json.dumps(content))
        with pytest.raises(LedgerError, match=rf"{path}: damaged record \(its checksum"):
            NAMED[folder](ledger, "one")

    def test_older_ones_have_a_name_alone(self, tmp_path: Path, folder: str) -> None:
        ledger = with_two_of_each(tmp_path)
        wanted = NAMED[folder](ledger, "one")
        for name in ("one", "other"):
            path = tmp_path / folder / f"{name}.json"
            content = json.loads(path.read_text())
            del content["checksum"]
            path.write_text(json.dumps(content, indent=3))
        assert NAMED[folder](ledger, "one") == wanted
        if folder == "cases":  # whose record does not have its name
            return
        shutil.copy(tmp_path / folder / "other.json", tmp_path / folder / "one.json")
        with pytest.raises(LedgerError, match=r"one\.json: is the record of .*other"):
            NAMED[folder](ledger, "one")
