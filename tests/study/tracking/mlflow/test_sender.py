"""What is sent, when and how often: after a restart, a failure, an interruption."""

import dataclasses
import logging
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from rin_core.layout import CHECKPOINT
from study.ledger.databases import REMEDIES
from study.ledger.run import Run
from study.ledger.shared import SharedRun
from study.ledger.state import TrialState
from study.ledger.store import Store
from study.tracking.base import ExperimentSpec
from study.tracking.mlflow.names import STATE
from study.tracking.mlflow.sender import MlflowTracker
from tests.study.tracking.conftest import Opened
from tests.tracked import (
    STARTED,
    WATCHED,
    children,
    close,
    epoch_end,
    finish,
    learn,
    steps,
    trial_end,
)


def test_a_second_start_continues_the_same_runs(
    opened: Opened, runs: dict[str, Run], client: MlflowClient
) -> None:
    first = opened()
    for run in runs.values():
        learn(run, 1)
        first.on_epoch(epoch_end(run.fingerprint, 1))
    finish(runs["bbb"], 1)
    first.synchronize("bbb")
    close(first, complete=False)
    second = opened()
    learn(runs["aaa"], 2)
    second.on_epoch(epoch_end("aaa", 1))  # a retried epoch
    second.on_epoch(epoch_end("aaa", 2))
    finish(runs["aaa"], 3)  # whose third epoch was never reported
    second.synchronize("aaa")
    second.synchronize("bbb")
    close(second, complete=True)
    assert second.remote.study_id == first.remote.study_id
    sent = children(client)
    assert steps(client, sent["aaa"]) == [1, 2, 3]
    assert steps(client, sent["bbb"], "F1/test") == [0]
    assert {run.info.status for run in sent.values()} == {"FINISHED"}


def test_a_finished_run_is_sent_whole_and_dated_by_its_training(
    opened: Opened, runs: dict[str, Run], client: MlflowClient
) -> None:
    finish(runs["aaa"], 120)  # more than fits one request
    tracker = opened()
    tracker.synchronize("aaa")
    close(tracker, complete=True)
    run = children(client)["aaa"]
    history = client.get_metric_history(run.info.run_id, "training/loss")
    assert [m.step for m in history] == [*range(1, 121)]
    assert [m.timestamp for m in history[:2]] == [1000 * STARTED + 500, 1000 * STARTED + 1000]
    assert run.info.end_time - run.info.start_time == 60_000


def test_an_epoch_not_reported_yet_is_not_shown_yet(
    opened: Opened, runs: dict[str, Run], client: MlflowClient
) -> None:
    """A run that another study has trained further is judged epoch by epoch."""
    tracker = opened()
    learn(runs["aaa"], 9)
    tracker.on_epoch(epoch_end("aaa", 4))
    close(tracker, complete=False)
    assert steps(client, children(client)["aaa"]) == [1, 2, 3, 4]


def test_an_interrupted_run_is_sent_up_to_its_last_epoch(
    tracked: ExperimentSpec, mlflow_db: Path, runs: dict[str, Run], client: MlflowClient
) -> None:
    empty = dataclasses.replace(tracked, runs={})
    tracker = MlflowTracker(f"sqlite:///{mlflow_db}", empty)
    tracker.on_trial_start(tracked.runs["aaa"])
    tracker.on_trial_start(dataclasses.replace(tracked.runs["bbb"], experiment="another"))
    learn(runs["aaa"], 3)
    close(tracker, complete=False)
    (run,) = children(client).values()
    assert (run.info.status, run.data.tags[STATE]) == ("KILLED", "running")
    assert steps(client, run) == [1, 2, 3]


def test_epochs_on_a_node_of_its_own_are_shown_while_it_trains(
    mlflow_db: Path, client: MlflowClient, tracked: ExperimentSpec, tmp_path: Path
) -> None:
    store = Store(f"file://{tmp_path}/bucket")
    here = SharedRun(tmp_path / "here" / "aaa", store)
    node = SharedRun(tmp_path / "node" / "aaa", store)
    planned = {"aaa": dataclasses.replace(tracked.runs["aaa"], run=here)}
    tracker = MlflowTracker(f"sqlite:///{mlflow_db}", dataclasses.replace(tracked, runs=planned))
    token = node.claim()
    learn(node, 2)
    node.publish_epoch(token)
    tracker.on_epoch(epoch_end("aaa", 2))
    close(tracker, complete=False)
    run = children(client)["aaa"]
    assert steps(client, run) == [1, 2]
    assert steps(client, run, "system/process_memory_megabytes") == [1, 2]
    assert not (here.path / CHECKPOINT).exists()


def test_failed_and_interrupted_trials_have_their_own_status(
    opened: Opened, runs: dict[str, Run], client: MlflowClient
) -> None:
    tracker = opened()
    for name, run in runs.items():
        learn(run, 1)
        tracker.synchronize(name)
    runs["aaa"].record_failure("the training loss is nan")
    close(tracker, complete=False)
    sent = children(client)
    assert sent["aaa"].info.status == "FAILED"
    assert sent["aaa"].data.tags["rin.failure"] == "the training loss is nan"
    assert sent["bbb"].info.status == "KILLED"


