"""Breaks a training epoch when asked to: Python runs this file in every process of a study.

A file ``gpu`` or ``nan`` in the folder that ``RIN_CHAOS`` names breaks the next epoch of one
trial, whichever comes first, and only that.
"""

from __future__ import annotations

import _thread
import importlib.abc
import importlib.machinery
import os
import sys
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, SupportsIndex

if TYPE_CHECKING:
    from rin_core.train.loop import Trainer

WATCHED = "rin_core.train.loop"


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the watched module as everybody does, and has it changed once it is loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != WATCHED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_break(module: ModuleType) -> None:
                load(module)
                _break(module)

            spec.loader.exec_module = load_and_break  # type: ignore[method-assign]
        return spec


def _break(module: ModuleType) -> None:
    whole = module.Trainer._optimise

    def optimise(self: Trainer, number: int) -> object:
        if _asked("gpu"):
            raise RuntimeError("CUDA error: unspecified launch failure")
        if _asked("nan"):
            next(self.model.parameters()).data.fill_(float("nan"))
        return whole(self, number)

    module.Trainer._optimise = optimise


def _asked(what: str) -> bool:
    """Take a request, which only one process can."""
    try:
        (Path(os.environ["RIN_CHAOS"]) / what).unlink()
    except FileNotFoundError:
        return False
    return True


def _sleep(seconds: float | SupportsIndex) -> None:
    """Sleep on a lock: libfaketime breaks the system call under ``time.sleep`` (EINVAL)."""
    lock = _thread.allocate_lock()
    lock.acquire()
    lock.acquire(timeout=float(seconds))


if "FAKETIME" in os.environ:
    time.sleep = _sleep
if "RIN_CHAOS" in os.environ:
    sys.meta_path.insert(0, _Finder())
