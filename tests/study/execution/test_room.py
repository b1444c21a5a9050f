"""How many trials the machines have room for, and what a person is told of it."""

from __future__ import annotations

import pytest

from study.execution import cluster


def on_nodes(monkeypatch: pytest.MonkeyPatch, *cpus: float) -> None:
    nodes = [{"Alive": True, "Resources": {"CPU": n}} for n in cpus]
    monkeypatch.setattr(cluster.ray, "is_initialized", lambda: True)
    monkeypatch.setattr(cluster.ray, "nodes", lambda: [*nodes, {"Alive": False, "Resources": {}}])
    monkeypatch.setattr(cluster.ray, "cluster_resources", lambda: {"CPU": sum(cpus)})
    monkeypatch.setattr(cluster.signal, "signal", lambda *_: None)


def two_cpus(address: str | None, most: int | None = None) -> cluster.Resources:
    return cluster.Resources(
        cpus_per_trial=2, gpus_per_trial=0, max_concurrent=most, address=address
    )


def test_trials_wait_on_a_cluster_that_has_no_room_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    on_nodes(monkeypatch, 0, 1, 1)
    assert cluster.connect(two_cpus("auto")) == 1
    said = cluster.at_once(two_cpus("auto"), 9)
    assert (
        said
        == "no node has room for a trial of 2 CPUs and 0 GPUs now: trials wait for one that has"
    )
    assert cluster.room(two_cpus("auto"), ahead=16) == 16
    assert cluster.room(two_cpus("auto", most=3), ahead=16) == 3


def test_a_machine_without_room_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    on_nodes(monkeypatch, 1)
    with pytest.raises(cluster.ClusterError, match=r"no room for a trial of 2 CPUs .* has 1 CPUs"):
        cluster.connect(two_cpus(None))


def test_how_many_at_once_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    on_nodes(monkeypatch, 4, 3)
    assert cluster.connect(two_cpus("auto")) == 3
    assert cluster.at_once(two_cpus("auto"), 9) == "3 at a time, more as nodes join"
    assert cluster.at_once(two_cpus("auto", most=2), 9) == "2 at a time"
    assert cluster.at_once(two_cpus(None), 9) == "3 at a time"
    assert cluster.at_once(two_cpus("auto"), 2) == "2 at a time"
