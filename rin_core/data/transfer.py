"""Index arrays of a batch, from the host to the device that trains on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_device(arrays: Sequence[NDArray[Any]], device: torch.device) -> list[Tensor]:
    """Return arrays of integers as int64 tensors on a device.

    For a GPU they travel together in one copy from pinned memory. The host does not wait for that
    copy, so it can prepare the next step while the GPU still computes this one.
    """
    tensors = [torch.from_numpy(array.astype(np.int64)) for array in arrays]
    if device.type != "cuda":
        return [tensor.to(device) for tensor in tensors]
    sizes = [tensor.numel() for tensor in tensors]
    pinned = torch.empty(sum(sizes), dtype=torch.int64, pin_memory=True)
    torch.cat([tensor.flatten() for tensor in tensors], out=pinned)
    parts = torch.split(pinned.to(device, non_blocking=True), sizes)
    return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]
