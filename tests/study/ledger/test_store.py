"""Runs on nodes that share nothing but a store."""

from pathlib import Path

import pytest
import torch

from rin_core.train.checkpoint import save_tensors
from study.ledger.layout import CHECKPOINT, HISTORY, WEIGHTS
from study.ledger.ledger import Ledger
from study.ledger.run import Run, Superseded
from study.ledger.shared import SharedRun
from study.ledger.store import Store, StoreError
from tests.records import NO_PREDICTIONS, a_result, an_epoch


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    place = tmp_path / "bucket"
    return Store(f"file://{place}" if request.param == "file" else f"memory:/{place}")


@pytest.fixture
def driver(store: Store, tmp_path: Path) -> SharedRun:
    run = Ledger(tmp_path / "driver", store).run("abc")
    assert isinstance(run, SharedRun)
    return run


def node(store: Store, tmp_path: Path, name: str) -> SharedRun:
    return SharedRun(tmp_path / name / "abc", store)


def train(run: Run, token: str, *epochs: int) -> None:
    for last in epochs:
        save_tensors(run.path / WEIGHTS, {"w": torch.tensor([float(last)])}, {"epoch": last})
        save_tensors(run.path / CHECKPOINT, {"w": torch.zeros(1)}, {"epochs": last})
        run.start_history(an_epoch(number) for number in range(1, last + 1))
        run.publish_epoch(token)


def files(run: SharedRun) -> set[str]:
    return {path.name for path in run.path.iterdir()}


def test_what_a_node_trained_arrives_at_the_driver(
    store: Store, driver: SharedRun, tmp_path: Path
) -> None:
    worker = node(store, tmp_path, "one")
    token = worker.claim()
    train(worker, token, 1, 2)
    driver.refresh()
    assert [row.epoch for row in driver.history()] == [1, 2]
    assert driver.result() is None
    worker.finish(a_result("abc"), NO_PREDICTIONS, token)
    driver.refresh()
    assert driver.result() == a_result("abc")
    assert driver.predictions() == NO_PREDICTIONS
    assert driver.weights.read_bytes() == worker.weights.read_bytes()
    assert not {CHECKPOINT, HISTORY} & files(driver)


def test_how_far_a_node_has_come_is_seen_without_its_weights(
    store: Store, driver: SharedRun, tmp_path: Path
) -> None:
    worker = node(store, tmp_path, "one")
    token = worker.claim()
    driver.poll()
    assert driver.history() == []
    train(worker, token, 1, 2)
    assert driver.history() == []
    driver.poll()
    assert driver.history() == worker.history()
    assert files(driver) == {HISTORY}
    driver.refresh()
    train(worker, token, 3)
    assert [row.epoch for row in driver.history()] == [1, 2]
    driver.poll()
    worker.finish(a_result("abc", epochs=4), NO_PREDICTIONS, token)
    driver.poll()
    assert [row.epoch for row in driver.history()] == [1, 2, 3]
    driver.refresh()
    assert [row.epoch for row in driver.history()] == [1, 2, 3, 4]


def test_another_node_goes_on_where_a_lost_one_was_and_the_lost_one_writes_no_more(
    store: Store, driver: SharedRun, tmp_path: Path
) -> None:
    lost, other = node(store, tmp_path, "lost"), node(store, tmp_path, "other")
    old = lost.claim()
    train(lost, old, 1, 2, 3)
    token = other.claim()
    assert len(other.history()) == 3
    with pytest.raises(Superseded, match="abc: taken over by process"):
        train(lost, old, 4)
    with pytest.raises(Superseded):
        lost.finish(a_result("abc"), NO_PREDICTIONS, old)
    other.finish(a_result("abc", epochs=4), NO_PREDICTIONS, token)
    driver.refresh()
    assert driver.result() == a_result("abc", epochs=4)


def test_what_was_trained_before_there_was_a_store_is_taken_along(
    store: Store, driver: SharedRun, tmp_path: Path
) -> None:
    alone = Ledger(tmp_path / "driver").run("abc")
    train(alone, alone.claim(), 1)
    ledger = Ledger(tmp_path / "driver", store)
    ledger.refresh([driver, ledger.run("never begun")])
    worker = node(store, tmp_path, "one")
    worker.claim()
    assert len(worker.history()) == 1
    assert store.folders() == {"abc"}


