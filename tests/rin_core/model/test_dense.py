"""Dense scores against factored ones, part by part; what the dense scorers can and cannot be.

That they compute what their equations say is in ``test_rin``.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rin_core.model.dense import (
    GRID_NUMBERS,
    LARGEST_GRID,
    BiaffineScorer,
    ConcatScorer,
    DenseScores,
)
from rin_core.model.heads import FactoredScores, SeparableScorer
from tests.patterns import crossing_share

F, R = 6, 4
SCORERS = (ConcatScorer, BiaffineScorer)
Made = TypeVar("Made", bound=nn.Module)
both = pytest.mark.parametrize("scorer", SCORERS)


def padding_of(lengths: list[int]) -> Tensor | None:
    padding = torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]
    return padding if padding.any() else None


def pair(
    seed: int, lengths: list[int], scale: float, at_once: int
) -> tuple[FactoredScores, DenseScores]:
    """Make the same scores twice: logits that are sums are dense logits like any other."""
    generator = torch.Generator().manual_seed(seed)
    shape = (2, len(lengths), max(lengths), R)
    shares = torch.randint(-4, 4, shape, generator=generator).double() * scale
    subject, object_ = shares[0].requires_grad_(), shares[1].requires_grad_()
    padding = padding_of(lengths)
    dense = DenseScores(
        subject_BLE=subject,
        object_BLE=object_,
        weights=(),
        pair_logits=lambda s, o: s[:, :, None] + o[:, None],
        at_once=at_once,
        padding_BL=padding,
    )
    subject_RBL, object_RBL = (share.permute(2, 0, 1) for share in (subject, object_))
    return FactoredScores(subject_RBL, object_RBL, torch.tensor(lengths), padding), dense


pairs = st.builds(
    pair,
    st.integers(0, 2**31),
    st.lists(st.integers(1, 6), min_size=1, max_size=5),
    st.sampled_from([0.0, 0.5, 1.0, 25.0, 1e4]),
    st.integers(1, 6),
)


def gold_of(lengths: list[int], seed: int = 0) -> Tensor:
    """Make distinct triples of all sentences, by chance."""
    generator = torch.Generator().manual_seed(seed)
    rows = [
        (b, i, t, j)
        for b, n in enumerate(lengths)
        for i in range(n)
        for t in range(R)
        for j in range(n)
        if torch.rand((), generator=generator) < 0.1
    ]
    return torch.tensor(rows, dtype=torch.long).reshape(-1, 4).T


class TestAgainstFactored:
    @given(pairs)
    @settings(max_examples=60)
    def test_logits_probabilities_and_triples(
        self, made: tuple[FactoredScores, DenseScores]
    ) -> None:
        factored, dense = made
        assert dense.logits().equal(factored.logits())
        wanted = factored.relation_probabilities()
        real = slice(None) if dense.padding_BL is None else ~dense.padding_BL
        found = dense.relation_probabilities()
        assert found.shape == wanted.shape
        torch.testing.assert_close(found[:, real], wanted[:, real], rtol=0, atol=1e-15)
        for least in (0.0, -1.5, 2.0):
            found, wanted = dense.triples(least), factored.triples(least)
            assert sorted(found.T.tolist()) == sorted(wanted.T.tolist())
        at = dense.triples()
        assert dense.logits_at(at).equal(factored.logits_at(at))

    @given(pairs, st.integers(0, 99))
    @settings(max_examples=60)
    def test_loss_and_its_gradient(
        self, made: tuple[FactoredScores, DenseScores], seed: int
    ) -> None:
        factored, dense = made
        gold = gold_of(factored.lengths_B.tolist(), seed)
        leaves = dense.subject_BLE, dense.object_BLE
        found, wanted = dense.loss(gold), factored.loss(gold)
        torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-8)
        gradients = (torch.autograd.grad(loss, leaves) for loss in (found, wanted))
        for ours, theirs in zip(*gradients, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-10)

    @pytest.mark.parametrize("logit", [-1e30, -1e4, -100.0, 0.0, 100.0, 1e4, 1e30])
    @pytest.mark.parametrize("holds", [True, False])
    def test_any_finite_logit_in_float32(self, logit: float, holds: bool) -> None:
        """Of one pair: what a gold pair costs is softplus of the opposite logit."""
        share = torch.full((1, 1, 1), logit, requires_grad=True)
        scores = DenseScores(
            subject_BLE=share,
            object_BLE=torch.zeros(1, 1, 1),
            weights=(),
            pair_logits=lambda s, o: s[:, :, None] + o[:, None],
            at_once=1,
            padding_BL=None,
        )
        loss = scores.loss(torch.zeros(4, int(holds), dtype=torch.long))
        sign = -1 if holds else 1
        exact = torch.tensor(sign * logit, dtype=torch.float64)
        wanted = exact.clamp(min=0) + torch.log1p(torch.exp(-exact.abs()))
        assert loss.item() == pytest.approx(wanted.item(), rel=1e-6, abs=1e-6)
        (gradient,) = torch.autograd.grad(loss, share)
        assert gradient.item() == pytest.approx(sign * torch.sigmoid(exact).item(), abs=1e-6)

    def test_nan_reaches_the_loss(self) -> None:
        _, dense = pair(0, [3, 2], 1.0, 1)
        dense.subject_BLE.data[1, 1, 2] = torch.nan
        assert dense.loss(gold_of([3, 2])).isnan()


def scored(scorer: nn.Module, features: Tensor, lengths: list[int]) -> Any:
    return scorer(features, torch.tensor(lengths), padding_of(lengths))


def made(scorer: type[Made], seed: int = 0) -> Made:
    """Make a scorer with weights that all matter."""
    torch.manual_seed(seed)
    module = scorer(F, R, -1.0).double()
    for parameter in module.parameters():
        parameter.data.uniform_(-0.9, 0.9)
    return module


def features_of(lengths: list[int], seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths), F)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


LENGTHS = [5, 1, 3, 4]


class TestParts:
    @both
    def test_in_parts_and_at_once_are_the_same(self, scorer: type[nn.Module]) -> None:
        """In parts the grid is computed again for the backward pass; at once it is kept."""
        wanted = self.everything(scorer, len(LENGTHS))
        assert scored(made(scorer), features_of(LENGTHS), LENGTHS).at_once >= len(LENGTHS)
        for at_once in (1, 3):
            for ours, theirs in zip(self.everything(scorer, at_once), wanted, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)

    @staticmethod
    def everything(scorer: type[nn.Module], at_once: int) -> list[Tensor]:
        """Return all that scores say, and the gradient of loss and ŷ in all they depend on."""
        module, features = made(scorer), features_of(LENGTHS)
        scores = dataclasses.replace(scored(module, features, LENGTHS), at_once=at_once)
        loss, best = scores.loss(gold_of(LENGTHS)), scores.relation_probabilities()
        weights = torch.linspace(-1, 1, best.numel(), dtype=torch.float64).view_as(best)
        leaves = [features, *module.parameters()]
        gradients = torch.autograd.grad(loss + (weights * best).sum(), leaves)
        return [loss, best, scores.logits(), scores.triples(), *gradients]

    @both
    def test_no_grid_is_larger_than_allowed(
        self, scorer: type[nn.Module], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Fifty sentences of 100 words with WebNLG's 171 relations would be 342 MB a grid."""
        module, features = scorer(100, 171, -6.0), torch.zeros(50, 100, 100, requires_grad=True)
        scores = module(features, torch.full((50,), 100), None)
        assert 1 <= scores.at_once <= GRID_NUMBERS // (100 * 100 * 171)
        seen: list[int] = []

        def grid(subject: Tensor, object_: Tensor) -> Tensor:
            seen.append(subject.shape[0] * subject.shape[1] * object_.shape[1])
            return (subject.sum(2)[:, :, None] + object_.sum(2)[:, None])[..., None]

        watched = dataclasses.replace(scores, weights=(), pair_logits=grid)
        loss = watched.loss(torch.zeros(4, 0, dtype=torch.long))
        (loss + watched.relation_probabilities().sum()).backward()
        assert max(seen) * 171 <= GRID_NUMBERS
        assert sum(seen) == 2 * 2 * 50 * 100 * 100, "both passes, each forwards and backwards"

    @both
    def test_a_sentence_too_long_for_the_limit_comes_alone(self, scorer: type[nn.Module]) -> None:
        module = scorer(F, R, -1.0)
        L = int((GRID_NUMBERS / R) ** 0.5) + 1
        assert module(torch.zeros(3, L, F), torch.full((3,), L), None).at_once == 1

    @both
    def test_a_text_that_no_memory_holds_is_refused(self, scorer: type[nn.Module]) -> None:
        L = int((LARGEST_GRID / R) ** 0.5) + 1
        features = torch.zeros(()).expand(1, L, F)
        with pytest.raises(ValueError, match=rf"a sentence of {L} words: .* GiB; split the text"):
            scorer(F, R, -1.0)(features, torch.tensor([L]), None)

    @both
    def test_the_gradients_are_those_of_the_values(self, scorer: type[nn.Module]) -> None:
        module, gold = made(scorer), gold_of(LENGTHS)

        def values(features: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
            scores = dataclasses.replace(scored(module, features, LENGTHS), at_once=2)
            return scores.loss(gold), scores.relation_probabilities()

        inputs = (features_of(LENGTHS), *module.parameters())
        assert torch.autograd.gradcheck(values, inputs)

    @both
    def test_scoring_needs_no_gradients(self, scorer: type[nn.Module]) -> None:
        module, features = made(scorer), features_of(LENGTHS).detach()
        wanted = dataclasses.replace(scored(module, features, LENGTHS), at_once=1)
        with torch.inference_mode():
            found = dataclasses.replace(scored(module, features, LENGTHS), at_once=1)
            assert found.triples().equal(wanted.triples())
            best = found.relation_probabilities()
        assert best.equal(wanted.relation_probabilities())

    @both
    def test_half_precision_is_widened_before_it_is_summed(self, scorer: type[nn.Module]) -> None:
        module, features = made(scorer).bfloat16(), features_of(LENGTHS).bfloat16()
        scores = scored(module, features, LENGTHS)
        assert scores.loss(gold_of(LENGTHS)).dtype == torch.float32
        assert scores.logits().dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@both
def test_mixed_precision_also_backwards(scorer: type[nn.Module]) -> None:
    found = []
    for at_once in (1, len(LENGTHS)):
        module, features = made(scorer).float().cuda(), features_of(LENGTHS).float().cuda()
        padding = padding_of(LENGTHS)
        assert padding is not None
        with torch.autocast("cuda", torch.bfloat16):
            scores = module(features, torch.tensor(LENGTHS).cuda(), padding.cuda())
            loss = dataclasses.replace(scores, at_once=at_once).loss(gold_of(LENGTHS).cuda())
        loss.backward()
        found.append([loss, *(p.grad for p in module.parameters())])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0.05, atol=0.05)


