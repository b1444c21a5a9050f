"""What a trial takes of its machine.

MLflow's own system metrics watch the driver's process and the whole machine, which trials share.
So a trial measures its own process, once per epoch.
"""

from __future__ import annotations

import psutil
import torch

MEBI = 2.0**20


class Meter:
    """Measures this process between readings.

    Args:
        device: The device that it computes on.
    """

    def __init__(self, device: torch.device) -> None:
        self.device, self._process = device, psutil.Process()
        self._process.cpu_percent()  # the first call starts the measurement

    def read(self) -> dict[str, float]:
        """Return the use since the last reading, by name.

        ``process_cpu_percentage`` is of one core, ``process_memory_megabytes`` is resident now,
        ``process_gpu_memory_megabytes`` is the most that was allocated.
        """
        used = {
            "process_cpu_percentage": self._process.cpu_percent(),
            "process_memory_megabytes": self._process.memory_info().rss / MEBI,
        }
        if self.device.type == "cuda":
            most = torch.cuda.max_memory_allocated(self.device) / MEBI
            torch.cuda.reset_peak_memory_stats(self.device)
            used["process_gpu_memory_megabytes"] = most
        return used
