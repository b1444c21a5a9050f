"""A real ``mlflow server``: killed, slow, silent. Everything arrives, once, and nobody waits."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from rin_core.cli import without_credentials
from study.tracking.base import ExperimentSpec, TrackingError
from study.tracking.mlflow import sender as mlflow_tracker
from study.tracking.mlflow.sender import MlflowTracker
from tests.servers import Faulty, MlflowServer, faulty, free_port, mlflow_server, wait_for
from tests.tracked import check_complete, children, close, epoch_end, experiment, finish, learn

pytestmark = pytest.mark.slow

EPOCHS = 30


@pytest.fixture(scope="module")
def server(_migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    folder = tmp_path_factory.mktemp("server")
    database = shutil.copy(_migrated, folder / "mlflow.db")
    with mlflow_server(f"sqlite:///{database}", folder / "artifacts") as running:
        yield running


@pytest.fixture
def between(server: MlflowServer) -> Iterator[Faulty]:
    with faulty(server) as passing:
        yield passing


def train(tracker: MlflowTracker, tracked: ExperimentSpec, first: int, last: int) -> float:
    """Report epochs at a steady pace; return the longest that a report took."""
    longest = 0.0
    for epoch in range(first, last + 1):
        for name, planned in tracked.runs.items():
            learn(planned.run, epoch)
            before = time.perf_counter()
            tracker.on_epoch(epoch_end(name, epoch))
            longest = max(longest, time.perf_counter() - before)
        time.sleep(0.03)
    return longest


def end(tracker: MlflowTracker, tracked: ExperimentSpec, epochs: int) -> None:
    for name, planned in tracked.runs.items():
        finish(planned.run, epochs)
        tracker.synchronize(name)


@pytest.mark.timeout(180)
def test_a_server_killed_in_the_middle_gets_everything_once(
    server: MlflowServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracked = experiment(tmp_path, name="killed")
    tracker = MlflowTracker(server.url, tracked)
    longest = train(tracker, tracked, 1, 10)
    server.kill()
    longest = max(longest, train(tracker, tracked, 11, 20))
    server.start()
    longest = max(longest, train(tracker, tracked, 21, EPOCHS))
    assert longest < 0.05
    end(tracker, tracked, EPOCHS)
    assert close(tracker, complete=True) == 0
    client = MlflowClient(tracking_uri=server.url)
    check_complete(client, dict.fromkeys(tracked.runs, EPOCHS), "killed")
    said = [r.getMessage() for r in caplog.records if r.name == mlflow_tracker.__name__]
    assert len(said) == 2, said
    assert "are retried" in said[0]
    assert "reachable again" in said[1]


@pytest.mark.timeout(180)
def test_a_server_that_is_gone_at_the_end_gets_the_rest_from_the_next_start(
    server: MlflowServer, tmp_path: Path
) -> None:
    tracked = experiment(tmp_path, name="gone")
    tracker = MlflowTracker(server.url, tracked)
    train(tracker, tracked, 1, 10)
    server.kill()
    end(tracker, tracked, EPOCHS)
    assert close(tracker, complete=True) == len(tracked.runs) + 1  # the study's own run as well
    with pytest.raises(
        TrackingError, match="check the address, and that an MLflow server runs there"
    ):
        MlflowTracker(server.url, tracked)
    server.start()
    again = MlflowTracker(server.url, tracked)
    for name in tracked.runs:
        again.synchronize(name)
    assert close(again, complete=True) == 0
    client = MlflowClient(tracking_uri=server.url)
    check_complete(client, dict.fromkeys(tracked.runs, EPOCHS), "gone")


@pytest.mark.parametrize("every", [2, 3])
def test_a_lost_answer_doubles_nothing(
    server: MlflowServer, between: Faulty, tmp_path: Path, every: int
) -> None:
    """The server does what it is asked, and the one who asked does not hear of it."""
    name = f"lost-{every}"
    tracked = experiment(tmp_path, name=name)
    tracker = MlflowTracker(between.url, tracked)
    between.lose_every = every
    train(tracker, tracked, 1, 10)
    end(tracker, tracked, EPOCHS)
    client = MlflowClient(tracking_uri=server.url)
    planned = set(tracked.runs)

    def arrived() -> bool:
        runs = children(client, name)
        return runs.keys() == planned and {r.info.status for r in runs.values()} == {"FINISHED"}

    wait_for(arrived, 60)
    assert between.lost >= 3
    between.lose_every = 0
    assert close(tracker, complete=True) == 0
    check_complete(client, dict.fromkeys(planned, EPOCHS), name)


def test_a_slow_server_is_waited_for_by_nobody_but_the_end(
    server: MlflowServer, between: Faulty, tmp_path: Path
) -> None:
    tracked = experiment(tmp_path, name="slow")
    tracker = MlflowTracker(between.url, tracked)
    between.delay = 0.3
    assert train(tracker, tracked, 1, 20) < 0.05
    end(tracker, tracked, 20)
    assert close(tracker, complete=True) == 0
    client = MlflowClient(tracking_uri=server.url)
    check_complete(client, dict.fromkeys(tracked.runs, 20), "slow")


SECRETS = ("hunter2", "p@ss/word", "t0ken")


@pytest.mark.parametrize(
    "uri",
    [
        "http://ann:hunter2@127.0.0.1:{port}",
        "http://ann:p@ss/word@127.0.0.1:{port}",
        "postgresql+psycopg2://ann:hunter2@127.0.0.1:{port}/mlflow",
        "postgresql+psycopg2://ann:p@ss/word@127.0.0.1:{port}/mlflow",
        "postgresql+psycopg2://127.0.0.1:{port}/mlflow?user=ann&password=hunter2",
    ],
)
def test_a_dead_server_is_one_clear_error_without_the_password(
    uri: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    if uri.startswith("postgresql"):
        pytest.importorskip("psycopg2")
    started = time.monotonic()
    with pytest.raises(TrackingError, match=r"^--tracking-uri \S+: .*; check the") as raised:
        MlflowTracker(uri.format(port=free_port()), experiment(tmp_path))
    assert time.monotonic() - started < 10
    said = f"{raised.value} {caplog.text} {''.join(capfd.readouterr())}"
    assert not [secret for secret in SECRETS if secret in said]
    assert without_credentials(said) == said


def test_who_may_write_is_told_by_the_environment_alone(
    between: Faulty,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A token travels with each request and is written nowhere."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    tracked = experiment(tmp_path, ("aaa",), name="token")
    tracker = MlflowTracker(between.url, tracked)
    train(tracker, tracked, 1, 2)
    end(tracker, tracked, 2)
    assert close(tracker, complete=True) == 0
    assert between.authorizations == {"Bearer t0ken"}
    client = MlflowClient(tracking_uri=between.url)
    kept = [str(run.to_dictionary()) for run in client.search_runs([tracker.remote.experiment_id])]
    kept += [path.read_text() for path in tmp_path.rglob("*.json*")]
    assert len(kept) > 2
    assert "t0ken" not in "".join(kept) + caplog.text