def assert_the_same(a: nn.Module, b: nn.Module) -> None:
    """Compare logits, loss and what both send back to the features."""
    gold, found = gold_of(LENGTHS), []
    for module in (a, b):
        features = features_of(LENGTHS)
        scores = scored(module, features, LENGTHS)
        loss = scores.loss(gold)
        loss.backward()
        assert features.grad is not None
        found.append((scores.logits(), loss, features.grad))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


class TestAsSeparable:
    """Both dense scorers hold separable ones, of fewer units, as special cases."""

    def test_concat_whose_units_read_one_side_each(self) -> None:
        concat, separable = made(ConcatScorer), made(SeparableScorer)
        kept = concat.pair.weight.data.clone()
        kept[:2, F:] = 0  # units 0 and 1 read the subject alone, 2 to 5 the object
        kept[2:, :F] = 0
        concat.pair.weight.data = kept
        separable.subject.weight.data = kept[:, :F]
        separable.object.weight.data = kept[:, F:]
        separable.subject_weight.data = concat.weight.data
        separable.object_weight.data = concat.weight.data
        separable.bias.data = concat.bias.data
        assert_the_same(concat, separable)

    def test_biaffine_without_its_product(self) -> None:
        biaffine, separable = made(BiaffineScorer), made(SeparableScorer)
        biaffine.product.data.zero_()
        E = biaffine.product.shape[1]
        assert E == F / 2
        for side in ("subject", "object"):
            wide, narrow = getattr(separable, side).weight, getattr(biaffine, side).weight
            wide.data[:E] = narrow.data
            getattr(separable, f"{side}_weight").data[:, :E] = getattr(
                biaffine, f"{side}_weight"
            ).data
            getattr(separable, f"{side}_weight").data[:, E:] = 0
        separable.bias.data = biaffine.bias.data
        assert_the_same(biaffine, separable)

    def test_biaffine_starts_so(self) -> None:
        torch.manual_seed(0)
        scorer = BiaffineScorer(F, R, -6.0)
        assert not scorer.product.any()
        logits = scored(scorer, features_of([4]).float(), [4]).logits()
        corners = logits[:, 0, 1] + logits[:, 1, 0] - logits[:, 0, 0] - logits[:, 1, 1]
        torch.testing.assert_close(corners, torch.zeros_like(corners), rtol=0, atol=1e-6)
        assert scorer.bias.eq(-6).all()


