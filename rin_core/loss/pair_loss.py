"""The pairwise relation loss (Eqs. 13-14) of a factored score, without the grid of pairs.

With logits ``subject[t, b, i] + object[t, b, j]`` the binary cross entropy summed over all
word pairs and relations is ``Σ softplus(subject + object) - Σ_gold logit``, and its gradients
are the row and column sums of the sigmoid less the gold counts. One pass over the pairs
yields all three, and nothing of size L² is stored.

There are three implementations with equal results. :func:`torch_sums` is the readable one, for any
device and precision; :func:`numba_sums` is for CPUs; :mod:`rin_core.loss.triton_kernel` is for
GPUs. :func:`sums_for` chooses.

The CPU kernel needs one exponential per word and relation, not per pair. With a = e^subject and
c = e^object, a pair costs x = a·c, σ = x / (1 + x), and ``q ← q(1 + x) + x``, where q is a running
product minus one. One logarithm, ``log1p(q)``, then serves a whole sentence. Keeping the product
*minus one* keeps the relative precision of tiny terms.

Exponentials overflow for large logits, and clamping subject and object separately would be wrong
(25 - 30 is not 20 - 20). So each relation of each sentence is balanced first: adding m to every
subject and subtracting it from every object changes no logit and makes both maxima equal. Logits
that are still too large for float32 use a slower form that is exact for any finite logits.

Shapes: B sentences · L tokens, padded · R relations · N gold triples.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from rin_core.cache import set_numba_cache
from rin_core.kernels import EXACT, F32, I32, ONE, SUMMING, ZERO, exponentials

set_numba_cache(Path(__file__))

Sums = tuple[Tensor, Tensor, Tensor]
Array = NDArray[Any]

HALF = F32(0.5)

# The largest logit for which four factors 1 + x still multiply within float32, and the
# smallest maximum for which both exponentials stay normal numbers.
FAST_HIGHEST, FAST_LOWEST = F32(20.0), F32(-160.0)
LOG_PRODUCT_LIMIT = 84.0  # a running product stays below e^84 < 3.4e38


@njit(cache=True, fastmath=EXACT, error_model="numpy")
def _largest(x: Array, n: int) -> Any:
    """Return the largest of the first ``n`` numbers."""
    highest = x[0]
    for i in range(1, n):
        highest = x[i] if x[i] > highest else highest
    return highest


@njit(cache=True, fastmath=SUMMING, error_model="numpy")
def _four_rows(a: Array, c: Array, i: int, rows: Array, columns: Array, q: Array, n: int) -> None:
    """Add the pairs of subjects i … i+3 with all objects; two rows share one division."""
    r0, r1, r2, r3 = ZERO, ZERO, ZERO, ZERO
    a0, a1, a2, a3 = a[i], a[i + 1], a[i + 2], a[i + 3]
    for j in range(n):
        c_j = c[j]
        x0, x1, x2, x3 = a0 * c_j, a1 * c_j, a2 * c_j, a3 * c_j
        d0, d1, d2, d3 = ONE + x0, ONE + x1, ONE + x2, ONE + x3
        d01, d23 = d0 * d1, d2 * d3
        inverse01, inverse23 = ONE / d01, ONE / d23
        s0, s1 = x0 * d1 * inverse01, x1 * d0 * inverse01
        s2, s3 = x2 * d3 * inverse23, x3 * d2 * inverse23
        columns[j] += (s0 + s1) + (s2 + s3)
        r0 += s0
        r1 += s1
        r2 += s2
        r3 += s3
        q[j] = (q[j] * d01 + (x0 * d1 + x1)) * d23 + (x2 * d3 + x3)
    rows[i], rows[i + 1], rows[i + 2], rows[i + 3] = r0, r1, r2, r3


@njit(cache=True, error_model="numpy")
def _sum_of_logs(q: Array, fold: Array, n: int, bound: float) -> float:
    """Return Σ log1p(q), each at most ``bound``; one logarithm where float64 can hold Π(1 + q)."""
    if bound * n > 700:
        total = 0.0
        for j in range(n):
            total += math.log1p(q[j])
        return total
    for j in range(8):
        fold[j] = q[j]
    for start in range(8, n, 8):
        for j in range(8):
            fold[j] += q[start + j] + fold[j] * q[start + j]
    for half in (4, 2, 1):
        for j in range(half):
            fold[j] += fold[half + j] + fold[j] * fold[half + j]
    return math.log1p(fold[0])


@njit(cache=True, error_model="numpy")
def _any_finite_logits(s: Array, o: Array, rows: Array, columns: Array, n: int) -> float:
    """The same sums in float64 and stable form, one exponential a pair; returns the loss."""
    loss = 0.0
    sums = np.zeros(n)
    for i in range(n):
        row = 0.0
        for j in range(n):
            v = np.float64(s[i]) + np.float64(o[j])
            e = math.exp(-abs(v))
            loss += max(v, 0.0) + math.log1p(e)
            sigmoid = (1.0 if v > 0 else e) / (1.0 + e)
            row += sigmoid
            sums[j] += sigmoid
        rows[i] = row
    for j in range(n):
        columns[j] = sums[j]
    return loss


@njit(cache=True, error_model="numpy")
def _kernel(subject: Array, object_: Array, lengths: Array, rows: Array, columns: Array) -> float:
    """Fill ``rows`` and ``columns``; return the loss."""
    R, B, L = subject.shape
    width = (L + 7) // 8 * 8
    shifted, raised = np.zeros(2 * width, F32), np.zeros(2 * width, F32)
    bits = np.zeros(2 * width, I32)
    power = bits.view(F32)
    q, row, column = np.zeros(width, F32), np.zeros(width, F32), np.zeros(width, F32)
    fold = np.zeros(8)
    loss = 0.0
    for t in range(R):
        for b in range(B):
            s, o, n = subject[t, b], object_[t, b], lengths[b]
            s_max, o_max = _largest(s, n), _largest(o, n)
            highest = s_max + o_max
            if not FAST_LOWEST <= highest <= FAST_HIGHEST:
                loss += _any_finite_logits(s, o, rows[t, b], columns[t, b], n)
                continue
            n4, n8 = (n + 3) // 4 * 4, (n + 7) // 8 * 8
            for j in range(n):
                shifted[j] = s[j] + (highest * HALF - s_max)
                shifted[n8 + j] = o[j] + (highest * HALF - o_max)
            exponentials(shifted, raised, bits, power, 2 * n8)
            a, c = raised[:n8], raised[n8:]
            # Beyond the sentence x = 0: such pairs add nothing, and whole vectors can be used.
            for j in range(n, n8):
                a[j], c[j] = ZERO, ZERO
            for j in range(n8):
                q[j], column[j] = ZERO, ZERO
            growth = 4 * math.log1p(math.exp(highest))
            bound = 0.0
            for i in range(0, n4, 4):
                if bound + growth > LOG_PRODUCT_LIMIT:
                    loss += _sum_of_logs(q, fold, n8, bound)
                    q[:n8] = ZERO
                    bound = 0.0
                _four_rows(a, c, i, row, column, q, n8)
                bound += growth
            loss += _sum_of_logs(q, fold, n8, bound)
            for j in range(n):
                rows[t, b, j], columns[t, b, j] = row[j], column[j]
    return loss


def numba_sums(subject_RBL: Tensor, object_RBL: Tensor, lengths_B: Tensor) -> Sums:
    """Σ softplus and the row and column sums of σ, on CPU in float32; see :func:`pair_loss`."""
    subject, object_ = subject_RBL.contiguous().numpy(), object_RBL.contiguous().numpy()
    rows, columns = (torch.zeros(subject_RBL.shape) for _ in range(2))
    loss = _kernel(subject, object_, lengths_B.numpy(), rows.numpy(), columns.numpy())
    return torch.tensor(loss, dtype=subject_RBL.dtype), rows, columns


def torch_sums(subject_RBL: Tensor, object_RBL: Tensor, lengths_B: Tensor) -> Sums:
    """The same on any device and in any precision, a chunk of relations at a time."""
    R, B, L = subject_RBL.shape
    mask_BL = torch.arange(L, device=lengths_B.device) < lengths_B[:, None]
    mask_BLL = mask_BL[:, :, None] & mask_BL[:, None, :]
    total = subject_RBL.new_zeros((), dtype=torch.float64)
    rows, columns = [], []
    chunk = max(1, 2**24 // (B * L * L))  # 64 MiB of float32 at a time
    for start in range(0, R, chunk):
        part = slice(start, start + chunk)
        logits = subject_RBL[part, :, :, None] + object_RBL[part, :, None, :]
        softplus = torch.nn.functional.softplus(logits).masked_fill_(~mask_BLL, 0)
        total += softplus.sum(dtype=torch.float64)
        sigmoid = torch.sigmoid(logits).masked_fill_(~mask_BLL, 0)
        rows.append(sigmoid.sum(3))
        columns.append(sigmoid.sum(2))
    return total.to(subject_RBL.dtype), torch.cat(rows), torch.cat(columns)


def sums_for(tensor: Tensor) -> Callable[[Tensor, Tensor, Tensor], Sums]:
    """Choose the implementation for a tensor's device and precision."""
    if tensor.dtype == torch.float32 and tensor.device.type == "cpu":
        return numba_sums
    if tensor.dtype == torch.float32 and tensor.device.type == "cuda":
        return _on_cuda()
    return torch_sums


