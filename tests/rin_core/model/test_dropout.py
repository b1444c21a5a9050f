"""Dropout on a CPU: what is dropped, what the rest becomes, and the draws that decide it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rin_core.model.dropout import Dropout, bias_dropout_add, draws_of


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


class TestDropout:
    @pytest.mark.parametrize("rate", [0.1, 0.5])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_drops_the_share_and_keeps_the_mean(self, rate: float, dtype: torch.dtype) -> None:
        torch.manual_seed(0)
        values = torch.ones(400, 1000, dtype=dtype, requires_grad=True)
        found = Dropout(rate)(values)
        share = (found == 0).float().mean(0)
        assert abs(share.mean().item() - rate) < 0.003
        assert share.std().item() == pytest.approx((rate * (1 - rate) / 400) ** 0.5, rel=0.1)
        assert found.float().mean().item() == pytest.approx(1, abs=0.005)
        (gradient,) = torch.autograd.grad(found.sum(), values)
        assert gradient.equal(found)

    def test_each_of_four_neighbours_is_as_likely(self) -> None:
        """One draw of 64 bits decides four numbers."""
        torch.manual_seed(0)
        shares = (Dropout(0.25)(torch.ones(200_000, 4)) != 0).float().mean(0)
        torch.testing.assert_close(shares, torch.full((4,), 0.75), rtol=0, atol=0.005)

    def test_follows_the_generator_and_rests_outside_training(self) -> None:
        module, values = Dropout(0.5), torch.randn(7, 3)
        found = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            found.append(module(values))
        assert found[0].equal(found[1])
        assert not found[0].equal(found[2])
        assert module.eval()(values).equal(values)
        assert isinstance(module, nn.Dropout)
