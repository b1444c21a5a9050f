"""The Triton kernel against the grid in float64: compiled on a GPU, else interpreted on CPU."""

from __future__ import annotations

import pytest
import torch

from tests.rin_core.loss.test_pair_loss import RAGGED, dense, shares

pytest.importorskip("triton", reason="Triton is not installed")

from rin_core.loss.triton_kernel import triton_sums

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def assert_right(subject: torch.Tensor, object_: torch.Tensor, lengths: list[int]) -> None:
    inputs = (x.to(DEVICE) for x in (subject, object_, torch.tensor(lengths)))
    for value, wanted in zip(triton_sums(*inputs), dense(subject, object_, lengths), strict=True):
        assert value.dtype == torch.float32
        torch.testing.assert_close(value.double().cpu(), wanted, rtol=1e-5, atol=1e-30)


class TestTritonSums:
    @pytest.mark.parametrize("lengths", [[1], [2, 2], [16], RAGGED, [33, 64], [70, 3]], ids=str)
    @pytest.mark.parametrize("offset", [0.0, -6.0, -30.0])
    def test_random(self, lengths: list[int], offset: float) -> None:
        assert_right(*shares(lengths, R=2, offset=offset), lengths)

    @pytest.mark.parametrize("subject", [-100.0, 0.0, 100.0])
    @pytest.mark.parametrize("object_", [-100.0, 30.0, 100.0])
    def test_extreme_and_opposite(self, subject: float, object_: float) -> None:
        s, o = shares(RAGGED, R=2, scale=0.5)
        assert_right(s + subject, o + object_, RAGGED)

    def test_small_terms_keep_their_digits(self) -> None:
        """One word with itself: softplus of a single logit, where 1 + e would round."""
        logits = torch.linspace(-80, 20, 401)
        s = logits.view(-1, 1, 1)
        assert_right(s, torch.zeros_like(s), [1])

    @pytest.mark.parametrize("junk", [1e4, 3e38, float("inf"), float("nan")])
    def test_padding_is_never_read(self, junk: float) -> None:
        s, o = shares([70, 5], R=2)
        padding = torch.arange(70) >= torch.tensor([[70], [5]])
        assert_right(s.masked_fill(padding, junk), o.masked_fill(padding, junk), [70, 5])
        _, rows, columns = triton_sums(
            *(x.to(DEVICE) for x in (s.masked_fill(padding, junk), o, torch.tensor([70, 5])))
        )
        assert not rows[:, padding].any()
        assert not columns[:, padding].any()
