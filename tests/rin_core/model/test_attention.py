"""The compiled passes of attention and dropout against plain torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from rin_core.model.attention import GROUP, MULTIPLE, attention, groups_of
from rin_core.model.dropout import dropout_and_add

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


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_and_add(dtype: torch.dtype) -> None:
    """What is dropped leaves the residual, what stays comes larger, and gradients are the same."""
    torch.manual_seed(0)
    values = torch.randn(301, 7).to(dtype).requires_grad_()
    residual = torch.randn(301, 7, requires_grad=True)
    added = dropout_and_add(values, residual, 0.4)
    assert added.dtype == torch.float32
    kept = added != residual
    assert kept.float().mean().item() == pytest.approx(0.6, abs=0.04)
    expected = torch.where(kept, values.float() / 0.6, 0) + residual
    torch.testing.assert_close(added, expected, rtol=1e-6, atol=1e-6)
    slopes = torch.randn(301, 7)
    d_values, d_residual = torch.autograd.grad((added * slopes).sum(), [values, residual])
    assert d_residual.equal(slopes)
    assert d_values.dtype == dtype
    torch.testing.assert_close(d_values, torch.where(kept, slopes / 0.6, 0).to(dtype))
    assert dropout_and_add(values, residual, 0.0).equal(values + residual)
