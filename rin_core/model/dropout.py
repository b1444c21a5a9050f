"""Dropout on a CPU, with what stands beside it in a transformer, in one pass over the numbers.

torch draws one number after the other on a CPU, 6 ns each, which is a tenth of a transformer's
training. Here a counter and a seed from torch's generator give 64 bits at a time, by splitmix64
(Steele et al. 2014), and 16 of them decide a number: the rate is exact to 1 in 65,536.

Shapes: S rows · D columns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn

from rin_core.cache import set_numba_cache
from rin_core.kernels import EXACT, F32, I32, Array, drop, in_parallel, load, store

set_numba_cache(Path(__file__))

U64 = np.uint64
#: Instead of a bias.
NO_BIAS = np.empty(0, F32)
_STEP, _MIX, _MIX_AGAIN = U64(0x9E3779B97F4A7C15), U64(0xBF58476D1CE4E5B9), U64(0x94D049BB133111EB)


def draws_of(count: int) -> Array:
    """Return random numbers of 16 bits; their seed comes from torch's generator."""
    draws = np.empty(-(-count // 4), U64)
    if count:
        seed = U64(torch.randint(2**63 - 1, ()).item())
        in_parallel(lambda _, first, last: _splitmix(seed, draws, first, last), len(draws))
    bits: Array = draws.view(np.int16)[:count]
    return bits


@njit(cache=True, nogil=True, error_model="numpy")
def _splitmix(seed: Any, out: Array, first: int, last: int) -> None:
    for i in range(first, last):
        z = seed + U64(i) * _STEP
        z = (z ^ (z >> U64(30))) * _MIX
        z = (z ^ (z >> U64(27))) * _MIX_AGAIN
        out[i] = z ^ (z >> U64(31))


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
        rows = values.reshape(-1, values.shape[-1])
        dropped: Tensor = _BiasDropoutAdd.apply(rows, None, None, self.p)  # type: ignore[no-untyped-call]
        return dropped.view(values.shape)


def bias_dropout_add(
    values_SD: Tensor, bias_D: Tensor | None, residual_SD: Tensor, rate: float
) -> Tensor:
    """Return the values plus the bias, after dropout, plus the residual [S, D], in its type.

    Args:
        values_SD: In float32 or bfloat16, on a CPU.
        bias_D: In float32; None adds nothing.
        residual_SD: In float32 or bfloat16.
        rate: Share of the values that are dropped; 0 outside training.
    """
    added_SD: Tensor = _BiasDropoutAdd.apply(  # type: ignore[no-untyped-call]
        values_SD, bias_D, residual_SD, rate
    )
    return added_SD


class _BiasDropoutAdd(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        values_SD: Tensor,
        bias_D: Tensor | None,
        residual_SD: Tensor | None,
        rate: float,
    ) -> Tensor:
        ctx.rate, ctx.dtype = rate, values_SD.dtype
        ctx.draws = draws_of(values_SD.numel() if rate else 0)
        result_SD = torch.empty_like(
            values_SD if residual_SD is None else residual_SD,
            memory_format=torch.contiguous_format,
        )
        arguments = (
            bits_of(values_SD.contiguous()),
            NO_BIAS if bias_D is None else bias_D.detach().numpy(),
            bits_of(result_SD[:0] if residual_SD is None else residual_SD.contiguous()),
            ctx.draws,
            first_kept(rate),
            F32(1 / (1 - rate)),
            bits_of(result_SD),
        )
        in_parallel(lambda _, first, last: _forward(*arguments, first, last), len(values_SD))
        return result_SD

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        d_result_SD = grad_outputs[0].contiguous()
        _, has_bias, has_residual, _ = ctx.needs_input_grad
        d_values_SD = torch.empty_like(d_result_SD, dtype=ctx.dtype)
        d_bias_TD = parts_of(d_result_SD.shape[1] if has_bias else 0)
        arguments = (
            bits_of(d_result_SD),
            ctx.draws,
            first_kept(ctx.rate),
            F32(1 / (1 - ctx.rate)),
            bits_of(d_values_SD),
        )
        in_parallel(
            lambda part, first, last: _backward(*arguments, d_bias_TD[part], first, last),
            len(d_result_SD),
        )
        return (
            d_values_SD,
            torch.from_numpy(d_bias_TD.sum(0)) if has_bias else None,
            d_result_SD if has_residual else None,
            None,
        )


def parts_of(*shape: int) -> Array:
    """Return zeros [T, …] to which each of torch's threads adds sums of its own."""
    return np.zeros((torch.get_num_threads(), *shape), F32)


@njit(cache=True, nogil=True, fastmath=EXACT, error_model="numpy")
def _forward(
    values: Array,
    bias: Array,
    residual: Array,
    draws: Array,
    least: Any,
    factor: Any,
    out: Array,
    first: int,
    last: int,
) -> None:
    D = values.shape[1]
    bits, added_bits = np.empty(D, I32), np.empty(D, I32)
    x, added = bits.view(F32), added_bits.view(F32)
    for i in range(first, last):
        load(values[i], bits, D)
        if bias.size:
            for j in range(D):
                x[j] += bias[j]
        if draws.size:
            drop(x, draws[i * D :], least, factor, D)
        if residual.size:
            load(residual[i], added_bits, D)
            for j in range(D):
                x[j] += added[j]
        store(bits, out[i], D)


@njit(cache=True, nogil=True, fastmath=EXACT, error_model="numpy")
def _backward(
    d_result: Array,
    draws: Array,
    least: Any,
    factor: Any,
    d_values: Array,
    d_bias: Array,
    first: int,
    last: int,
) -> None:
    D = d_result.shape[1]
    bits = np.empty(D, I32)
    x = bits.view(F32)
    for i in range(first, last):
        load(d_result[i], bits, D)
        if draws.size:
            drop(x, draws[i * D :], least, factor, D)
        if d_bias.size:
            for j in range(D):
                d_bias[j] += x[j]
        store(bits, d_values[i], D)


def replace_dropout(module: nn.Module) -> None:
    """Replace torch's dropout everywhere in a module."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Dropout:
                setattr(parent, name, Dropout(child.p))
