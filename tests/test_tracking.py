import dataclasses
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from study import tracking
from study.ledger import Ledger, Unit
from study.tracking import FINGERPRINT, PARENT, Planned, Tracker, TrackingError, create_database

PROVENANCE = {"code": {"version": "0.1.0"}}


def row(epoch: int) -> dict[str, float]:
    return {"epoch": epoch, "train_loss": 1.0 / epoch, "dev_f1": epoch / 10, "seconds": 1.0}


def finish(unit: Unit, epochs: int, dev_f1: float = 0.5) -> None:
    history = [row(e) for e in range(1, epochs + 1)]
    unit.finish(
        {
            "history": history,
            "config": {"model.rounds": 1},
            "best_epoch": epochs,
            "stopped": "max_epochs",
            "dev": {"f1": dev_f1},
            "test": {"f1": 0.4},
            "seconds": float(epochs),
            "provenance": PROVENANCE,
        },
        {},
        unit.claim(),
    )


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(tracking, "BATCH_SECONDS", 0.05)


@pytest.fixture
def units(tmp_path: Path) -> dict[str, Unit]:
    return {name: Ledger(tmp_path / "runs").unit(name) for name in ("aaa", "bbb")}


@pytest.fixture
def opened(mlflow_db: Path, tmp_path: Path, units: dict[str, Unit]):
    def open_tracker() -> Tracker:
        planned = {
            name: Planned(unit=unit, name=f"arm {name}", params={"k": 1}, tags={"arm": name})
            for name, unit in units.items()
        }
        uri = f"sqlite:///{mlflow_db}"
        return Tracker(uri, "curve", tmp_path / "artifacts", planned, "**what is compared**")

    return open_tracker


def children(tracker: Tracker) -> dict[str, object]:
    runs = tracker.client.search_runs([tracker.experiment_id])
    trials = [run for run in runs if FINGERPRINT in run.data.tags]
    named = {run.data.tags[FINGERPRINT]: run for run in trials}
    assert len(named) == len(trials), "two runs for one fingerprint"
    return named


def steps(client: MlflowClient, run_id: str, key: str = "dev_f1") -> list[int]:
    return [m.step for m in client.get_metric_history(run_id, key)]


def test_a_trial_is_a_child_run_with_a_metric_an_epoch(opened, units):
    tracker = opened()
    for epoch in (1, 2, 3):
        tracker.epoch("aaa", row(epoch))
    finish(units["aaa"], 3)
    tracker.settle("aaa")
    assert tracker.close("FINISHED") == 0
    run = children(tracker)["aaa"]
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "arm aaa"
    assert run.data.params == {"k": "1"}
    assert run.data.tags[PARENT] == tracker.parent_id
    assert run.data.metrics["test_f1"] == 0.4
    assert steps(tracker.client, run.info.run_id) == [1, 2, 3]
    assert [a.path for a in tracker.client.list_artifacts(run.info.run_id)] == ["config.json"]
    parent = tracker.client.get_run(tracker.parent_id)
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["mlflow.note.content"] == "**what is compared**"


def test_a_second_start_continues_the_same_runs(opened, units):
    first = opened()
    first.epoch("aaa", row(1))
    first.epoch("bbb", row(1))
    finish(units["bbb"], 1)
    first.settle("bbb")
    first.close("FAILED")
    second = opened()
    second.epoch("aaa", row(1))  # a retried epoch
    second.epoch("aaa", row(2))
    finish(units["aaa"], 3)  # whose third epoch was never reported
    second.settle("aaa")
    second.settle("bbb")
    second.close("FINISHED")
    assert second.parent_id == first.parent_id
    runs = children(second)
    assert steps(second.client, runs["aaa"].info.run_id) == [1, 2, 3]
    assert steps(second.client, runs["bbb"].info.run_id, "test_f1") == [1]
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_a_finished_unit_is_sent_whole_from_the_ledger(opened, units):
    finish(units["aaa"], 4)
    tracker = opened()
    tracker.settle("aaa")
    tracker.close("FINISHED")
    assert steps(tracker.client, children(tracker)["aaa"].info.run_id) == [1, 2, 3, 4]


def test_failed_and_stopped_trials_are_told_apart(opened, units):
    tracker = opened()
    for name in units:
        tracker.epoch(name, row(1))
        tracker.settle(name)
    units["aaa"].fail("the training loss is nan")
    tracker.close("FAILED")
    runs = children(tracker)
    assert runs["aaa"].info.status == "FAILED"
    assert runs["aaa"].data.tags["rin.failure"] == "the training loss is nan"
    assert runs["bbb"].info.status == "KILLED"


def test_a_trial_stopped_early_is_no_result_even_if_its_unit_has_one_later(opened, units):
    tracker = opened()
    tracker.epoch("aaa", row(1))
    tracker.epoch("aaa", row(2))
    stopped = dataclasses.replace(tracker.planned["aaa"], stopped_after=2)
    tracker.plan(stopped)
    tracker.settle("aaa")
    tracker.close("FINISHED")
    finish(units["aaa"], 5)  # an audit went to the end
    again = opened()
    again.plan(stopped)
    again.settle("aaa")
    again.close("FINISHED")
    run = children(again)["aaa"]
    assert run.info.status == "KILLED"
    assert (run.data.tags["rin.stopped"], run.data.tags["rin.epochs"]) == ("asha", "2")
    assert steps(again.client, run.info.run_id) == [1, 2]
    assert "test_f1" not in run.data.metrics


def test_what_could_not_be_sent_is_counted_and_sent_next_time(opened, units, monkeypatch):
    finish(units["aaa"], 2)
    tracker = opened()

    def down(*args, **kwargs):
        raise OSError("connection refused")

    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "log_batch", down)
        tracker.settle("aaa")
        assert tracker.close("FINISHED") == 1
    tracker = opened()
    tracker.settle("aaa")
    assert tracker.close("FINISHED") == 0
    run = children(tracker)["aaa"]
    assert run.info.status == "FINISHED"
    assert steps(tracker.client, run.info.run_id) == [1, 2]


def test_a_dead_server_is_one_clear_error(tmp_path):
    with pytest.raises(TrackingError, match=r"--tracking-uri http://127\.0\.0\.1:9: "):
        Tracker("http://user:secret@127.0.0.1:9", "curve", tmp_path, {}, "")


def test_the_database_is_made_whole_or_not_at_all(tmp_path, monkeypatch):
    def die(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(MlflowClient, "search_experiments", die)
        with pytest.raises(KeyboardInterrupt):
            create_database(f"sqlite:///{tmp_path}/mlflow.db")
    assert list(tmp_path.iterdir()) == []
