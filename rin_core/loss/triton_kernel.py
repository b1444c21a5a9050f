"""The pairwise loss on a GPU: the sums of :mod:`rin_core.loss.pair_loss` as one Triton kernel.

A program takes one relation of one sentence. It walks the sentence's own L × L grid in square
tiles that live in registers, so that padding costs nothing and only O(L) leaves the chip. An
exponential a pair is cheap here, so the kernel uses the plain form, which is right for any finite
logits: with e = exp(-|v|), softplus(v) = max(v, 0) + log(1 + e) and σ(v) is 1 or e over 1 + e.

Row sums come from one walk and column sums from a second over the transposed tiles, which
costs less than atomic additions and always adds in the same order: same input, same bits.
A sentence that fits one tile needs no second walk.

Shapes: B sentences · L tokens, padded · R relations.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor


# Triton's compiler evaluates annotations and knows only its own, so arguments have no others.
@triton.jit
def _softplus_and_sigmoid(v, inside):  # type: ignore[no-untyped-def]
    e = tl.exp(-tl.abs(v))
    # Goldberg's log1p: what rounding took from 1 + e, the quotient puts back.
    u = 1 + e
    log1p = tl.where(u == 1, e, tl.log(u) * (e / tl.where(u == 1, 1, u - 1)))
    softplus = tl.where(inside, tl.maximum(v, 0) + log1p, 0)
    sigmoid = tl.where(inside, tl.where(v > 0, 1, e) / (1 + e), 0)
    return softplus, sigmoid


@triton.jit
def _kernel(  # type: ignore[no-untyped-def]
    subject,
    object_,
    lengths,
    losses,
    rows,
    columns,
    B,
    L,
    BLOCK: tl.constexpr,
    ONE_TILE: tl.constexpr,
):
    cell = tl.program_id(0).to(tl.int64)  # relation t of sentence b, at t * B + b
    n = tl.load(lengths + cell % B).to(tl.int32)
    lanes = tl.arange(0, BLOCK)
    start = cell * L
    loss = tl.zeros([BLOCK], tl.float32)
    for i0 in range(0, n, BLOCK):
        i = i0 + lanes
        s = tl.load(subject + start + i, i < n, 0)
        row = tl.zeros([BLOCK], tl.float32)
        for j0 in range(0, n, BLOCK):
            j = j0 + lanes
            o = tl.load(object_ + start + j, j < n, 0)
            inside = (i < n)[:, None] & (j < n)[None, :]
            softplus, sigmoid = _softplus_and_sigmoid(s[:, None] + o[None, :], inside)
            loss += tl.sum(softplus, 1)
            row += tl.sum(sigmoid, 1)
            if ONE_TILE:
                tl.store(columns + start + j, tl.sum(sigmoid, 0), j < n)
        tl.store(rows + start + i, row, i < n)
    tl.store(losses + cell, tl.sum(loss, 0))
    if not ONE_TILE:
        for j0 in range(0, n, BLOCK):
            j = j0 + lanes
            o = tl.load(object_ + start + j, j < n, 0)
            column = tl.zeros([BLOCK], tl.float32)
            for i0 in range(0, n, BLOCK):
                i = i0 + lanes
                s = tl.load(subject + start + i, i < n, 0)
                inside = (j < n)[:, None] & (i < n)[None, :]
                _, sigmoid = _softplus_and_sigmoid(s[None, :] + o[:, None], inside)
                column += tl.sum(sigmoid, 1)
            tl.store(columns + start + j, column, j < n)


def triton_sums(
    subject_RBL: Tensor, object_RBL: Tensor, lengths_B: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Σ softplus and the row and column sums of σ, in float32; see :func:`pair_loss`."""
    R, B, L = subject_RBL.shape
    rows, columns = (torch.zeros_like(subject_RBL).contiguous() for _ in range(2))
    losses_RB = subject_RBL.new_zeros(R, B)
    block = min(64, max(16, triton.next_power_of_2(L)))
    _kernel[(R * B,)](
        subject_RBL.contiguous(),
        object_RBL.contiguous(),
        lengths_B,
        losses_RB,
        rows,
        columns,
        B,
        L,
        BLOCK=block,
        ONE_TILE=block >= L,
        num_warps=1 if block <= 32 else 4,
    )
    return losses_RB.sum(dtype=torch.float64).to(subject_RBL.dtype), rows, columns
