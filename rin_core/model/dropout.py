"""Dropout on a CPU, from 16 random bits a number, in one pass over the numbers.

torch draws one number after the other on a CPU, 6 ns each, which is a tenth of a transformer's
training. Sixteen bits decide as well: the rate is exact to 1 in 65,536.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn

from rin_core.cache import set_numba_cache
from rin_core.kernels import F32, I32, Array, drop, load, store

set_numba_cache(Path(__file__))

#: Numbers that a kernel reads at a time: they stay in the nearest cache.
_BLOCK = 1024


def draws_of(count: int) -> Array:
    """Return random numbers of 16 bits from torch's generator."""
    draws = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    bits: Array = draws.view(torch.int16)[:count].numpy()
    return bits


def first_kept(rate: float) -> np.int16:
    """Return the least number of 16 bits at which a value stays."""
    return np.int16(min(round(rate * 2**16) - 2**15, 2**15 - 1))


def bits_of(values: Tensor) -> Array:
    """Return the memory of a contiguous tensor of float32 or bfloat16 as whole numbers."""
    bits: Array = values.view(torch.int16 if values.itemsize == 2 else torch.int32).numpy()
    return bits


class Dropout(nn.Dropout):
    """torch's dropout, faster on a CPU."""

    def forward(self, values: Tensor) -> Tensor:
        """Return the values, and in training some of them as 0 and the others larger."""
        if not (self.training and self.p and values.device.type == "cpu"):
            return super().forward(values)
        dropped: Tensor = _Dropout.apply(values, None, self.p)  # type: ignore[no-untyped-call]
        return dropped


def dropout_and_add(values: Tensor, residual: Tensor, rate: float) -> Tensor:
    """Return the values after dropout plus the residual, in the residual's type.

    Args:
        values: Tensor of float32 or bfloat16 on a CPU.
        residual: Tensor of the same shape.
        rate: Share of the values that are dropped; 0 outside training.
    """
    if not rate:
        return values + residual
    added: Tensor = _Dropout.apply(values, residual, rate)  # type: ignore[no-untyped-call]
    return added


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, residual: Tensor | None, rate: float) -> Tensor:
        ctx.rate, ctx.dtype, ctx.draws = rate, values.dtype, draws_of(values.numel())
        ctx.has_residual = residual is not None
        dtype = values.dtype if residual is None else residual.dtype
        return _dropped(values, ctx.draws, rate, dtype, residual)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = grad_outputs
        d_values = _dropped(gradient, ctx.draws, ctx.rate, ctx.dtype, None)
        return d_values, gradient if ctx.has_residual else None, None


def _dropped(
    values: Tensor, draws: Array, rate: float, dtype: torch.dtype, residual: Tensor | None
) -> Tensor:
    result = torch.empty(values.shape, dtype=dtype)
    flat = bits_of(values.contiguous()).reshape(-1)
    added = flat[:0] if residual is None else bits_of(residual.contiguous()).reshape(-1)
    out = bits_of(result).reshape(-1)
    _kernel(flat, added, draws, first_kept(rate), F32(1 / (1 - rate)), out)
    return result


@njit(cache=True, error_model="numpy")
def _kernel(
    values: Array, residual: Array, draws: Array, least: Any, factor: Any, out: Array
) -> None:
    """Write values · factor where they stay, 0 elsewhere, plus the residual if there is one."""
    bits, added_bits = np.empty(_BLOCK, I32), np.empty(_BLOCK, I32)
    x, added = bits.view(F32), added_bits.view(F32)
    for start in range(0, len(values), _BLOCK):
        n = min(_BLOCK, len(values) - start)
        load(values[start:], bits, n)
        drop(x, draws[start:], least, factor, n)
        if residual.size:
            load(residual[start:], added_bits, n)
            for j in range(n):
                x[j] += added[j]
        store(bits, out[start:], n)


def replace_dropout(module: nn.Module) -> None:
    """Replace torch's dropout everywhere in a module."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Dropout:
                setattr(parent, name, Dropout(child.p))
