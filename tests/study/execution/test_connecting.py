"""How a study comes to Ray, with a Ray that is never started."""

import os
import signal
import sys
from pathlib import Path

import pytest

from study.execution import cluster


def test_a_ray_that_does_not_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(**_: object) -> None:
        raise Exception("The current node timed out during startup.\nAnd much more.")  # as Ray does

    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", die)
    here = cluster.Resources(gpus_per_trial=0)
    with pytest.raises(cluster.ClusterError, match=r"^Ray did not start: The current .* startup"):
        cluster.connect(here)


def test_sigterm_while_ray_starts_is_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    def terminated(**_: object) -> None:
        sys.exit(signal.SIGTERM)  # as Ray's handler does

    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", terminated)
    here = cluster.Resources(gpus_per_trial=0)
    with pytest.raises(KeyboardInterrupt):
        cluster.connect(here)


@pytest.mark.parametrize(("given", "asked"), [(None, "local"), ("auto", "auto")])
def test_only_a_given_cluster_is_joined(
    monkeypatch: pytest.MonkeyPatch, given: str | None, asked: str
) -> None:
    """Left to itself, Ray joins whatever cluster runs on this machine."""
    seen = []

    def init(address: str, **_: object) -> None:
        seen.append(address)
        raise Exception("enough")

    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", init)
    here = cluster.Resources(gpus_per_trial=0, address=given)
    with pytest.raises(cluster.ClusterError):
        cluster.connect(here)
    assert seen == [asked]


@pytest.mark.parametrize(
    ("error", "named", "other"),
    [
        (PermissionError(13, "Permission denied", "/tmp/ray/session"), "RAY_TMPDIR", "allow"),
        (PermissionError(13, "Permission denied", "/.ray"), "HOME", "allow"),
        (PermissionError(13, "Permission denied", "/opt/python"), "/opt/python", "RAY_TMPDIR"),
        (OSError("AF_UNIX path length cannot exceed 107 bytes: /a"), "RAY_TMPDIR", "again"),
        (FileNotFoundError(2, "No such file", "/dev/shm"), "mount /dev/shm", "again"),
        (Exception("The current node timed out"), "again", "RAY_TMPDIR"),
    ],
)
def test_the_remedy_is_that_of_the_cause(
    monkeypatch: pytest.MonkeyPatch, error: Exception, named: str, other: str
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    assert named in cluster._remedy(error)
    assert other not in cluster._remedy(error)


@pytest.mark.parametrize("given", ["RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_TOKEN", None])
def test_ray_gets_a_token_where_it_cannot_keep_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str | None
) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    cluster.provide_token()
    assert "RAY_AUTH_TOKEN" not in os.environ
    if given is not None:
        monkeypatch.setenv(given, "x")
    monkeypatch.setenv("HOME", "/proc/none")
    cluster.provide_token()
    found = os.environ.get("RAY_AUTH_TOKEN", "")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    assert len(found) == {None: 64, "RAY_AUTH_TOKEN": 1}.get(given, 0)