class TestBeyondSeparable:
    """Two words, told apart by a feature: each with itself and not with the other."""

    FEATURES = torch.tensor([[[0.0, 0.0], [1.0, 0.0]]])

    def test_concat(self) -> None:
        """Take 1 - 2·|h_i - h_j|, the difference by two units."""
        scorer = ConcatScorer(2, 1, 1.0)
        scorer.pair.weight.data = torch.tensor([[1.0, 0, -1, 0], [-1, 0, 1, 0]])
        scorer.weight.data = torch.tensor([[-2.0, -2.0]])
        self.check(scored(scorer, self.FEATURES, [2]))

    def test_biaffine(self) -> None:
        """Take 1 - 2·h_i - 2·h_j + 4·h_i·h_j."""
        scorer = BiaffineScorer(2, 1, 1.0)
        scorer.subject.weight.data = scorer.object.weight.data = torch.tensor([[1.0, 0]])
        scorer.subject_weight.data = scorer.object_weight.data = torch.tensor([[-2.0]])
        scorer.product.data = torch.tensor([[[4.0]]])
        self.check(scored(scorer, self.FEATURES, [2]))

    @staticmethod
    def check(scores: DenseScores) -> None:
        assert scores.logits()[0, :, :, 0].tolist() == [[1, -1], [-1, 1]]
        assert crossing_share(scores.triples().numpy()) == 1
