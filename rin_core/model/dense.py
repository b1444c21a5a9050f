"""Relation scorers that do not factor, and their scores of all word pairs.

Unlike the paper's scorer, these need a grid: a logit for every pair of words and every relation.
The grid of a batch of WebNLG's longest sentences would take gigabytes. So grids are computed for a
few sentences at a time, when they are used, and again for the backward pass unless the whole batch
fits at once. ``torch.utils.checkpoint`` does the same, but a step on 50 × 100 words then took
1.3 GB instead of 0.4 GB (biaffine, CPU).

Shapes: B sentences · L tokens, padded · F feature width · E width of the projected features ·
R relations · N triples · S × O words of a grid as subjects and as objects, L × L or 1 × 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from rin_core.model.heads import Scorer, SeparableScorer

#: Most numbers in memory at a time, of grids and of their inputs: 32 MiB in float32. An average
#: batch of WebNLG fits and is then computed once.
GRID_NUMBERS = 2**23
#: Most numbers of one sentence's grid and its inputs: 8 GiB in float32, which is 2,800 words with
#: WebNLG's relations.
LARGEST_GRID = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseScores:
    """Logits of all pairs of words, computed when they are used."""

    subject_BLE: Tensor
    object_BLE: Tensor
    weights: tuple[Tensor, ...]
    pair_logits: Callable[..., Tensor]
    """The grid [B, S, O, R] of subjects [B, S, E], objects [B, O, E] and the weights."""
    at_once: int
    """Sentences whose grids are in memory together."""
    padding_BL: Tensor | None
    """True where there is no word; None when the batch has no padding."""

    def relation_probabilities(self) -> Tensor:
        """Return ŷ [R, B, L]: each word's largest probability as subject (Eqs. 1-2)."""
        best_BLR = self._of_grids(lambda grid: grid.amax(2))
        return torch.sigmoid(best_BLR).permute(2, 0, 1)

    def loss(self, gold_4N: Tensor) -> Tensor:
        """Return the binary cross entropy summed over real pairs and relations (Eq. 13).

        As for factored scores, it is Σ softplus(logit) - Σ_gold logit: right for any finite
        logit, and softplus(-∞) = 0 lets padding contribute nothing.
        """
        sums_B = self._of_grids(lambda grid: nn.functional.softplus(grid).sum((1, 2, 3)))
        return sums_B.sum() - self.logits_at(gold_4N).sum()

    def triples(self, least_logit: float = 0.0) -> Tensor:
        """Return the triples with this logit or a higher one as rows, see ``PairScores``."""
        found = []
        for part in self.parts():
            b, i, j, t = (self._grid(part) >= least_logit).nonzero(as_tuple=True)
            found.append(torch.stack([b + part.start, i, t, j]))
        return torch.cat(found, dim=1)

    def logits(self) -> Tensor:
        """Return the whole grid [B, L, L, R], subjects before objects; padding is -inf."""
        return torch.cat([self._grid(part) for part in self.parts()])

    def parts(self) -> Iterator[slice]:
        """Return the sentences whose grids are in memory together, in order."""
        for start in range(0, len(self.subject_BLE), self.at_once):
            yield slice(start, start + self.at_once)

    def _grid(self, part: slice) -> Tensor:
        return self.grid_of(self.subject_BLE[part], self.object_BLE[part], part, *self.weights)

    def grid_of(
        self, subject_BLE: Tensor, object_BLE: Tensor, part: slice, *weights: Tensor
    ) -> Tensor:
        """Return the grid of some of the sentences, from given features and weights."""
        grid = _widened(self.pair_logits(subject_BLE, object_BLE, *weights))
        if self.padding_BL is None:
            return grid
        padding_BL = self.padding_BL[part]
        no_pair_BLL = padding_BL[:, :, None] | padding_BL[:, None]
        return grid.masked_fill_(no_pair_BLL[..., None], float("-inf"))

    def _of_grids(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply a function of each sentence to the grids, keeping none where there are parts."""
        everything = slice(0, len(self.subject_BLE))
        if self.at_once >= everything.stop:
            return function(self._grid(everything))
        found: Tensor = _PartByPart.apply(  # type: ignore[no-untyped-call]
            self, function, self.subject_BLE, self.object_BLE, *self.weights
        )
        return found

    def logits_at(self, triples_4N: Tensor) -> Tensor:
        """Return the logits [N] of triples, each computed as a sentence of one pair."""
        b, i, t, j = triples_4N
        subject_N1E, object_N1E = self.subject_BLE[b, i, None], self.object_BLE[b, j, None]
        grid_N11R = self.pair_logits(subject_N1E, object_N1E, *self.weights)
        return _widened(grid_N11R).flatten(1).gather(1, t[:, None]).squeeze(1)


class _PartByPart(torch.autograd.Function):
    """A function of the grids; each is computed, used and freed, forwards and again backwards.

    The decorators give the backward pass the mixed precision of the forward pass.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cuda")
    def forward(
        ctx: Any, scores: DenseScores, function: Callable[[Tensor], Tensor], *tensors: Tensor
    ) -> Tensor:
        ctx.scores, ctx.function = scores, function
        ctx.save_for_backward(*tensors)
        subject_BLE, object_BLE, *weights = tensors
        return torch.cat(
            [
                function(scores.grid_of(subject_BLE[part], object_BLE[part], part, *weights))
                for part in scores.parts()
            ]
        )

    @staticmethod
    @torch.amp.custom_bwd(device_type="cuda")
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        tensors = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
        subject_BLE, object_BLE, *weights = tensors
        sums = [torch.zeros_like(tensor) for tensor in tensors]
        for part in ctx.scores.parts():
            with torch.enable_grad():
                grid = ctx.scores.grid_of(subject_BLE[part], object_BLE[part], part, *weights)
                values = ctx.function(grid)
            gradients = torch.autograd.grad(values, tensors, grad_outputs[0][part])
            for total, gradient in zip(sums, gradients, strict=True):
                total.add_(gradient)
        return None, None, *sums


def _widened(values: Tensor) -> Tensor:
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


class ConcatScorer(nn.Module):
    """C_r of the 2020 camera-ready version: concatenation inside the map, then the ReLU.

    m = ReLU(W_m(h_i ⊕ h_j)), logit = W_p m + b. The product is linear before its ReLU, so it is
    W_m's left half for h_i plus its right half for h_j, once a word; only the ReLU and W_p see
    pairs. If each unit of m read only one of the two words, this would be the separable scorer.

    Args:
        feature_size: F, the width of m too.
        relations: R.
        bias: Start of every b_t, as in :class:`rin_core.model.heads.SeparableScorer`.
        pair_bias: Whether W_m has a bias, as in the authors' program.
    """

    def __init__(
        self, feature_size: int, relations: int, bias: float, *, pair_bias: bool = False
    ) -> None:
        super().__init__()
        self.pair = nn.Linear(2 * feature_size, feature_size, bias=pair_bias)  # W_m
        self.weight = _uniform(relations, feature_size, fan_in=feature_size)  # W_p
        self.bias = nn.Parameter(torch.full((relations,), bias))

    def forward(
        self, features_BLF: Tensor, _lengths_B: Tensor, padding_BL: Tensor | None
    ) -> DenseScores:
        """Score all pairs of words from the relation features [B, L, F]."""
        L, (R, F) = features_BLF.shape[1], self.weight.shape
        W_subject, W_object = torch.split(self.pair.weight, F, dim=1)
        subject_BLE = features_BLF @ W_subject.T
        if self.pair.bias is not None:  # once a pair, so in one of the two parts
            subject_BLE = subject_BLE + self.pair.bias
        return DenseScores(
            subject_BLE=subject_BLE,
            object_BLE=features_BLF @ W_object.T,
            weights=(self.weight, self.bias),
            pair_logits=_concat_logits,
            at_once=_fitting(L, L * L * (F + R)),
            padding_BL=padding_BL,
        )


def _concat_logits(subject_BSE: Tensor, object_BOE: Tensor, W_p: Tensor, bias: Tensor) -> Tensor:
    m_BSOE = (subject_BSE[:, :, None] + object_BOE[:, None]).relu_()
    return nn.functional.linear(m_BSOE, W_p, bias)


class BiaffineScorer(nn.Module):
    """Each relation's own bilinear form of the two words, plus a separable scorer.

    logit = sᵀ U_t o + w_t·s + v_t·o + b_t with s = ReLU(W_s h_i), o = ReLU(W_o h_j). U starts at
    zero: the model starts as a separable one, and what it learns of pairs is U.

    The projections are half as wide as the features, E = F / 2: U has R · E² weights, 0.4 million
    for WebNLG's 171 relations, where all of RIN but its word vectors has 0.3 million; at full
    width it would have 1.7. The reference, too, scores labels in a narrower space (100 of 800).

    Args:
        feature_size: F.
        relations: R.
        bias: Start of every b_t, as in :class:`rin_core.model.heads.SeparableScorer`.

    References:
        Dozat and Manning (2017), "Deep Biaffine Attention for Neural Dependency Parsing".
    """

    def __init__(self, feature_size: int, relations: int, bias: float) -> None:
        super().__init__()
        E = (feature_size + 1) // 2
        self.subject = nn.Linear(feature_size, E, bias=False)  # W_s
        self.object = nn.Linear(feature_size, E, bias=False)  # W_o
        self.product = nn.Parameter(torch.zeros(relations, E, E))  # U
        self.subject_weight = _uniform(relations, E, fan_in=2 * E)  # w
        self.object_weight = _uniform(relations, E, fan_in=2 * E)  # v
        self.bias = nn.Parameter(torch.full((relations,), bias))

    def forward(
        self, features_BLF: Tensor, _lengths_B: Tensor, padding_BL: Tensor | None
    ) -> DenseScores:
        """Score all pairs of words from the relation features [B, L, F]."""
        L, (R, E) = features_BLF.shape[1], self.subject_weight.shape
        return DenseScores(
            subject_BLE=torch.relu(self.subject(features_BLF)),
            object_BLE=torch.relu(self.object(features_BLF)),
            weights=(self.product, self.subject_weight, self.object_weight, self.bias),
            pair_logits=_biaffine_logits,
            at_once=_fitting(L, L * R * (L + E)),
            padding_BL=padding_BL,
        )


def _biaffine_logits(
    subject_BSE: Tensor, object_BOE: Tensor, U: Tensor, w: Tensor, v: Tensor, bias: Tensor
) -> Tensor:
    """Take sᵀ U_t + v_t once a subject, so that one product with o adds both terms of o."""
    (B, S, E), R = subject_BSE.shape, len(bias)
    subject_NE = subject_BSE.flatten(0, 1)
    reads_NK = torch.addmm(v.flatten(), subject_NE, U.transpose(0, 1).reshape(E, R * E))
    share_NR = torch.addmm(bias, subject_NE, w.T)
    logits = torch.baddbmm(
        share_NR.view(B, S * R, 1), reads_NK.view(B, S * R, E), object_BOE.transpose(1, 2)
    )
    return logits.view(B, S, R, object_BOE.shape[1]).transpose(2, 3)


#: C_r by ``model.scorer``.
SCORERS: Mapping[str, Callable[[int, int, float], Scorer]] = {
    "separable": SeparableScorer,
    "concat": ConcatScorer,
    "concat_bias": partial(ConcatScorer, pair_bias=True),
    "biaffine": BiaffineScorer,
}


def _uniform(*shape: int, fan_in: int) -> nn.Parameter:
    bound = fan_in**-0.5
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


def _fitting(L: int, numbers_a_sentence: int) -> int:
    """Return how many sentences' grids may be in memory together: at least one.

    Raises:
        ValueError: Not even one may.
    """
    if numbers_a_sentence > LARGEST_GRID:
        raise ValueError(
            f"a sentence of {L} words: this model scores all pairs of words, which would take "
            f"{4 * numbers_a_sentence / 2**30:.0f} GiB; split the text into sentences"
        )
    return max(1, GRID_NUMBERS // numbers_a_sentence)
