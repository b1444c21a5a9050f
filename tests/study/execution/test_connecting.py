"""How a study comes to Ray, with a Ray that is never started."""

import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

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


class FakeRay:
    """The state of Ray in this process, and its IDs: a cluster counts its jobs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses: list[str] = []
        self.runs, self.node, self.jobs = False, "", Counter[str]()
        monkeypatch.setattr(cluster, "_addresses", {})
        monkeypatch.setattr("ray.is_initialized", lambda: self.runs)
        monkeypatch.setattr("ray.init", self.init)
        monkeypatch.setattr("ray.shutdown", self.shutdown)
        monkeypatch.setattr("ray.cluster_resources", lambda: {"CPU": 1.0})
        node = {"Alive": True, "Resources": {"CPU": 1.0}}
        monkeypatch.setattr("ray.nodes", lambda: [node])
        monkeypatch.setattr("signal.signal", lambda *_: None)
        context = SimpleNamespace(
            get_node_id=lambda: self.node, get_job_id=lambda: f"{self.jobs[self.node]:08}"
        )
        monkeypatch.setattr("ray.get_runtime_context", lambda: context)

    def init(self, address: str, **_: object) -> None:
        assert not self.runs, "Ray refuses to start twice"
        self.addresses.append(address)
        self.node = f"local {len(self.addresses)}" if address == "local" else address
        self.jobs[self.node] += 1
        self.runs = True

    def shutdown(self) -> None:
        self.runs = False


def connect(address: str | None) -> None:
    cluster.connect(cluster.Resources(gpus_per_trial=0, memory_per_trial=0, address=address))


def test_a_later_study_joins_the_cluster_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray lasts from call to call, but not on another cluster than the one asked for."""
    ray = FakeRay(monkeypatch)
    for address in (None, None, "host:1", "host:1", "host:2", None):
        connect(address)
    assert ray.addresses == ["local", "host:1", "host:2", "local"]


@pytest.mark.parametrize("address", [None, "host:1"])
@pytest.mark.parametrize("elsewhere", ["local", "host:1"])
@pytest.mark.parametrize("earlier", [False, True])
def test_a_ray_of_the_program_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str | None, elsewhere: str, earlier: bool
) -> None:
    """It may lack this project's code and settings, and is not ours to shut down."""
    ray = FakeRay(monkeypatch)
    if earlier:
        connect(address)
        ray.shutdown()
    ray.init(elsewhere)
    with pytest.raises(cluster.ClusterError, match=r"call ray\.shutdown\(\) first"):
        connect(address)
    assert ray.runs
    ray.shutdown()
    connect(address)
    assert ray.addresses[-1] == (address or "local")


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