def test_epochs_trained_without_the_store_are_not_trained_again(
    store: Store, driver: SharedRun, tmp_path: Path
) -> None:
    worker = node(store, tmp_path, "one")
    train(worker, worker.claim(), 1, 2)
    worker.record_failure("lost")
    driver.refresh()
    alone = Ledger(tmp_path / "driver").run("abc")
    train(alone, alone.claim(), 3, 4)
    alone.record_pruned(4, "not among the best")
    driver.refresh()
    assert len(driver.history()) == 4
    other = node(store, tmp_path, "two")
    other.refresh()
    assert len(other.history()) == 4
    assert other.weights.read_bytes() == alone.weights.read_bytes()
    assert (other.failure(), other.pruned()) == (None, alone.pruned())
    other.finish(a_result("abc", epochs=5), NO_PREDICTIONS, other.claim())
    train(alone, alone.claim(), 5, 6)  # a finished run is not started again
    driver.refresh()
    assert len(driver.history()) == 5
    assert driver.weights.read_bytes() == other.weights.read_bytes()


def test_failures_and_prunings_travel_until_the_next_claim(
    store: Store, driver: SharedRun, tmp_path: Path
) -> None:
    node(store, tmp_path, "one").record_failure("diverged")
    driver.refresh()
    failure = driver.failure()
    assert failure is not None
    assert failure.reason == "diverged"
    driver.record_pruned(3, "not among the best")
    worker = node(store, tmp_path, "two")
    worker.refresh()
    pruned = worker.pruned()
    assert pruned is not None
    assert (pruned.epoch, pruned.reason) == (3, "not among the best")
    worker.claim()
    fresh = node(store, tmp_path, "three")
    for run in (fresh, driver):  # the driver has both in its own folder, too
        run.refresh()
        assert (run.failure(), run.pruned()) == (None, None)


def test_a_result_from_elsewhere_leaves_no_weights_of_an_attempt(
    store: Store, driver: SharedRun, tmp_path: Path
) -> None:
    worker = node(store, tmp_path, "one")
    train(worker, worker.claim(), 1)
    driver.refresh()
    driver.import_result(a_result("abc", epochs=7), None)
    fresh = node(store, tmp_path, "two")
    fresh.refresh()
    assert len(fresh.history()) == 7
    assert not fresh.weights.exists()


def test_weights_that_did_not_change_are_sent_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = node(store, tmp_path, "one")
    token = worker.claim()
    train(worker, token, 1)
    sent = []
    monkeypatch.setattr(Store, "send", lambda self, file, name: sent.append(name))
    save_tensors(worker.path / CHECKPOINT, {"w": torch.ones(1)}, {"history": []})
    worker.publish_epoch(token)
    assert sent == [f"abc/{CHECKPOINT}"]


def test_a_ledger_asks_only_for_units_that_the_store_has(store: Store, tmp_path: Path) -> None:
    node(store, tmp_path, "one").record_failure("here")
    ledger = Ledger(tmp_path / "driver", store)
    known, unknown = ledger.run("abc"), ledger.run("unknown")
    ledger.refresh([known, unknown])
    failure = known.failure()
    assert failure is not None
    assert failure.reason == "here"
    assert not unknown.path.exists()


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("bogus://x", r"--shared bogus://x: Protocol not known: bogus; expected a URI such as"),
        ("file:///proc/nowhere", r"--shared file:///proc/nowhere: .*; choose a place that can be"),
        ("bogus://me:secret@x", r"--shared bogus://x: "),
        ("s3:/bucket/rin", r"--shared s3:/bucket/rin: expected s3:// with two slashes"),
        ("memory:rin", r"--shared memory:rin: expected memory:// with two slashes"),
    ],
)
def test_a_store_that_cannot_be_used_is_named(
    uri: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=message) as caught:
        Store(uri).check()
    assert "secret" not in str(caught.value)
    assert not list(tmp_path.iterdir())
