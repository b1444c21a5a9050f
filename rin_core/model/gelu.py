"""GELU of a linear layer on a CPU, with the layer's bias, in one pass over the numbers.

With z = |x| / √2, erf(z) = 1 - t · polynomial(t) · e^(-z²), where t = 1 / (1 + 0.3275911 z):
formula 7.1.26 of Abramowitz and Stegun, whose error is below 1.5e-7. The slope of GELU needs the
same exponential, because the normal density is e^(-z²) / √(2π).

Shapes: S rows · I columns.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from rin_core.cache import set_numba_cache
from rin_core.kernels import (
    EXACT,
    F32,
    I32,
    ONE,
    ZERO,
    Array,
    exponentials,
    in_parallel,
    load,
    store,
)
from rin_core.model.dropout import NO_BIAS, bits_of, parts_of

set_numba_cache(Path(__file__))

_SCALE, _ROOT, _DENSITY = F32(0.3275911), F32(math.sqrt(0.5)), F32(1 / math.sqrt(2 * math.pi))
_HALF = F32(0.5)
#: Numbers that a kernel computes at a time: its arrays stay in the nearest cache.
_BLOCK = 512
_A1, _A2, _A3 = F32(0.254829592), F32(-0.284496736), F32(1.421413741)
_A4, _A5 = F32(-1.453152027), F32(1.061405429)


def bias_gelu(values_SI: Tensor, bias_I: Tensor | None) -> Tensor:
    """Return GELU of the values plus the bias [S, I], in the type of the values.

    Args:
        values_SI: In float32 or bfloat16, on a CPU.
        bias_I: In float32; None adds nothing.
    """
    result_SI: Tensor = _BiasGelu.apply(values_SI, bias_I)  # type: ignore[no-untyped-call]
    return result_SI


class _BiasGelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values_SI: Tensor, bias_I: Tensor | None) -> Tensor:
        values_SI = values_SI.contiguous()
        ctx.save_for_backward(values_SI, bias_I)
        result_SI = torch.empty_like(values_SI)
        bias = NO_BIAS if bias_I is None else bias_I.detach().numpy()
        arguments = bits_of(values_SI), bias, bits_of(result_SI)
        in_parallel(lambda _, first, last: _forward(*arguments, first, last), len(values_SI))
        return result_SI

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        values_SI, bias_I = ctx.saved_tensors
        d_result_SI = grad_outputs[0].contiguous()
        d_values_SI = torch.empty_like(values_SI)
        has_bias = ctx.needs_input_grad[1]
        d_bias_TI = parts_of(values_SI.shape[1] if has_bias else 0)
        arguments = (
            bits_of(values_SI),
            NO_BIAS if bias_I is None else bias_I.detach().numpy(),
            bits_of(d_result_SI),
            bits_of(d_values_SI),
        )
        in_parallel(
            lambda part, first, last: _backward(*arguments, d_bias_TI[part], first, last),
            len(values_SI),
        )
        return d_values_SI, torch.from_numpy(d_bias_TI.sum(0)) if has_bias else None


@njit(cache=True, fastmath=EXACT, error_model="numpy", inline="always")
def _read(values: Array, bias: Array, bits: Array, x: Array, n: int) -> None:
    load(values, bits, n)
    if bias.size:
        for j in range(n):
            x[j] += bias[j]


@njit(cache=True, fastmath=EXACT, error_model="numpy", inline="always")
def _normal(
    x: Array, share: Array, density: Array, power_bits: Array, power: Array, n: int
) -> None:
    """Write the normal distribution of n numbers, and √(2π) times their normal density."""
    for j in range(n):
        share[j] = -_HALF * x[j] * x[j]
    exponentials(share, density, power_bits, power, n)
    for j in range(n):
        t = ONE / (ONE + _SCALE * _ROOT * abs(x[j]))
        tail = ((((_A5 * t + _A4) * t + _A3) * t + _A2) * t + _A1) * t * density[j] * _HALF
        share[j] = ONE - tail if x[j] > ZERO else tail


@njit(cache=True, nogil=True, fastmath=EXACT, error_model="numpy")
def _forward(values: Array, bias: Array, out: Array, first: int, last: int) -> None:
    width = values.shape[1]
    bits, power_bits = np.empty(_BLOCK, I32), np.empty(_BLOCK, I32)
    x, power = bits.view(F32), power_bits.view(F32)
    share, density = np.empty(_BLOCK, F32), np.empty(_BLOCK, F32)
    for i in range(first, last):
        for start in range(0, width, _BLOCK):
            n = min(_BLOCK, width - start)
            _read(values[i, start:], bias[start:], bits, x, n)
            _normal(x, share, density, power_bits, power, n)
            for j in range(n):
                x[j] *= share[j]
            store(bits, out[i, start:], n)


@njit(cache=True, nogil=True, fastmath=EXACT, error_model="numpy")
def _backward(
    values: Array,
    bias: Array,
    d_result: Array,
    d_values: Array,
    d_bias: Array,
    first: int,
    last: int,
) -> None:
    width = values.shape[1]
    bits, d_bits, power_bits = np.empty(_BLOCK, I32), np.empty(_BLOCK, I32), np.empty(_BLOCK, I32)
    x, d, power = bits.view(F32), d_bits.view(F32), power_bits.view(F32)
    share, density = np.empty(_BLOCK, F32), np.empty(_BLOCK, F32)
    for i in range(first, last):
        for start in range(0, width, _BLOCK):
            n = min(_BLOCK, width - start)
            _read(values[i, start:], bias[start:], bits, x, n)
            _normal(x, share, density, power_bits, power, n)
            load(d_result[i, start:], d_bits, n)
            for j in range(n):
                d[j] *= share[j] + x[j] * density[j] * _DENSITY
            if d_bias.size:
                d_part = d_bias[start:]
                for j in range(n):
                    d_part[j] += d[j]
            store(d_bits, d_values[i, start:], n)
