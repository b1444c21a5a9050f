"""The compiled passes of attention against plain torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from rin_core.model.attention import GROUP, MULTIPLE, attention, groups_of
from rin_core.model.dropout import bias_dropout_add
from rin_core.model.gelu import bias_gelu

HEADS, SIZE = 2, 4
#: Of one piece, of whole multiples, around them, and more than one group.
LENGTHS = np.array([1, 16, 17, 3, 32, 31, 2, 40, 5, 15, 33, 7, 16])


def row(dtype: torch.dtype) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(int(LENGTHS.sum()) + 3, 3 * HEADS * SIZE).to(dtype)


def plain(joined_S3D: Tensor, bias_HPP: Tensor | None) -> Tensor:
    """Attention of one window after the other, in float64."""
    contexts, start = [], 0
    for n in LENGTHS.tolist():
        window = joined_S3D[start : start + n].double().view(n, 3, HEADS, SIZE)
        q, k, v = window.permute(1, 2, 0, 3)
        scores = q @ k.transpose(1, 2) / math.sqrt(SIZE)
        if bias_HPP is not None:
            scores = scores + bias_HPP[:, :n, :n]
        contexts.append((scores.softmax(-1) @ v).transpose(0, 1).reshape(n, -1))
        start += n
    return torch.cat([*contexts, torch.zeros(len(joined_S3D) - start, HEADS * SIZE)])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
@pytest.mark.parametrize("biased", [False, True])
def test_attention_is_that_of_each_window(
    dtype: torch.dtype, tolerance: float, biased: bool
) -> None:
    joined = row(dtype).requires_grad_()
    bias = torch.randn(HEADS, 48, 48, requires_grad=True) if biased else None
    weights = torch.randn(len(joined), HEADS * SIZE)
    wanted = [joined] if bias is None else [joined, bias]
    found = attention(joined, bias, groups_of(LENGTHS), HEADS, 0.0)
    expected = plain(joined, bias)
    torch.testing.assert_close(found.double(), expected.double(), rtol=tolerance, atol=tolerance)
    ours = torch.autograd.grad((found * weights).sum(), wanted)
    theirs = torch.autograd.grad((expected * weights).sum(), wanted)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=2 * tolerance, atol=2 * tolerance)


def test_dropout_keeps_the_mean_of_what_is_taken() -> None:
    joined = row(torch.float32)
    groups = groups_of(LENGTHS)
    torch.manual_seed(1)
    many = torch.stack([attention(joined, None, groups, HEADS, 0.3) for _ in range(2000)])
    error = many.std(0) / math.sqrt(len(many))
    distance = (many.mean(0) - plain(joined, None)).abs()
    assert (distance <= 5 * error + 1e-6).all()
    first = int(LENGTHS[0])  # alone in its window, a piece takes all of its own value or nothing
    assert (many[:, :first] == 0).float().mean().item() == pytest.approx(0.3, abs=0.03)


def test_a_model_that_diverged_is_seen() -> None:
    joined = row(torch.float32)
    joined[1, 0] = math.nan
    assert attention(joined, None, groups_of(LENGTHS), HEADS, 0.0)[1, :SIZE].isnan().all()


def test_groups_hold_each_window_once_and_padding_is_less_than_a_multiple() -> None:
    groups = groups_of(LENGTHS)
    assert {len(windows.length_W) for windows in groups} == {GROUP}
    starts = np.concatenate([windows.start_W[windows.length_W > 0] for windows in groups])
    assert sorted(starts) == [0, *np.cumsum(LENGTHS)[:-1]]
    for windows in groups:
        assert 0 <= windows.padded - windows.length_W.max() < MULTIPLE


def test_several_threads_compute_the_same() -> None:
    """Only sums over rows differ, by their order."""
    values, bias = torch.randn(301, 24).bfloat16().requires_grad_(), torch.randn(24)
    bias.requires_grad_()
    table = torch.randn(HEADS, 48, 48, requires_grad=True)
    groups, before = groups_of(LENGTHS), torch.get_num_threads()
    found = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            torch.manual_seed(0)
            hidden = bias_dropout_add(bias_gelu(values, bias), bias, values, 0.2)
            result = attention(hidden, table, groups, HEADS, 0.3)
            found.append([result, *torch.autograd.grad(result.sum(), [values, bias, table])])
    finally:
        torch.set_num_threads(before)
    (one, d_one, *sums), (other, d_other, *other_sums) = found
    assert one.equal(other)
    assert d_one.equal(d_other)
    torch.testing.assert_close(sums, other_sums, rtol=1e-4, atol=1e-4)
