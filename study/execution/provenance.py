"""Where a number comes from: code, packages, machine."""

from __future__ import annotations

import functools
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from rin_core.model import matmul

PACKAGES = ("torch", "numpy", "numba", "ray", "mlflow")
#: The code that decides the numbers of a trial. A changed document does not make it dirty.
_CODE = ("rin_core", "search_spaces", "study", "pyproject.toml", "requirements.lock")


@functools.cache
def code_version() -> dict[str, Any]:
    """Return the package's version and, in a checkout, its commit and whether that is modified."""
    found: dict[str, Any] = {"version": version("rin-study")}
    root = Path(__file__).resolve().parents[2]
    if (root / ".git").exists() and (commit := _git(root, "rev-parse", "HEAD")):
        found |= {"commit": commit, "dirty": bool(_git(root, "status", "--porcelain", *_CODE))}
    return found


def _git(root: Path, *arguments: str) -> str:
    try:
        run = subprocess.run(
            # A checkout of another owner, as in a container, is read all the same.
            ["git", "-c", f"safe.directory={root}", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:  # no git on this machine: only the version is recorded
        return ""
    return run.stdout.strip()


def provenance(
    device: torch.device, code: Mapping[str, Any] | None = None, precision: str = "float32"
) -> dict[str, Any]:
    """Return code, packages, hardware and arithmetic of this process.

    On other arithmetic the same training differs in the last bits, and soon in more.

    Args:
        device: What it computes on.
        code: Result of :func:`code_version` on the machine that sent the code; None calls it here.
        precision: ``training.precision``.
    """
    hardware = matmul.processor().get("model name") or platform.processor() or platform.machine()
    arithmetic = f"{torch.backends.cpu.get_cpu_capability()} {matmul.library()}"
    if device.type == "cuda":
        hardware, arithmetic = torch.cuda.get_device_name(device), "cuda"
    if precision != "float32":
        arithmetic += f" {precision}"
    return {
        "code": code_version() if code is None else dict(code),
        "packages": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "hardware": hardware,
        "arithmetic": arithmetic,
        "device": device.type,
    }
