"""The compiled passes of attention and dropout against plain torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from rin_core.model.attention import GROUP, MULTIPLE, attention, groups_of
from rin_core.model.dropout import bias_dropout_add, draws_of
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


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bias_dropout_add(dtype: torch.dtype) -> None:
    """What is dropped leaves the residual, what stays comes larger, and gradients are the same."""
    torch.manual_seed(0)
    values = torch.randn(301, 7).to(dtype).requires_grad_()
    bias, residual = (torch.randn(shape, requires_grad=True) for shape in (7, (301, 7)))
    added = bias_dropout_add(values, bias, residual, 0.4)
    assert added.dtype == torch.float32
    kept = added != residual
    assert kept.float().mean().item() == pytest.approx(0.6, abs=0.04)
    expected = torch.where(kept, (values.float() + bias) / 0.6, 0) + residual
    torch.testing.assert_close(added, expected, rtol=1e-5, atol=1e-5)
    slopes = torch.randn(301, 7)
    wanted = [values, bias, residual]
    found = torch.autograd.grad((added * slopes).sum(), wanted)
    theirs = torch.autograd.grad((expected * slopes).sum(), wanted)
    for one, other in zip(found, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-4)
    for without in (bias_dropout_add(values, bias, residual, 0.0), values + bias + residual):
        torch.testing.assert_close(without, values.float() + bias + residual, rtol=1e-2, atol=1e-2)
    assert bias_dropout_add(values, None, residual, 0.0).equal(values + residual)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 1e-2)])
@pytest.mark.parametrize("biased", [False, True])
def test_bias_gelu(dtype: torch.dtype, tolerance: float, biased: bool) -> None:
    """As torch computes it in float64, from where it is 0 to where it is its input."""
    values = torch.linspace(-12, 12, 4004).view(-1, 7).to(dtype).requires_grad_()
    bias = torch.linspace(-1, 1, 7, requires_grad=True) if biased else None
    wanted = [values] if bias is None else [values, bias]
    shifted = values.double() if bias is None else values.double() + bias
    expected = torch.nn.functional.gelu(shifted)
    found = bias_gelu(values, bias)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance)
    ours = torch.autograd.grad(found.double().sum(), wanted)
    theirs = torch.autograd.grad(expected.sum(), wanted)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=100 * tolerance)


def test_draws_are_uniform_and_differ_from_call_to_call() -> None:
    torch.manual_seed(0)
    first, second = (draws_of(400_001).astype(np.int64) for _ in range(2))
    assert len(first) == 400_001
    for draws in (first, second):
        counts = np.bincount((draws + 2**15) >> 8, minlength=256)
        assert ((counts - len(draws) / 256) ** 2).sum() / (
            len(draws) / 256
        ) < 350  # χ², 255 degrees
        for bit in range(16):
            assert ((draws >> bit) & 1).mean() == pytest.approx(0.5, abs=0.004)
    for one, other in ((first, second), (first[1:], first[:-1]), (first[4:], first[:-4])):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.008


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
