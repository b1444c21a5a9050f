"""The machines that trials run on: Ray's cluster, or this machine as one.

What is known of them here is what a person is told before the first trial: that there is a
cluster, how many trials it has room for, and that none of them is too large for its share.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import os
import signal
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import ray

from rin_core.data.encoding import EncodedCorpus
from study.execution.memory import footprint
from study.execution.packing import slots
from study.execution.worker import Work
from study.ledger.files import StudyError

# Ray's notices are about files and settings of its own.
logging.getLogger("ray").setLevel(logging.ERROR)

ROOT = Path(__file__).parents[2]
#: A cluster's nodes need Ray and the libraries, not this project: it is sent to them.
SHIPPED = [str(ROOT / name) for name in ("rin_core", "search_spaces", "study")]


class ClusterError(StudyError):
    """The cluster cannot be reached, or can never hold a trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a trial takes, and how many may run at once."""

    cpus_per_trial: float
    gpus_per_trial: float | None
    """None until :meth:`settled`: one where there is one."""
    max_concurrent: int | None
    """None leaves it to what fits."""
    address: str | None
    """A running cluster; None starts Ray here."""

    def settled(self) -> Resources:
        """Return the same with a number of GPUs.

        Raises:
            ClusterError: No cluster there to be asked.
        """
        if self.gpus_per_trial is not None:
            return self
        return dataclasses.replace(self, gpus_per_trial=default_gpus(self.address))

    def of_trial(self) -> dict[str, float]:
        """Return what a trial takes, by Ray's names."""
        return {"CPU": self.cpus_per_trial, "GPU": self.gpus_per_trial or 0.0}

    def __str__(self) -> str:
        return "a trial of {CPU:g} CPUs and {GPU:g} GPUs".format(**self.of_trial())


def connect(resources: Resources) -> int:
    """Start Ray here, or join the cluster at an address; SIGTERM is from then on an interruption.

    Returns:
        How many trials fit at once; at a given address, where nodes may still join, at least one.

    Raises:
        ClusterError: No cluster there, or this machine has no room for even one trial.
    """
    if not ray.is_initialized():
        try:
            ray.init(
                address=resources.address or "local",  # None would join a cluster of this host
                include_dashboard=None if resources.address else False,
                log_to_driver=False,
                logging_level="ERROR",
                configure_logging=False,
                runtime_env=resources.address and {"py_modules": SHIPPED},
            )
        except SystemExit as ended:  # Ray's answer to a SIGTERM while it starts
            raise KeyboardInterrupt from ended
        except Exception as error:  # Ray raises plain ones when its own processes die
            given = resources.address
            where = f"--ray-address {given}" if given else "Ray did not start"
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            if given and "RAY_AUTH_MODE" not in os.environ:
                # Ray takes to tokens by itself where one was ever made, and says nothing of it.
                reason += "; if the cluster asks for a token, set RAY_AUTH_MODE=token here, too"
            raise ClusterError(f"{where}: {reason}; the same command tries again") from error
    # Ray ends a driver at once on SIGTERM; a batch system that sends it means "stop".
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    fits = slots(nodes(), resources.of_trial())
    if fits < 1 and resources.address is None:
        total = ray.cluster_resources()
        raise ClusterError(
            f"no room for {resources}: this machine has {total.get('CPU', 0):g} CPUs and "
            f"{total.get('GPU', 0):g} GPUs; lower --cpus-per-trial or --gpus-per-trial"
        )
    return max(1, min(fits, resources.max_concurrent or fits))


def at_once(resources: Resources, left: int) -> str:
    """Say how many trials will run at once, of those that are left."""
    fits = slots(nodes(), resources.of_trial())
    if fits < 1:
        return f"no node has room for {resources} now: trials wait for one that has"
    most = min(left, resources.max_concurrent or left)
    more = ", more as nodes join" if resources.address and most > fits else ""
    return f"{min(fits, most)} at a time{more}"


def room(resources: Resources, ahead: int = 0) -> int:
    """Return how many trials fit now, and so many more ahead, for whom nodes may join."""
    most = slots(nodes(), resources.of_trial()) + ahead
    return min(most, resources.max_concurrent or most)


def nodes() -> list[Mapping[str, float]]:
    """Return the resources of each node that is there now."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def require_listener(address: str | None) -> None:
    """Refuse an address where nobody listens: Ray would wait for minutes and then abort.

    Raises:
        ValueError: An address of Ray Client, through which Tune cannot reach the driver.
        ClusterError: Nobody listens there.
    """
    if (address or "").startswith("ray://"):
        raise ValueError(
            f"--ray-address {address}: a study cannot run through Ray Client; give the command on "
            "the cluster's head, there or by `ray job submit`, with --ray-address auto"
        )
    host, _, port = (address or "").rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise ClusterError(
            f"--ray-address {address}: {error}; start the cluster, or leave the option out to "
            "use this machine"
        ) from error


def default_gpus(address: str | None) -> float:
    """Return the GPUs of a trial where nobody said: one, if there is one at all."""
    if address is not None:
        connect(Resources(cpus_per_trial=1, gpus_per_trial=0, max_concurrent=1, address=address))
        return float(bool(ray.cluster_resources().get("GPU", 0)))
    import torch

    return float(torch.cuda.is_available())


def require_card(
    resources: Resources, work: Iterable[Work], corpora: Mapping[str, EncodedCorpus]
) -> None:
    """Refuse a share of this machine's GPU that is too small for a trial.

    Fractions are bookkeeping: all trials see the whole card, and the last to come finds it full.

    Raises:
        ClusterError: Says how much a trial needs.
    """
    share = resources.of_trial()["GPU"]
    if not 0 < share < 1 or resources.address is not None:
        return
    import torch

    card = torch.cuda.get_device_properties(0).total_memory
    needed = max(footprint(w.config, corpora[w.corpus_key]).card() for w in work)
    if needed > share * card:
        raise ClusterError(
            f"--gpus-per-trial {share:g}: a trial needs about {needed / 2**30:.1f} GiB of "
            f"the card's {card / 2**30:.1f}; give at least {math.ceil(100 * needed / card) / 100:g}"
        )
