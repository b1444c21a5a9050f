"""Two measured limits of a card: bytes per second of a copy, and exponentials per second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import triton
import triton.language as tl
from triton.testing import do_bench

TIMES, BLOCK, NUMBERS = 512, 1024, 2**22


# Triton's compiler evaluates annotations and knows only its own, so arguments have no others.
@triton.jit  # type: ignore[untyped-decorator]
def _exponentials(x, out, TIMES: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    places = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + places)
    for _ in range(TIMES):
        value = tl.exp2(value) - 1.5
    tl.store(out + places, value)


def ceilings(device: torch.device) -> dict[str, float]:
    """Return both rates."""
    block = torch.randn(2**28, device=device)
    other = torch.empty_like(block)
    copy = median_seconds(lambda: other.copy_(block))
    grid = (NUMBERS // BLOCK,)
    powers = median_seconds(lambda: _exponentials[grid](block, other, TIMES, BLOCK))
    return {
        "bytes a second of a copy": 2 * block.nbytes / copy,
        "exponentials a second": NUMBERS * TIMES / powers,
    }


def median_seconds(call: Callable[[], Any]) -> float:
    """Return the median seconds of a call, by device events, with a cold cache."""
    milliseconds: float = do_bench(call, warmup=20, rep=150, return_mode="median")
    return milliseconds / 1e3
