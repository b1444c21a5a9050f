"""What a trial takes of its machine, seen from its own process.

MLflow's sampler of system metrics watches the process that logs, which is the driver, and the
whole machine, which trials share. A trial reports its own share, once an epoch.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import torch

MEBI = 2.0**20


class Meter:
    """Measures this process from one reading to the next.

    Args:
        device: What it computes on.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """Return the use since the last reading, by name.

        ``process_cpu_percentage`` is of one core; ``process_memory_megabytes`` is resident now,
        where the system tells; ``process_gpu_memory_megabytes`` is the most that was allocated.
        """
        wall, cpu = time.perf_counter(), time.process_time()
        used = {"process_cpu_percentage": 100 * (cpu - self._cpu) / (wall - self._wall)}
        self._wall, self._cpu = wall, cpu
        return used | _resident() | self._allocated()

    def _allocated(self) -> dict[str, float]:
        if self.device.type != "cuda":
            return {}
        most = torch.cuda.max_memory_allocated(self.device) / MEBI
        torch.cuda.reset_peak_memory_stats(self.device)
        return {"process_gpu_memory_megabytes": most}


def _resident() -> dict[str, float]:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # not Linux
        return {}
    return {"process_memory_megabytes": pages * os.sysconf("SC_PAGE_SIZE") / MEBI}
