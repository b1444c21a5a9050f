"""Run everything that needs a GPU once, and print a table with a verdict for each line.

    python -m benchmarks.gpu --data webnlg_star --data-root DIR
    python -m benchmarks.gpu --lines 1 5

Each line runs in its own process with a time limit. If it fails, the other lines still run. After
each line, the measurements are written to ``gpu-<card>.json`` and the table to ``gpu-<card>.md``.
Without a GPU, only the lines that can use a CPU run; the others are marked *needs a GPU*.
"""

from __future__ import annotations

import dataclasses
import os
import platform
import re
import sys
import time
from dataclasses import dataclass
from typing import Annotated, Any

import torch
import tyro
from rich.console import Console

from benchmarks.command import RESULTS, Corpus, DataRoot, Results, Vectors
from benchmarks.command import run as command
from benchmarks.gpu.lines import LINES, run
from benchmarks.gpu.record import Setting
from benchmarks.gpu.table import table_of, write
from rin_core.data.installed import SMALL, installed_folder

CONSOLE = Console(width=None if sys.stdout.isatty() else 160)
NEEDS_GPU, REHEARSED = "needs a GPU", "rehearsed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Measure all that the project computes on a GPU; without one, what runs on a CPU."""

    lines: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N")] = tuple(LINES)
    """Lines of the table to measure."""
    data: Corpus = "demo"
    data_root: DataRoot = None
    embeddings: Vectors = None
    encoder: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="FOLDER",
            help_behavior_hint="(default: on a GPU, all-MiniLM-L6-v2 if it is installed)",
        ),
    ] = None
    """Folder of a pretrained encoder."""
    seconds: Annotated[float, tyro.conf.arg(metavar="S")] = 460
    """Time limit of all lines together, after which no line starts; four times that on a CPU."""
    rehearse: tyro.conf.FlagCreatePairsOff[bool] = False
    """Take a few steps of every line, on the CPU if there is no GPU, to check the benchmark."""
    out: Results = RESULTS


def main(options: Options) -> int:
    """Run the lines; return 1 if one failed or its check does not hold."""
    for number in options.lines:
        if number not in LINES:
            raise ValueError(f"--lines {number}: must be among {', '.join(map(str, LINES))}")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # A CPU takes few steps: all of them would take hours.
    setting = Setting(
        device=device,
        data=options.data,
        data_root=options.data_root,
        embeddings=options.embeddings,
        encoder=options.encoder or (_small_encoder() if device == "cuda" else None),
        small=options.rehearse or device == "cpu",
    )
    found: dict[str, Any] = {"machine": _machine(setting), "lines": {}}
    options.out.mkdir(parents=True, exist_ok=True)
    stem = options.out / f"gpu-{_card(device)}"
    slower = 4 if device == "cpu" else 1
    ends = time.monotonic() + slower * options.seconds
    for number in options.lines:
        line = LINES[number]
        only_gpu = device == "cpu" and not line.on_cpu
        if only_gpu and not options.rehearse:
            outcome: dict[str, Any] = {"state": NEEDS_GPU, "verdict": "", "seconds": 0.0}
        else:
            outcome = run(number, setting, min(line.seconds * slower, ends - time.monotonic()))
        if only_gpu and outcome["state"] in ("holds", "does not hold"):
            outcome |= {"state": REHEARSED, "verdict": "ran on the CPU: its figures are no card's"}
        found["lines"][str(number)] = {"line": line.title, **outcome}
        write(found, stem)
        text = f"{number}  {line.title}: {outcome['state']} ({outcome['seconds']:.0f} s)"
        CONSOLE.print(text, outcome["verdict"], highlight=False, markup=False, soft_wrap=True)
    CONSOLE.print(table_of(found))
    CONSOLE.print(f"written: {stem}.md .json", highlight=False, soft_wrap=True)
    bad = [o for o in found["lines"].values() if o["state"] not in ("holds", NEEDS_GPU, REHEARSED)]
    return 1 if bad else 0


def _small_encoder() -> str | None:
    folder = installed_folder(SMALL)
    return None if folder is None else str(folder)


def _card(device: str) -> str:
    if device == "cpu":
        return "no-card"
    return re.sub(r"[^a-z0-9]+", "-", torch.cuda.get_device_name().lower()).strip("-")


def _machine(setting: Setting) -> dict[str, Any]:
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processors": os.cpu_count(),
        "setting": {k: str(v) for k, v in dataclasses.asdict(setting).items()},
    }
    if setting.device == "cuda":
        card = torch.cuda.get_device_properties(0)
        found |= {
            "card": card.name,
            "memory, GiB": card.total_memory / 2**30,
            "multiprocessors": card.multi_processor_count,
        }
    return found


if __name__ == "__main__":
    command(Options, main, "gpu")
