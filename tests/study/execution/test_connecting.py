"""How a study comes to Ray, with a Ray that is never started."""

import signal
import sys

import pytest


def test_a_ray_that_does_not_start_is_one_line(monkeypatch):
    from study.execution import cluster

    def die(**_: object) -> None:
        raise Exception("The current node timed out during startup.\nAnd much more.")  # as Ray does

    monkeypatch.setattr(cluster.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(cluster.ray, "init", die)
    here = cluster.Resources(cpus_per_trial=1, gpus_per_trial=0, max_concurrent=None, address=None)
    with pytest.raises(cluster.ClusterError, match=r"^Ray did not start: The current .* startup"):
        cluster.connect(here)


def test_sigterm_while_ray_starts_is_an_interruption(monkeypatch):
    from study.execution import cluster

    def terminated(**_: object) -> None:
        sys.exit(signal.SIGTERM)  # as Ray's handler does

    monkeypatch.setattr(cluster.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(cluster.ray, "init", terminated)
    here = cluster.Resources(cpus_per_trial=1, gpus_per_trial=0, max_concurrent=None, address=None)
    with pytest.raises(KeyboardInterrupt):
        cluster.connect(here)


@pytest.mark.parametrize(("given", "asked"), [(None, "local"), ("auto", "auto")])
def test_only_a_given_cluster_is_joined(monkeypatch, given, asked):
    """Left to itself, Ray joins whatever cluster runs on this machine."""
    from study.execution import cluster

    seen = []

    def init(address: str, **_: object) -> None:
        seen.append(address)
        raise Exception("enough")

    monkeypatch.setattr(cluster.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(cluster.ray, "init", init)
    here = cluster.Resources(cpus_per_trial=1, gpus_per_trial=0, max_concurrent=None, address=given)
    with pytest.raises(cluster.ClusterError):
        cluster.connect(here)
    assert seen == [asked]
