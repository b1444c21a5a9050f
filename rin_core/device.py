"""Where a command computes."""

from __future__ import annotations

import torch


def require_gpu() -> None:
    """Raise ``ValueError`` without a GPU."""
    if not torch.cuda.is_available():
        raise ValueError("--gpu: torch finds no GPU here; omit the option")
