"""Limits on CPUs, which bound how many trials run at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from study.execution import cpus

PRINT = "from study.execution import cpus; print(cpus.slots())"
HERE = len(os.sched_getaffinity(0))


def machine(root: Path, own: str, files: dict[str, str]) -> tuple[Path, Path]:
    """Write control groups as the kernel shows them."""
    for name, text in files.items():
        path = root / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "own").write_text(own)
    return root / "cgroup", root / "own"


V1 = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
QUOTAS = {
    "v2 at the root": ("0::/\n", {"cpu.max": "50000 100000\n"}, 0.5),
    "v2 below the root": ("0::/a/b\n", {"a/b/cpu.max": "25000 100000\n"}, 0.25),
    "v2 of a parent": (
        "0::/a/b\n",
        {"a/cpu.max": "70000 100000\n", "a/b/cpu.max": "max 100000\n"},
        0.7,
    ),
    "v1 below the root": (
        "5:cpu,cpuacct:/pod\n3:cpuset:/x\n",
        {f"cpu,cpuacct/pod/{V1[0]}": "10000\n", f"cpu,cpuacct/pod/{V1[1]}": "100000\n"},
        0.1,
    ),
    "v1 without a quota": (
        "5:cpu:/\n",
        {f"cpu/{V1[0]}": "-1\n", f"cpu/{V1[1]}": "100000\n"},
        HERE,
    ),
    "v2 without a quota": ("0::/\n", {"cpu.max": "max 100000\n"}, HERE),
    "a damaged file": ("0::/\n", {"cpu.max": "?\n"}, HERE),
    "no control groups": ("", {}, HERE),
}


@pytest.mark.parametrize("name", QUOTAS)
def test_a_cgroup_quota_limits_the_trials(tmp_path: Path, name: str) -> None:
    own, files, wanted = QUOTAS[name]
    assert cpus.available_cpus(*machine(tmp_path, own, files)) == wanted


@pytest.mark.parametrize(("available", "slots"), [(0.5, 1), (1.0, 1), (1.9, 1), (2.0, 2)])
def test_half_a_cpu_runs_one_trial(
    monkeypatch: pytest.MonkeyPatch, available: float, slots: int
) -> None:
    monkeypatch.setattr(cpus, "available_cpus", lambda: available)
    assert cpus.slots() == slots


@pytest.mark.skipif(HERE < 2, reason="this process may use one CPU only")
def test_cpu_affinity_limits_the_trials() -> None:
    one = min(os.sched_getaffinity(0))
    command = ["taskset", "-c", str(one), sys.executable, "-c", PRINT]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == "1\n"


def test_a_system_without_affinity_uses_all_cpus(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    assert cpus.available_cpus(tmp_path / "no cgroups", tmp_path / "no file") == 7
