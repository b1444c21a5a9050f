"""How many trials fit on nodes; no Ray."""

from __future__ import annotations

from typing import Any

import pytest

from study.commands import dry_run
from study.commands.options import Options
from study.execution import cluster

GIB = 2**30
SMALL = {"CPU": 1.0, "memory": 2.0 * GIB, "node:10.0.0.1": 1.0}
LARGE = {"CPU": 8.0, "GPU": 2.0, "memory": 30.0 * GIB}
HEAD = {"memory": 60.0 * GIB}


def on_nodes(monkeypatch: pytest.MonkeyPatch, *nodes: dict[str, float]) -> None:
    alive = [{"Alive": True, "Resources": node} for node in nodes]
    monkeypatch.setattr(cluster, "_ensure_ray", lambda _: None)
    monkeypatch.setattr("ray.nodes", lambda: [*alive, {"Alive": False, "Resources": {}}])
    total = {name: sum(n.get(name, 0.0) for n in nodes) for name in ("CPU", "GPU", "memory")}
    monkeypatch.setattr("ray.cluster_resources", lambda: total)
    monkeypatch.setattr("signal.signal", lambda *_: None)


def asking(
    cpus: float, gpus: float = 0, memory: float | None = 0, **more: Any
) -> cluster.Resources:
    return cluster.Resources(
        cpus_per_trial=cpus, gpus_per_trial=gpus, memory_per_trial=memory, **more
    )


@pytest.mark.parametrize(
    ("nodes", "resources", "fits"),
    [
        ([SMALL, SMALL], asking(2), 0),  # two halves are no room
        ([SMALL, SMALL, LARGE], asking(2), 4),
        ([SMALL, LARGE], asking(1, 0.5), 4),
        ([LARGE], asking(0.1, 0.1), 20),
        ([LARGE], asking(0.1, 0.4), 4),  # two shares on each card; what is left of both is no share
        ([LARGE], asking(0.1, 0.6), 2),
        ([LARGE], asking(0.1, 1), 2),
        ([HEAD], asking(1), 0),
        ([], asking(1), 0),
        ([SMALL, LARGE], asking(1, memory=10), 3),
        ([LARGE], asking(1, max_concurrent=3), 3),
    ],
)
def test_trials_fit_on_single_nodes(
    monkeypatch: pytest.MonkeyPatch,
    nodes: list[dict[str, float]],
    resources: cluster.Resources,
    fits: int,
) -> None:
    on_nodes(monkeypatch, *nodes)
    assert cluster.capacity(resources) == fits


@pytest.mark.parametrize(("share", "fits"), [(None, 2), (0.5, 4), (0.4, 4), (0.0, 8)])
def test_a_dry_run_knows_how_many_trials_share_the_cards(
    monkeypatch: pytest.MonkeyPatch, share: float | None, fits: int
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr(dry_run, "cpu_slots", lambda: 8)
    assert dry_run.trial_slots(Options(gpus_per_trial=share)) == fits


def test_by_default_memory_keeps_no_node_with_free_cpus_from_running_a_trial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_nodes(monkeypatch, {"CPU": 1.0, "memory": 0.3 * GIB}, HEAD)
    resources = cluster.connect(asking(1, memory=None))
    assert resources.memory_per_trial == pytest.approx(0.3)
    assert cluster.capacity(resources) == 1
    on_nodes(monkeypatch, LARGE)
    assert cluster.connect(asking(1, memory=None)).memory_per_trial == 1


def test_trials_wait_on_a_cluster_without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    on_nodes(monkeypatch, {"CPU": 0.0}, {"CPU": 1.0}, {"CPU": 1.0})
    two = asking(2, address="auto")
    assert cluster.connect(two) == two
    assert "no node has enough resources for a trial of 2 CPUs" in cluster.describe_capacity(two, 9)
    assert cluster.capacity(two, ahead=16) == 16
    assert cluster.capacity(asking(2, address="auto", max_concurrent=3), ahead=16) == 3


def test_a_machine_without_room_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    on_nodes(monkeypatch, {"CPU": 1.0, "memory": 4.0 * GIB})
    with pytest.raises(
        cluster.ClusterError, match=r"not enough resources for a trial of 2 CPUs, .* has 1 CPUs"
    ):
        cluster.connect(asking(2))
    with pytest.raises(cluster.ClusterError, match=r"lower .*--memory-per-trial"):
        cluster.connect(asking(1, memory=5))


@pytest.mark.parametrize(
    ("most", "address", "trials", "text"),
    [
        (None, "auto", 9, "3 at a time, more as nodes join"),
        (2, "auto", 9, "2 at a time"),
        (None, None, 9, "3 at a time"),
        (None, "auto", 2, "2 at a time"),
    ],
)
def test_how_many_trials_run_at_once(
    monkeypatch: pytest.MonkeyPatch, most: int | None, address: str | None, trials: int, text: str
) -> None:
    on_nodes(monkeypatch, {"CPU": 4.0}, {"CPU": 3.0})
    resources = asking(2, max_concurrent=most, address=address)
    assert cluster.describe_capacity(resources, trials) == text