def test_a_pruned_run_has_no_result_even_if_it_is_trained_further(
    opened: Opened,
    runs: dict[str, Run],
    client: MlflowClient,
    tracked: ExperimentSpec,
    mlflow_db: Path,
) -> None:
    tracker = opened()
    learn(runs["aaa"], 2)
    tracker.on_trial_end(trial_end("aaa", state=TrialState.PRUNED, epochs=2))
    close(tracker, complete=True)
    finish(runs["aaa"], 5)  # an audit went to the end
    pruned = dataclasses.replace(tracked.runs["aaa"], pruned_after=2)
    again = MlflowTracker(
        f"sqlite:///{mlflow_db}", dataclasses.replace(tracked, runs={"aaa": pruned})
    )
    close(again, complete=True)
    run = children(client)["aaa"]
    assert run.info.status == "KILLED"
    assert (run.data.tags[STATE], run.data.tags["rin.epochs"]) == ("pruned", "2")
    assert steps(client, run) == [1, 2]
    assert "F1/test" not in run.data.metrics


@pytest.mark.slow
def test_what_could_not_be_sent_is_counted_and_sent_next_time(
    opened: Opened, runs: dict[str, Run], client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(runs["aaa"], 2)
    tracker = opened()

    def down(*_: object, **__: object) -> None:
        raise OSError("connection refused")

    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "log_batch", down)
        tracker.synchronize("aaa")
        assert close(tracker, complete=True) == 2  # the trial's run and the study's
    tracker = opened()
    tracker.synchronize("aaa")
    assert close(tracker, complete=True) == 0
    run = children(client)["aaa"]
    assert run.info.status == "FINISHED"
    assert run.data.params == {"k": "1"}
    assert steps(client, run) == [1, 2]


@pytest.mark.slow
def test_one_run_that_cannot_be_written_holds_up_no_other(
    opened: Opened, runs: dict[str, Run], client: MlflowClient, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = opened()
    learn(runs["aaa"], 1)
    tracker.on_epoch(epoch_end("aaa", 1))
    deadline = time.monotonic() + 30
    while not children(client) and time.monotonic() < deadline:
        time.sleep(0.05)
    client.delete_run(children(client)["aaa"].info.run_id)  # by a person, in the UI
    with caplog.at_level(logging.WARNING):
        for number in range(2, 6):
            for name, run in runs.items():
                learn(run, number)
                tracker.on_epoch(epoch_end(name, number))
            time.sleep(0.1)
        finish(runs["bbb"], 6)
        tracker.synchronize("bbb")
        assert close(tracker, complete=True) == 1
    assert steps(client, children(client)["bbb"]) == [*range(1, 7)]
    assert len([r for r in caplog.records if "are retried" in r.message]) == 1


@contextmanager
def quota(size: int) -> Iterator[None]:
    """Let no file grow beyond a size: a limit of the process stands for a quota of the disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_quota_is_one_line_when_it_is_met_and_one_when_there_is_room(
    opened: Opened,
    runs: dict[str, Run],
    client: MlflowClient,
    mlflow_db: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    tracker = opened()
    for number in (1, 2):
        with quota(mlflow_db.stat().st_size):
            for epochs in range(40 * number, 40 * number + 4):
                for name, run in runs.items():
                    learn(run, epochs)
                    tracker.on_epoch(epoch_end(name, epochs))
                time.sleep(0.2)
        deadline = time.monotonic() + 30
        while len(caplog.records) < 2 * number and time.monotonic() < deadline:
            time.sleep(0.05)
    assert close(tracker, complete=False) == 0
    told = [record.getMessage() for record in caplog.records]
    assert ["again" in line.partition(";")[0] for line in told] == [False, True] * 2
    assert all(str(mlflow_db) in line and REMEDIES["disk is full"] in line for line in told[::2])
    assert "\n" not in "".join(told)
    assert "Traceback" not in capfd.readouterr().err
    assert {len(steps(client, run)) for run in children(client).values()} == {83}


def test_of_two_remote_runs_of_one_run_one_is_kept(
    opened: Opened, runs: dict[str, Run], client: MlflowClient
) -> None:
    """As two requests to create it leave behind, the first of which was only slow."""
    first = opened()
    learn(runs["aaa"], 3)
    first.synchronize("aaa")
    close(first, complete=False)
    run = children(client)["aaa"]
    twin = client.create_run(run.info.experiment_id, tags=run.data.tags)
    client.log_metric(twin.info.run_id, WATCHED, 0.5, step=1)
    second = opened()
    finish(runs["aaa"], 4)
    second.synchronize("aaa")
    close(second, complete=True)
    assert steps(client, children(client)["aaa"]) == [1, 2, 3, 4]
