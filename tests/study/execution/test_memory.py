"""A worker gives back the memory of its trials, which run in threads."""

from __future__ import annotations

import ctypes
import threading
from concurrent.futures import ThreadPoolExecutor

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
