"""The lines of the benchmark, and how a line runs in its own process."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu import epochs, footprints, kernel, launches, precision, resumed, sharing
from benchmarks.gpu.record import Record, Setting, Verdict


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    title: str
    measure: Callable[[Setting, Record], Verdict]
    seconds: float
    """Its time limit."""
    on_cpu: bool = False
    """Whether it also runs without a GPU."""


LINES = {
    1: Line("pair loss in Triton, against float64", kernel.measure, 60, on_cpu=True),
    2: Line("an epoch at K = 1 and 5, against dense", epochs.measure, 80),
    3: Line("reduced precision, against float32", precision.measure, 150),
    4: Line("trials that share the card", sharing.measure, 90),
    5: Line("a study, killed and resumed", resumed.measure, 150, on_cpu=True),
    6: Line("memory of a trial, and its growth", footprints.measure, 50),
    7: Line("launches and waits of a step", launches.measure, 60),
}


def run(number: int, setting: Setting, seconds: float) -> dict[str, Any]:
    """Run a line in its own process; at the limit, kill the process and all that it started."""
    if seconds <= 0:
        return {"state": "no time left", "verdict": "", "seconds": 0.0}
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rin-gpu-line-") as folder:
        place = Path(folder)
        process = multiprocessing.get_context("spawn").Process(
            target=_measure, args=(number, setting, place)
        )
        process.start()
        process.join(seconds)
        if in_time := not process.is_alive():
            outcome = _read(place / "outcome.json")
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid or 0, signal.SIGKILL)  # also what the line left running
        process.kill()
        process.join()
        if not in_time:
            outcome = {"state": "out of time", "verdict": f"ended after {seconds:.0f} s"}
        elif not outcome:
            verdict = f"the process ended with code {process.exitcode}"
            outcome = {"state": "failed", "verdict": verdict}
        measured = _read(place / "measured.json")
        log = place / "log"
        tail = log.read_text(errors="replace").splitlines()[-40:] if log.exists() else []
    outcome |= {"seconds": time.monotonic() - started, "measured": measured}
    return outcome if outcome["state"] == "holds" else outcome | {"log": tail}


def _measure(number: int, setting: Setting, folder: Path) -> None:
    """Measure one line in the process that :func:`run` starts."""
    os.setsid()
    with (folder / "log").open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    torch.set_num_threads(1)  # as a trial has
    try:
        verdict = LINES[number].measure(setting, Record(folder / "measured.json"))
        state = "holds" if verdict.holds else "does not hold"
        outcome = {"state": state, "verdict": verdict.text}
    except Exception as error:
        traceback.print_exc()
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        outcome = {"state": "failed", "verdict": f"{type(error).__name__}: {reason}"}
    (folder / "outcome.json").write_text(json.dumps(outcome))
    sys.stdout.flush()
    sys.stderr.flush()


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):  # a kill may have cut it
        return {}
    return content
