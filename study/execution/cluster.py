"""The machines that trials run on: a Ray cluster, or this machine alone."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import secrets
import signal
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import ray

from rin_core.problems import first_line
from study.execution.cpus import slots
from study.execution.packing import trials_that_fit
from study.execution.signals import (
    in_lasting_thread,
    interrupt_on_hangup,
    kept_from_children,
    set_handler,
)
from study.ledger.files import StudyError

# Ray's notices are about its own files and settings.
logging.getLogger("ray").setLevel(logging.ERROR)

ROOT = Path(__file__).parents[2]
#: A cluster's nodes need Ray and the libraries; this project is sent to them.
SHIPPED = [str(ROOT / name) for name in ("rin_core", "search_spaces", "study")]
#: Bytes of main memory that a trial asks for by default: a Ray worker with torch, Numba and this
#: project takes 850 MiB before it trains, and a RIN on a BiLSTM little more.
MEMORY = 2**30
#: The address that each start of Ray in this process was for, by node and job. A start has either a
#: new node, on this machine, or a new job of a cluster.
_addresses: dict[tuple[str, str], str | None] = {}


class ClusterError(StudyError):
    """The cluster cannot be reached, or has no room for a trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a trial takes, and how many may run at once."""

    cpus_per_trial: float = 1.0
    gpus_per_trial: float | None = None
    """None until :func:`connect`: one where there is one."""
    memory_per_trial: float | None = None
    """GiB of main memory; None until :func:`connect`: :data:`MEMORY`, or less on small nodes."""
    max_concurrent: int | None = None
    """None runs as many as fit."""
    address: str | None = None
    """A running cluster; None starts Ray here."""

    def of_trial(self) -> dict[str, float]:
        """Return what a trial takes, by Ray's names."""
        memory = (self.memory_per_trial or 0.0) * 2**30
        return {"CPU": self.cpus_per_trial, "GPU": self.gpus_per_trial or 0.0, "memory": memory}

    def __str__(self) -> str:
        return (
            f"a trial of {self.cpus_per_trial:g} CPUs, {self.gpus_per_trial or 0:g} GPUs and "
            f"{self.memory_per_trial or 0:.2g} GiB of memory"
        )


