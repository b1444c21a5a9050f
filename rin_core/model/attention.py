"""Softmax attention within windows of unequal lengths, on a CPU.

Windows are sorted by length and multiplied in groups of equal number, each padded to its own
longest window, so that few shapes occur: oneDNN compiles a kernel for each. What lies between the
products is compiled by Numba, one pass over the numbers each. Padding holds zeros.

Numbers are float32 or bfloat16. Between reading and writing them, the kernels compute in float32.

Shapes: S pieces of all windows · D hidden size · W windows of a group · H heads · P pieces,
padded · E size of a head · A arrays side by side in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    SUMMING,
    ZERO,
    Array,
    drop,
    exponentials,
    in_parallel,
    load,
    store,
)
from rin_core.model.dropout import bits_of, draws_of, first_kept, parts_of

set_numba_cache(Path(__file__))

#: Lengths of the padded arrays are multiples of it.
MULTIPLE = 16
#: Windows of a group.
GROUP = 10
#: The score of padding: its exponential is 0 after rounding.
NONE = F32(-np.inf)


@dataclass(frozen=True, slots=True)
class Windows:
    """A group of windows of about the same length."""

    start_W: Array
    """Place of the first piece in the row of all pieces."""
    length_W: Array
    """Number of pieces; 0 for the places that a group has no window for."""
    padded: int
    """P."""

    @property
    def numbers(self) -> Array:
        """How many numbers the rows of a head's weights have, each up to a multiple [W]."""
        numbers_W: Array = self.length_W * (-(-self.length_W // MULTIPLE) * MULTIPLE)
        return numbers_W


def groups_of(length_W: Array) -> list[Windows]:
    """Sort windows into groups by length; each window's pieces follow those of the one before."""
    start_W = np.concatenate([[0], np.cumsum(length_W)[:-1]])
    order_W = np.argsort(length_W, kind="stable")
    groups = []
    for first in range(0, len(order_W), GROUP):
        members = order_W[first : first + GROUP]
        absent = np.zeros(GROUP - len(members), dtype=np.int64)
        groups.append(
            Windows(
                start_W=np.concatenate([start_W[members], absent]),
                length_W=np.concatenate([length_W[members], absent]),
                padded=-(-int(length_W[members[-1]]) // MULTIPLE) * MULTIPLE,
            )
        )
    return groups


def attention(
    joined_S3D: Tensor, bias_HPP: Tensor | None, groups: Sequence[Windows], heads: int, rate: float
) -> Tensor:
    """Return what each piece takes from the pieces of its window [S, D].

    The products are computed in the type of the input, the softmax in float32. Pieces outside all
    windows take zeros.

    Args:
        joined_S3D: Queries, keys and values side by side, in float32 or bfloat16 on a CPU.
        bias_HPP: Added to the scores by the places of two pieces; at least as long as the longest
            window.
        groups: The windows.
        heads: H.
        rate: Rate of dropout of the weights. Draws from torch's generator.
    """
    context_SD: Tensor = _Attention.apply(  # type: ignore[no-untyped-call]
        joined_S3D, bias_HPP, groups, heads, rate
    )
    return context_SD


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        joined_S3D: Tensor,
        bias_HPP: Tensor | None,
        groups: Sequence[Windows],
        heads: int,
        rate: float,
    ) -> Tensor:
        joined_S3D = joined_S3D.contiguous()
        bias = np.empty((0, 0, 0), F32) if bias_HPP is None else bias_HPP.detach().numpy()
        (S, width), saved = joined_S3D.shape, []
        scale = (width // 3 // heads) ** -0.5
        context_SD = joined_S3D.new_zeros(S, width // 3)
        with torch.autocast("cpu", enabled=False):
            for windows in groups:
                q, k, v = _split(joined_S3D, windows, 3, heads)
                probabilities = torch.bmm(q, k.transpose(1, 2))
                weights = torch.zeros_like(probabilities) if rate else probabilities
                numbers_W = heads * windows.numbers  # read of each window
                draws = draws_of(int(numbers_W.sum()) if rate else 0)
                arguments = (
                    bits_of(probabilities),
                    bits_of(weights),
                    bias,
                    windows.length_W,
                    F32(scale),
                    draws,
                    np.cumsum(numbers_W) - numbers_W,
                    first_kept(rate),
                    F32(1 / (1 - rate)),
                )
                in_parallel(lambda _, *ends, use=arguments: _softmax(*use, *ends), GROUP)
                _join(torch.bmm(weights, v)[None], windows, context_SD)
                saved += [q, k, v, probabilities, weights]
        ctx.save_for_backward(*saved)
        ctx.groups, ctx.heads, ctx.rate, ctx.scale = groups, heads, rate, scale
        ctx.bias_shape = None if bias_HPP is None else bias_HPP.shape
        return context_SD

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        d_context_SD = grad_outputs[0].contiguous()
        S, D = d_context_SD.shape
        d_joined_S3D = d_context_SD.new_zeros(S, 3 * D)
        d_bias_THPP = parts_of(*(ctx.bias_shape if ctx.needs_input_grad[1] else (0, 0, 0)))
        for number, windows in enumerate(ctx.groups):
            q, k, v, probabilities, weights = ctx.saved_tensors[5 * number : 5 * number + 5]
            (d_context,) = _split(d_context_SD, windows, 1, ctx.heads)
            d_parts = q.new_empty(3, *q.shape)
            torch.bmm(weights.transpose(1, 2), d_context, out=d_parts[2])
            d_scores = torch.bmm(d_context, v.transpose(1, 2))
            arguments = (
                bits_of(d_scores),
                bits_of(probabilities),
                bits_of(weights),
                windows.length_W,
                F32(ctx.scale),
                F32(1 / (1 - ctx.rate)),
            )
            in_parallel(
                lambda t, *ends, use=arguments: _softmax_backward(*use, d_bias_THPP[t], *ends),
                GROUP,
            )
            torch.bmm(d_scores, k, out=d_parts[0])
            torch.bmm(d_scores.transpose(1, 2), q, out=d_parts[1])
            _join(d_parts, windows, d_joined_S3D)
        d_bias_HPP = torch.from_numpy(d_bias_THPP.sum(0)) if ctx.needs_input_grad[1] else None
        return d_joined_S3D, d_bias_HPP, None, None, None


def _split(values_SD: Tensor, windows: Windows, parts: int, heads: int) -> Tensor:
    """Return the windows of a row of pieces as arrays with padding [A, W·H, P, E]."""
    (W,), P, E = windows.length_W.shape, windows.padded, values_SD.shape[1] // parts // heads
    split = values_SD.new_empty(parts, W * heads, P, E)
    arguments = bits_of(values_SD), windows.start_W, windows.length_W, bits_of(split)
    in_parallel(lambda _, first, last: _split_kernel(*arguments, first, last), W)
    return split


def _join(split: Tensor, windows: Windows, values_SD: Tensor) -> None:
    """Write arrays with padding [A, W·H, P, E] side by side into a row of pieces."""
    arguments = bits_of(split), windows.start_W, windows.length_W, bits_of(values_SD)
    in_parallel(lambda _, first, last: _join_kernel(*arguments, first, last), GROUP)


@njit(cache=True, nogil=True, error_model="numpy")
def _split_kernel(
    rows: Array, start_W: Array, length_W: Array, split: Array, first: int, last: int
) -> None:
    A, WH, _, E = split.shape
    H = WH // len(length_W)
    for a in range(A):
        for w in range(first, last):
            n, start = length_W[w], start_W[w]
            for h in range(H):
                column = (a * H + h) * E
                for p in range(n):
                    source, target = rows[start + p, column:], split[a, w * H + h, p]
                    for e in range(E):
                        target[e] = source[e]
                split[a, w * H + h, n:] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def _join_kernel(
    split: Array, start_W: Array, length_W: Array, rows: Array, first: int, last: int
) -> None:
    A, WH, _, E = split.shape
    H = WH // len(length_W)
    for w in range(first, last):
        n, start = length_W[w], start_W[w]
        for p in range(n):
            for a in range(A):
                for h in range(H):
                    source = split[a, w * H + h, p]
                    target = rows[start + p, (a * H + h) * E :]
                    for e in range(E):
                        target[e] = source[e]


@njit(cache=True, fastmath=SUMMING, error_model="numpy")
def _sum(x: Array, n: int) -> Any:
    total = ZERO
    for j in range(n):
        total += x[j]
    return total


@njit(cache=True, error_model="numpy")
def _largest(x: Array, lanes: Array, n: int) -> Any:
    """Return the largest of n numbers, a multiple of ``MULTIPLE``; NaN is passed over.

    A vector holds the largest of each lane.
    """
    for j in range(MULTIPLE):
        lanes[j] = x[j]
    for start in range(MULTIPLE, n, MULTIPLE):
        part = x[start:]
        for j in range(MULTIPLE):
            lanes[j] = part[j] if part[j] > lanes[j] else lanes[j]
    highest = lanes[0]
    for j in range(1, MULTIPLE):
        highest = lanes[j] if lanes[j] > highest else highest
    return highest


@njit(cache=True, nogil=True, fastmath=EXACT, error_model="numpy")
def _softmax(
    scores: Array,
    weights: Array,
    bias: Array,
    length_W: Array,
    scale: Any,
    draws: Array,
    draw_W: Array,
    least: Any,
    factor: Any,
    first: int,
    last: int,
) -> None:
    """Replace scores [W·H, P, P] by their softmax; write it after dropout where there are draws.

    Rows are read up to a multiple, whole vectors: what lies beyond a window counts as -inf.
    """
    H, P = scores.shape[0] // len(length_W), scores.shape[2]
    bits, out_bits, power_bits = np.empty(P, I32), np.empty(P, I32), np.empty(P, I32)
    x, out, power = bits.view(F32), out_bits.view(F32), power_bits.view(F32)
    lanes = np.empty(MULTIPLE, F32)
    for w in range(first, last):
        n, drawn = length_W[w], draw_W[w]
        whole = (n + MULTIPLE - 1) // MULTIPLE * MULTIPLE
        for h in range(H):
            for i in range(n):
                row = scores[w * H + h, i]
                load(row, bits, whole)
                for j in range(whole):
                    x[j] *= scale
                if bias.size:
                    for j in range(whole):
                        x[j] += bias[h, i, j]
                for j in range(n, whole):
                    x[j] = NONE
                highest = _largest(x, lanes, whole)
                for j in range(whole):
                    x[j] -= highest
                exponentials(x, out, power_bits, power, whole)
                for j in range(n, whole):
                    out[j] = ZERO
                inverse = ONE / _sum(out, whole)
                for j in range(whole):
                    out[j] *= inverse
                store(out_bits, row, whole)
                if draws.size:
                    drop(out, draws[drawn:], least, factor, whole)
                    drawn += whole
                    store(out_bits, weights[w * H + h, i], whole)


@njit(cache=True, nogil=True, fastmath=SUMMING, error_model="numpy")
def _softmax_backward(
    d_weights: Array,
    probabilities: Array,
    weights: Array,
    length_W: Array,
    scale: Any,
    factor: Any,
    d_bias: Array,
    first: int,
    last: int,
) -> None:
    """Replace the gradient of weights by that of scores; a weight of 0 was dropped."""
    H, P = d_weights.shape[0] // len(length_W), d_weights.shape[2]
    d_bits, p_bits, kept = np.empty(P, I32), np.empty(P, I32), np.empty(P, I32)
    d, p = d_bits.view(F32), p_bits.view(F32)
    for w in range(first, last):
        n = length_W[w]
        whole = (n + MULTIPLE - 1) // MULTIPLE * MULTIPLE
        for h in range(H):
            for i in range(n):
                load(d_weights[w * H + h, i], d_bits, whole)
                load(probabilities[w * H + h, i], p_bits, whole)
                load(weights[w * H + h, i], kept, whole)
                for j in range(whole):
                    d[j] = d[j] * factor if kept[j] != 0 else ZERO
                shared = ZERO
                for j in range(whole):
                    shared += d[j] * p[j]
                for j in range(whole):
                    d[j] = p[j] * (d[j] - shared)
                if d_bias.size:
                    for j in range(whole):
                        d_bias[h, i, j] += d[j]
                for j in range(whole):
                    d[j] *= scale
                store(d_bits, d_weights[w * H + h, i], whole)