@functools.cache
def _on_cuda() -> Callable[[Tensor, Tensor, Tensor], Sums]:
    try:
        from rin_core.loss.triton_kernel import triton_sums
    except ImportError:
        warnings.warn(
            "Triton is not installed: the pairwise loss takes its slower form in plain PyTorch; "
            "pip install triton",
            stacklevel=2,
        )
        return torch_sums
    return triton_sums


class _PairLoss(torch.autograd.Function):
    """The gradients fall out of the forward pass; backward only scales them."""

    @staticmethod
    def forward(
        ctx: Any, subject_RBL: Tensor, object_RBL: Tensor, lengths_B: Tensor, gold_4N: Tensor
    ) -> Tensor:
        sums = sums_for(subject_RBL)
        total, d_subject, d_object = sums(subject_RBL.detach(), object_RBL.detach(), lengths_B)
        b, i, t, j = gold_4N
        total = total - (subject_RBL[t, b, i] + object_RBL[t, b, j]).sum()
        ones = d_subject.new_ones(b.shape)
        d_subject.index_put_((t, b, i), -ones, accumulate=True)
        d_object.index_put_((t, b, j), -ones, accumulate=True)
        ctx.save_for_backward(d_subject, d_object)
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        d_subject, d_object = ctx.saved_tensors
        return d_subject * grad_outputs[0], d_object * grad_outputs[0], None, None


def pair_loss(
    subject_RBL: Tensor, object_RBL: Tensor, lengths_B: Tensor, gold_4N: Tensor
) -> Tensor:
    """Binary cross entropy summed over all word pairs and relations (Eqs. 13-14).

    Args:
        subject_RBL: Logit share of the first word of a pair [R, B, L]; finite. Half
            precision is widened to float32 first.
        object_RBL: Logit share of the second word [R, B, L]; finite.
        lengths_B: Words in each sentence, at least 1 [B].
        gold_4N: Distinct gold triples as rows sentence, subject, relation, object [4, N].

    Returns:
        The sum, a scalar, differentiable once in both shares. Padding contributes nothing.
    """
    if subject_RBL.dtype in (torch.float16, torch.bfloat16):
        subject_RBL, object_RBL = subject_RBL.float(), object_RBL.float()
    loss: Tensor = _PairLoss.apply(subject_RBL, object_RBL, lengths_B, gold_4N)  # type: ignore[no-untyped-call]
    return loss
