"""A worker gives back the memory of its trials, and names a trial that has not enough."""

from __future__ import annotations

import ctypes
import resource
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from study.execution.worker import release_memory

THREADS, BLOCKS, SIZE = 8, 10_000, 4096


def test_what_threads_have_freed_goes_back_to_the_system() -> None:
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("the C library is not glibc")
    together = threading.Barrier(THREADS)

    def allocate(_: int) -> list[bytearray]:
        together.wait(60)  # so that each thread has a heap of its own
        blocks = [bytearray(SIZE) for _ in range(BLOCKS)]
        together.wait(60)
        return blocks[-1:]  # at the end of the heap: glibc itself can give back nothing

    with ThreadPoolExecutor(THREADS) as pool:
        kept = list(pool.map(allocate, range(THREADS)))
        before = psutil.Process().memory_info().rss
        release_memory()
        after = psutil.Process().memory_info().rss
    freed = THREADS * BLOCKS * SIZE
    assert len(kept) == THREADS
    assert before - after > 0.8 * freed


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
def test_a_model_that_does_not_fit_is_named(tmp_path: Path) -> None:
    """Of 16 GiB in one matrix; with less than that of addresses, it is refused at once."""
    limit = 14 * 2**30
    where = ["--max-epochs", "1", "--runs", str(tmp_path)]
    ran = subprocess.run(
        [sys.executable, "study/run.py", "train", "--set", "encoder.hidden_size=65536", *where],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    assert line.startswith(
        "error: not enough memory: use smaller widths or batches (training.batch_size, "
        "training.max_tokens), or run fewer trials at once ("
    )
