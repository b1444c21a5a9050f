"""What a killed attempt leaves in the folder of its run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rin_core.files import incomplete_files
from study.ledger.layout import ATTEMPT
from study.ledger.ledger import Ledger
from study.ledger.run import Run

#: Claims a run and writes its checkpoint; the kernel kills it in the middle, at so many bytes.
WRITES = """
import resource, signal, sys, torch
from pathlib import Path
from rin_core.train.checkpoint import save_tensors
from study.ledger.ledger import Ledger
run = Ledger(Path(sys.argv[1])).run("ab")
run.claim()
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
save_tensors(run.path / "checkpoint.safetensors", {"w": torch.zeros(4000)}, {})
"""
LEFT = (".tmpAbc123", f".checkpoint.safetensors.{2**22}-1.part")


@pytest.mark.slow
def test_a_checkpoint_that_was_cut_short_is_removed_at_the_next_start(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", WRITES, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGXFSZ
    run = Ledger(tmp_path).run("ab")
    assert len(incomplete_files(run.path)) == 2  # of safetensors, and of this project
    run.claim()
    assert [path.name for path in run.path.iterdir()] == [ATTEMPT]


def left(run: Run, *, seconds: float = 0) -> None:
    run.path.mkdir(parents=True, exist_ok=True)
    for name in LEFT:
        (run.path / name).touch()
        os.utime(run.path / name, (time.time() - seconds,) * 2)


def an_attempt(run: Run, *, host: str, pid: int) -> None:
    (run.path / ATTEMPT).write_text(f'{{"token": "t", "host": "{host}", "pid": {pid}}}')


@pytest.mark.parametrize(
    ("host", "pid", "seconds", "kept"),
    [
        ("here", 2**22 + 1, 0, False),  # no kernel gives a process this number
        ("here", "own", 0, True),
        ("here", 2**70, 0, True),
        ("another", 2**22 + 1, 0, True),
        ("another", 2**22 + 1, 7200, False),
    ],
)
def test_what_another_process_may_still_write_is_kept(
    tmp_path: Path, host: str, pid: int | str, seconds: float, kept: bool
) -> None:
    run = Ledger(tmp_path).run("ab")
    left(run, seconds=seconds)
    node = os.uname().nodename if host == "here" else host
    an_attempt(run, host=node, pid=os.getpid() if isinstance(pid, str) else pid)
    run.claim()
    assert len(incomplete_files(run.path)) == (2 if kept else 0)


def test_a_start_touches_its_own_run_and_whole_files_alone(tmp_path: Path) -> None:
    run, other = Ledger(tmp_path).run("ab"), Ledger(tmp_path).run("cd")
    for each in (run, other):
        left(each, seconds=7200)
        (each.path / "weights.safetensors").touch()
        (each.path / "notes.part").touch()
    run.claim()
    assert {path.name for path in run.path.iterdir()} == {
        *("weights.safetensors", "notes.part", ATTEMPT)
    }
    assert len(incomplete_files(other.path)) == 2
