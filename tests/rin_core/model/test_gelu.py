"""GELU on a CPU against torch's in float64."""

from __future__ import annotations

import pytest
import torch

from rin_core.model.gelu import bias_gelu


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
