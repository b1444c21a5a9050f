"""The pairwise loss against the grid of all pairs in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rin_core.loss.pair_loss import numba_sums, pair_loss, sums_for, torch_sums

Sums = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
both = pytest.mark.parametrize("sums", [numba_sums, torch_sums])


def dense(subject: Tensor, object_: Tensor, lengths: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Sum softplus and sigmoid over each sentence's own grid, in float64."""
    rows, columns = torch.zeros_like(subject).double(), torch.zeros_like(object_).double()
    total = torch.zeros((), dtype=torch.float64)
    for b, n in enumerate(lengths):
        s, o = subject[:, b, :n].double(), object_[:, b, :n].double()
        logits = s[:, :, None] + o[:, None, :]
        total += (logits.clamp(min=0) + torch.log1p(torch.exp(-logits.abs()))).sum()
        small = torch.exp(-logits.abs())
        sigmoid = torch.where(logits > 0, 1, small) / (1 + small)
        rows[:, b, :n], columns[:, b, :n] = sigmoid.sum(2), sigmoid.sum(1)
    return total, rows, columns


def assert_right(
    sums: Sums, subject: Tensor, object_: Tensor, lengths: list[int], rtol: float = 1e-5
) -> None:
    """Compare one implementation with the grid; what is below 1e-30 may round to nothing."""
    found = sums(subject, object_, torch.tensor(lengths))
    for value, wanted in zip(found, dense(subject, object_, lengths), strict=True):
        assert value.dtype == subject.dtype
        assert value.isfinite().all()
        torch.testing.assert_close(value.double(), wanted, rtol=rtol, atol=1e-30)


