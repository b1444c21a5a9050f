"""A study tracked in PostgreSQL, directly and by a server, in a private cluster on loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from study.tracking.base import TrackingError
from study.tracking.mlflow.sender import MlflowTracker
from tests.servers import LOOPBACK, free_port, mlflow_server
from tests.tracked import WATCHED, check_complete, close, epoch_end, experiment, finish, learn

pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
pytestmark = pytest.mark.postgres
PASSWORD = "hunter2"


def programs() -> Path:
    """Debian keeps them out of the path: in a folder for each version."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not versions:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return versions[-1].parent


def other_user() -> list[str]:
    """PostgreSQL refuses to run as root; Debian's package brings a user for it."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("run as root, and there is no user postgres to become")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A cluster that nobody else can reach: loopback, one user, a password."""
    bin_folder, become = programs(), other_user()
    # Not pytest's folder: another user must be able to enter it, and a socket's path is short.
    with tempfile.TemporaryDirectory(prefix="rin-pg-") as name:
        folder, port = Path(name), free_port()
        secret, data = folder / "secret", folder / "data"
        secret.write_text(PASSWORD)
        if become:
            for path in (folder, secret):
                shutil.chown(path, "postgres", "postgres")

        def run(program: str, *arguments: str) -> None:
            command = [*become, str(bin_folder / program), "-D", str(data), *arguments]
            with (folder / "log").open("a") as log:
                ran = subprocess.run(
                    command, cwd=folder, stdout=log, stderr=log, timeout=90, check=False
                )
            assert ran.returncode == 0, (folder / "log").read_text()

        run("initdb", "-U", "rin", "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync")
        options = f"-c listen_addresses={LOOPBACK} -c port={port} -c fsync=off"
        options += f" -c unix_socket_directories={folder}"
        run("pg_ctl", "start", "-w", "-l", str(data / "server.log"), "-o", options)
        try:
            yield f"postgresql+psycopg2://rin:{PASSWORD}@{LOOPBACK}:{port}/postgres"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")


@pytest.mark.timeout(240)
def test_a_study_tracked_in_postgres_directly_and_by_a_server(
    postgres: str, tmp_path: Path
) -> None:
    """Begun on the database, gone on with through a server: the same runs, nothing twice."""
    tracked = experiment(tmp_path)
    first = MlflowTracker(postgres, tracked)
    for planned in tracked.runs.values():
        learn(planned.run, 5)
        first.on_epoch(epoch_end(planned.run.fingerprint, 5))
    assert close(first, complete=False) == 0
    assert (tmp_path / "artifacts").as_uri() in first.remote.client.get_experiment(
        first.remote.experiment_id
    ).artifact_location

    with mlflow_server(postgres, tmp_path / "served") as server:
        second = MlflowTracker(server.url, tracked)
        for name, planned in tracked.runs.items():
            finish(planned.run, 12)
            second.synchronize(name)
        assert close(second, complete=True) == 0
        assert second.remote.study_id == first.remote.study_id
        epochs = dict.fromkeys(tracked.runs, 12)
        check_complete(MlflowClient(tracking_uri=server.url), epochs)

    client = MlflowClient(tracking_uri=postgres)
    run = client.search_runs([first.remote.experiment_id], "tags.arm = 'aaa'")[0]
    again = [m for m in client.get_metric_history(run.info.run_id, WATCHED) if m.step > 10]
    client.log_batch(run.info.run_id, metrics=again)  # as after a lost answer
    check_complete(client, epochs)


def test_a_driver_that_is_missing_is_named(postgres: str, tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=r"No module named 'pg8000'; install the driver, or"):
        MlflowTracker(postgres.replace("psycopg2", "pg8000"), experiment(tmp_path))


def test_a_wrong_password_is_one_clear_error_at_once(postgres: str, tmp_path: Path) -> None:
    wrong = postgres.replace(PASSWORD, "another")
    with pytest.raises(TrackingError, match="password authentication failed") as raised:
        MlflowTracker(wrong, experiment(tmp_path))
    assert "another" not in str(raised.value)
    assert PASSWORD not in str(raised.value)
