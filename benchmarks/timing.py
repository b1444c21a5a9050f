"""Waiting for a GPU, and several measurements of one thing as its median with a range."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import torch


def synchronize() -> None:
    """Wait for the GPU; on a CPU nothing is pending."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the minimum, the median and the maximum."""
    return {"min": min(values), "median": median(values), "max": max(values)}


def spread_text(values: Sequence[float], form: str = ".2f") -> str:
    """Write the median with the range.

    Examples:
        >>> spread_text([3.0, 1.0, 2.0], ".0f")
        '2 (1 to 3)'
    """
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"