def connect(resources: Resources) -> Resources:
    """Start Ray here, or join the cluster at an address. SIGTERM and SIGHUP then act like Ctrl-C.

    Returns:
        The resources with a number of GPUs, and with a memory that a node has.

    Raises:
        ClusterError: There is no cluster, this machine has no room for a single trial, or this
            process already has a Ray that something else started.
    """
    interrupt_on_hangup()
    _ensure_ray(resources.address)
    # Ray ends a driver at once on SIGTERM; a batch system that sends it expects a clean stop.
    set_handler(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    if resources.gpus_per_trial is None:
        if resources.address is None:
            import torch

            gpus = float(torch.cuda.is_available())
        else:
            gpus = float(ray.cluster_resources().get("GPU", 0) > 0)
        resources = dataclasses.replace(resources, gpus_per_trial=gpus)
    if resources.memory_per_trial is None:
        rest = {name: n for name, n in resources.of_trial().items() if name != "memory"}
        fitting = (node for node in nodes() if trials_that_fit(node, rest))
        largest = max((node.get("memory", 0.0) for node in fitting), default=MEMORY)
        memory = min(MEMORY, largest) / 2**30
        resources = dataclasses.replace(resources, memory_per_trial=memory)
    if resources.address is None and capacity(resources) < 1:
        total = ray.cluster_resources()
        raise ClusterError(
            f"not enough resources for {resources}: this machine has {total.get('CPU', 0):g} CPUs, "
            f"{total.get('GPU', 0):g} GPUs and {total.get('memory', 0) / 2**30:.2g} GiB of memory "
            "for Ray; lower --cpus-per-trial, --gpus-per-trial or --memory-per-trial"
        )
    return resources


def _ensure_ray(address: str | None) -> None:
    """Keep the Ray of an earlier call, if it is at this address; otherwise start one."""
    if ray.is_initialized():
        start = _node_and_job()
        if start not in _addresses:
            # It may be on another cluster, and its workers may not have this project's code.
            raise ClusterError(
                "Ray is already running in this process, but rin-study did not start it: call "
                "ray.shutdown() first"
            )
        if _addresses[start] == address:
            return
        ray.shutdown()
    with kept_from_children():
        start_ray(address)
    _addresses[_node_and_job()] = address


def _node_and_job() -> tuple[str, str]:
    context = ray.get_runtime_context()
    return context.get_node_id(), context.get_job_id()


def start_ray(address: str | None) -> None:
    """Start Ray here, or join the cluster at an address.

    Raises:
        ClusterError: Ray does not start, or there is no cluster.
    """
    if address is None:
        provide_token()
    try:
        # Linux ends Ray's processes with the thread that started them, and Ray then this program.
        in_lasting_thread(
            lambda: ray.init(
                address=address or "local",  # None would join a cluster on this host
                num_cpus=None if address else slots(),
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level="ERROR",
                configure_logging=False,
                runtime_env=address and {"py_modules": SHIPPED},
            )
        )
    except SystemExit as ended:  # Ray's response to a SIGTERM while it starts
        raise KeyboardInterrupt from ended
    except Exception as error:  # Ray raises plain ones when its own processes die
        where = f"--ray-address {address}" if address else "Ray did not start"
        reason = first_line(error)
        if address and "RAY_AUTH_MODE" not in os.environ:
            # Ray switches to tokens by itself where one was ever made, and does not say so.
            reason += "; if the cluster requires a token, set RAY_AUTH_MODE=token here, too"
        raise ClusterError(f"{where}: {reason}; {_remedy(error)}") from error


def provide_token() -> None:
    """Give Ray a token for its own processes where it cannot keep one, in ``~/.ray``."""
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: a user without a home
        folder = Path.home() / ".ray"
        folder.mkdir(exist_ok=True)
        if os.access(folder, os.W_OK):
            return
    if not {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"} & set(os.environ):
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _remedy(error: Exception) -> str:
    """Return what can be done about an error of Ray's start."""
    folder = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    text = str(error)
    if "AF_UNIX" in text:
        return f"{folder} is too long for Ray's sockets: set RAY_TMPDIR to a short path"
    if isinstance(error, PermissionError) or "Permission denied" in text:
        name = Path(getattr(error, "filename", None) or f"{folder}/ray")
        if name.is_relative_to(folder) or ".ray" in name.parts:
            return f"{name} is not writable: set RAY_TMPDIR or HOME to folders that you can write"
        return f"allow this user to read and execute {name}"
    if "/dev/shm" in text:
        return "Ray requires shared memory: mount /dev/shm"
    return "run the same command to try again"


def nodes() -> list[Mapping[str, float]]:
    """Return the resources of each live node, by Ray's names."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def capacity(resources: Resources, ahead: int = 0) -> int:
    """Return how many trials may run at once now.

    Args:
        resources: What a trial takes.
        ahead: Trials that may wait beside them for new nodes.
    """
    trial = resources.of_trial()
    fitting = ahead + sum(trials_that_fit(node, trial) for node in nodes())
    return min(fitting, resources.max_concurrent or fitting)


def describe_capacity(resources: Resources, trials: int) -> str:
    """Say how many of the trials run at once."""
    fitting = capacity(resources)
    if fitting < 1:
        return f"no node has enough resources for {resources} now: trials wait until one has"
    grows = (
        resources.address is not None and min(trials, resources.max_concurrent or trials) > fitting
    )
    return f"{min(fitting, trials)} at a time" + (", more as nodes join" if grows else "")


def require_listener(address: str | None) -> None:
    """Refuse an address without a listener: Ray would wait for minutes and then abort.

    Raises:
        ValueError: An address of Ray Client, through which Tune cannot reach the driver.
        ClusterError: Nothing listens there.
    """
    if (address or "").startswith("ray://"):
        raise ValueError(
            f"--ray-address {address}: Ray Client is not supported; run the command on the "
            "cluster's head node, directly or by `ray job submit`, with --ray-address auto"
        )
    host, _, port = (address or "").rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise ClusterError(
            f"--ray-address {address}: {error}; start the cluster, or omit the option to use this "
            "machine"
        ) from error
