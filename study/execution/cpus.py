"""How many of a machine's CPUs this process may use.

Affinity (``taskset``), cpusets (Slurm, ``docker --cpuset-cpus``) and quotas of control groups
(``docker --cpus``, Kubernetes) each set a limit. Ray reads some of them, and only of the root.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def available_cpus(cgroups: Path = CGROUPS, own: Path = OWN) -> float:
    """Return the number of CPUs that this process may use; a quota can be a fraction.

    Args:
        cgroups: Where the control groups are mounted.
        own: The file that names the groups of this process.
    """
    has_affinity = hasattr(os, "sched_getaffinity")  # macOS has none
    cpus = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return min(float(cpus), *_quotas(cgroups, own), math.inf)


def slots() -> int:
    """Return how many CPUs to give to Ray: whole ones, and one where there is less."""
    return max(1, int(available_cpus() + 1e-9))


def _quotas(cgroups: Path, own: Path) -> Iterator[float]:
    """Yield the quota in CPUs of each group from this process's own up to the root."""
    lines: list[str] = []
    with suppress(OSError):
        lines = own.read_text(encoding="utf-8").splitlines()
    for line in lines:
        _, controllers, path = line.split(":", maxsplit=2)
        if not controllers:
            roots = [cgroups, cgroups / "unified"]
        elif "cpu" in controllers.split(","):
            roots = [cgroups / controllers, cgroups / "cpu"]
        else:
            continue
        group = Path(path.lstrip("/"))
        for root in roots:
            for folder in (group, *group.parents):
                with suppress(OSError, ValueError, ZeroDivisionError):
                    yield _quota(root / folder)


def _quota(group: Path) -> float:
    """Return the quota of one group in CPUs; raises where it has none."""
    if (limit := group / "cpu.max").exists():  # version 2: "max 100000" or "50000 100000"
        quota, period = limit.read_text(encoding="ascii").split()
        return math.inf if quota == "max" else int(quota) / int(period)
    quota = (group / "cpu.cfs_quota_us").read_text(encoding="ascii")
    period = (group / "cpu.cfs_period_us").read_text(encoding="ascii")
    return math.inf if int(quota) <= 0 else int(quota) / int(period)