def shares(
    lengths: list[int], R: int = 3, scale: float = 1.0, offset: float = 0.0, seed: int = 0
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (R, len(lengths), max(lengths))
    subject, object_ = (scale * torch.randn(shape, generator=generator) for _ in range(2))
    return subject + offset, object_


RAGGED = [17, 1, 8, 3, 16, 4]


class TestSums:
    @both
    @pytest.mark.parametrize("lengths", [[1], [1, 1], [2], [5, 5], [9], RAGGED, [70, 33]], ids=str)
    @pytest.mark.parametrize("offset", [0.0, -6.0, -30.0])
    def test_random(self, sums: Sums, lengths: list[int], offset: float) -> None:
        assert_right(sums, *shares(lengths, offset=offset), lengths)

    @both
    @pytest.mark.parametrize("subject", [-100.0, -25.0, 0.0, 25.0, 100.0])
    @pytest.mark.parametrize("object_", [-100.0, -30.0, 0.0, 30.0, 100.0])
    def test_extreme_and_opposite(self, sums: Sums, subject: float, object_: float) -> None:
        s, o = shares(RAGGED, scale=0.5)
        assert_right(sums, s + subject, o + object_, RAGGED)

    @both
    def test_shares_far_apart_are_not_clamped_apart(self, sums: Sums) -> None:
        """25 - 30 is -5; clamping each to ±20 would make it 0."""
        s, o = torch.full((1, 1, 2), 25.0), torch.full((1, 1, 2), -30.0)
        loss, rows, _ = sums(s, o, torch.tensor([2]))
        assert loss.item() == pytest.approx(4 * 0.006715348489118068, rel=1e-5)
        assert rows[0, 0, 0].item() == pytest.approx(2 * 0.0066928509242848554, rel=1e-5)

    @both
    def test_one_relation_holds_every_range(self, sums: Sums) -> None:
        steps = torch.linspace(-100, 100, 41)
        assert_right(sums, steps.view(1, 1, -1), steps.flip(0).view(1, 1, -1), [41])
        assert_right(sums, steps.view(1, 1, -1), steps.view(1, 1, -1) - 150, [41])

    def test_exponentials_are_good_to_float32(self) -> None:
        """One word with itself: the row sum is σ of a single logit, all over the fast range."""
        logits = torch.linspace(-80, 20, 4001)
        s, o = logits.view(-1, 1, 1), torch.zeros(4001, 1, 1)
        assert_right(numba_sums, s, o, [1], rtol=1e-6)

    @both
    @pytest.mark.parametrize("sign", [(1, 1), (1, -1), (-1, 1), (-1, -1)], ids=str)
    def test_huge_but_finite(self, sums: Sums, sign: tuple[int, int]) -> None:
        s, o = shares(RAGGED)
        assert_right(sums, s + sign[0] * 1e4, o + sign[1] * 1e4, RAGGED)

    @both
    def test_as_large_as_the_type(self, sums: Sums) -> None:
        """Two halves of float32's range, opposite in sign, still sum to a small logit."""
        s, o = torch.full((1, 1, 3), 1.5e38), torch.full((1, 1, 3), -1.5e38)
        assert_right(sums, s, o, [3])

    @both
    @pytest.mark.parametrize("highest", [-161, -159, -87, -5, 0, 2, 5, 10, 16, 19.9, 20.1, 40])
    def test_products_that_must_be_flushed(self, sums: Sums, highest: float) -> None:
        """One product over 101 words would overflow from a logit of about 1 on."""
        s, o = torch.zeros(2, 1, 101), torch.full((2, 1, 101), float(highest))
        assert_right(sums, s, o, [101])
        s, o = shares([101, 99], scale=0.3, offset=highest - 1)
        assert_right(sums, s, o, [101, 99])

    @given(
        lengths=st.lists(st.integers(1, 24), min_size=1, max_size=4),
        R=st.integers(1, 4),
        scale=st.sampled_from([0.0, 0.1, 1.0, 5.0, 30.0, 100.0]),
        offset=st.floats(-120, 40, width=32),
        seed=st.integers(0, 2**31),
    )
    @settings(max_examples=150)
    def test_any_shape_and_scale(
        self, lengths: list[int], R: int, scale: float, offset: float, seed: int
    ) -> None:
        s, o = shares(lengths, R, scale, offset, seed)
        assert_right(numba_sums, s, o, lengths)
        assert_right(torch_sums, s, o, lengths)

    @both
    @pytest.mark.parametrize("junk", [0.0, 1e4, -1e4, 3e38, -3e38, float("inf")])
    def test_padding_is_never_read(self, sums: Sums, junk: float) -> None:
        s, o = shares(RAGGED)
        lengths = torch.tensor(RAGGED)
        clean = sums(s, o, lengths)
        padding = torch.arange(max(RAGGED)) >= lengths[:, None]
        s, o = s.masked_fill(padding, junk), o.masked_fill(padding, junk)
        for a, b in zip(sums(s, o, lengths), clean, strict=True):
            assert a.equal(b)
        assert not clean[1][:, padding].any()
        assert not clean[2][:, padding].any()

    @pytest.mark.parametrize("sums", [numba_sums, torch_sums])
    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_nan_reaches_the_loss(self, sums: Sums, place: int) -> None:
        subject = torch.zeros(1, 1, 3)
        subject[0, 0, place] = torch.nan
        total, _, _ = sums(subject, torch.zeros(1, 1, 3), torch.tensor([3]))
        assert total.isnan()

    def test_float64(self) -> None:
        s, o = (share.double() for share in shares(RAGGED, scale=5.0))
        assert_right(torch_sums, s, o, RAGGED, rtol=1e-8)  # torch's softplus(x) is x from 20 on

    def test_relations_in_several_chunks(self) -> None:
        """More pairs than one chunk holds: 60 · 2 · 400 · 400 against 2^24."""
        s, o = torch.zeros(60, 2, 400), torch.zeros(60, 2, 400)
        loss, rows, columns = torch_sums(s, o, torch.tensor([400, 1]))
        assert loss.item() == pytest.approx(60 * 160_001 * 0.6931471805599453, rel=1e-6)
        assert (rows[:, 0] == 200).all()
        assert (columns[:, 1, 0] == 0.5).all()

    def test_strided_input(self) -> None:
        s, o = shares(RAGGED)
        lengths = torch.tensor(RAGGED)
        turned = [share.permute(1, 2, 0).contiguous().permute(2, 0, 1) for share in (s, o)]
        assert not turned[0].is_contiguous()
        found = numba_sums(turned[0], turned[1], lengths)
        for a, b in zip(found, numba_sums(s, o, lengths), strict=True):
            assert a.equal(b)

    def test_choice_of_implementation(self) -> None:
        assert sums_for(torch.zeros(1)) is numba_sums
        assert sums_for(torch.zeros(1).double()) is torch_sums
        assert sums_for(torch.zeros(1).bfloat16()) is torch_sums


# Rows sentence, subject, relation, object. Columns 0 to 2 share the cell of their subject,
# columns 1 and 3 that of their object; column 4 is a word with itself.
GOLD = torch.tensor([[0, 0, 0, 0, 1], [1, 1, 1, 2, 0], [2, 2, 2, 2, 0], [0, 2, 3, 2, 0]])
LENGTHS = torch.tensor([4, 1, 3])
NO_GOLD = torch.zeros(4, 0, dtype=torch.long)


def leaves(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    s, o = shares(LENGTHS.tolist(), scale=2.0)
    return s.to(dtype).requires_grad_(), o.to(dtype).requires_grad_()


def gradients(dtype: torch.dtype, gold: Tensor, factor: float = 1.0) -> tuple[Tensor, Tensor]:
    s, o = leaves(dtype)
    (factor * pair_loss(s, o, LENGTHS, gold)).backward()
    assert s.grad is not None
    assert o.grad is not None
    return s.grad, o.grad


class TestPairLoss:
    def test_is_the_binary_cross_entropy(self) -> None:
        s, o = leaves(torch.float64)
        wanted = torch.zeros((), dtype=torch.float64)
        gold = {tuple(column) for column in GOLD.T.tolist()}
        for b, n in enumerate(LENGTHS.tolist()):
            for t in range(3):
                for i in range(n):
                    for j in range(n):
                        p = torch.sigmoid(s[t, b, i] + o[t, b, j])
                        wanted = wanted - (p if (b, i, t, j) in gold else 1 - p).log()
        torch.testing.assert_close(pair_loss(s, o, LENGTHS, GOLD), wanted, rtol=1e-12, atol=0)

    @pytest.mark.parametrize("gold", [GOLD, NO_GOLD], ids=["gold", "none"])
    def test_gradient_is_that_of_the_value(self, gold: Tensor) -> None:
        assert torch.autograd.gradcheck(
            lambda s, o: pair_loss(s, o, LENGTHS, gold), leaves(torch.float64)
        )

    def test_gold_subtracts_its_logits(self) -> None:
        s, o = leaves(torch.float64)
        b, i, t, j = GOLD
        without, with_gold = pair_loss(s, o, LENGTHS, NO_GOLD), pair_loss(s, o, LENGTHS, GOLD)
        logits = (s[t, b, i] + o[t, b, j]).sum()
        torch.testing.assert_close(without - with_gold, logits, rtol=1e-12, atol=1e-12)

    def test_gold_subtracts_its_count_from_the_gradient(self) -> None:
        without, with_gold = gradients(torch.float64, NO_GOLD), gradients(torch.float64, GOLD)
        subjects, objects = torch.zeros(3, 3, 4), torch.zeros(3, 3, 4)
        for b, i, t, j in GOLD.T.tolist():
            subjects[t, b, i] += 1
            objects[t, b, j] += 1
        assert subjects[2, 0, 1] == 3
        torch.testing.assert_close(without[0] - with_gold[0], subjects.double())
        torch.testing.assert_close(without[1] - with_gold[1], objects.double())

    def test_float32_against_float64(self) -> None:
        for single, double in zip(
            gradients(torch.float32, GOLD), gradients(torch.float64, GOLD), strict=True
        ):
            torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-6)

    def test_gradient_follows_the_outer_one(self) -> None:
        for once, thrice in zip(
            gradients(torch.float32, GOLD), gradients(torch.float32, GOLD, 3.0), strict=True
        ):
            torch.testing.assert_close(3 * once, thrice)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_padding_gets_no_gradient(self, dtype: torch.dtype) -> None:
        padding = torch.arange(4) >= LENGTHS[:, None]
        for gradient in gradients(dtype, GOLD):
            assert not gradient[:, padding].any()
            assert gradient[:, ~padding].all()

    def test_inputs_are_left_alone(self) -> None:
        s, o = leaves(torch.float32)
        before = s.detach().clone(), o.detach().clone()
        pair_loss(s, o, LENGTHS, GOLD).backward()
        assert s.equal(before[0])
        assert o.equal(before[1])

    @pytest.mark.parametrize("value", [1e4, -1e4])
    def test_finite_at_extreme_logits(self, value: float) -> None:
        s = torch.full((3, 3, 4), value, requires_grad=True)
        o = torch.full((3, 3, 4), value, requires_grad=True)
        loss = pair_loss(s, o, LENGTHS, GOLD)
        loss.backward()
        pairs = 3 * (16 + 1 + 9) * 2 * max(value, 0)
        assert loss.item() == pytest.approx(pairs - 5 * 2 * value, rel=1e-6)
        assert s.grad is not None
        assert s.grad[2, 0, 1].item() == pytest.approx((4 if value > 0 else 0) - 3)
