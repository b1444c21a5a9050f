"""Three formulations of the same relation scores, to compare their speed.

*Dense* is the direct form of the paper's Eqs. 9-10: the vectors of every word pair are concatenated
to one of size 2D, and the L² × 2D tensor is multiplied by W_p. *Plain* writes the logit as a sum of
two parts, like the product, and leaves the loss on the L² × R grid to autograd. *Product* is the
code of this project.

Each wraps a scorer of the product and shares its weights, so all three are the same model.

Shapes: B sentences · L tokens, padded · D feature width · R relations · N triples.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rin_core.model.heads import FactoredScores, SeparableScorer


@dataclass(frozen=True, slots=True)
class GridScores:
    """Logits of all pairs [B, L, L, R], on the autograd tape."""

    logits_BLLR: Tensor
    mask_BL: Tensor

    def relation_probabilities(self) -> Tensor:
        """Return ŷ [R, B, L]: Eq. 1 over the grid."""
        objects = self.mask_BL[:, None, :, None]
        best_BLR = torch.sigmoid(self.logits_BLLR).masked_fill(~objects, 0).amax(2)
        return best_BLR.permute(2, 0, 1)

    def loss(self, gold_4N: Tensor) -> Tensor:
        """Return Eq. 13 over the grid."""
        b, i, t, j = gold_4N
        target = torch.zeros_like(self.logits_BLLR)
        target[b, i, j, t] = 1
        pairs = self.mask_BL[:, :, None, None] & self.mask_BL[:, None, :, None]
        losses = nn.functional.binary_cross_entropy_with_logits(
            self.logits_BLLR, target, reduction="none"
        )
        return (losses * pairs).sum()


class DenseScorer(nn.Module):
    """Eqs. 9-10 with every pair concatenated."""

    def __init__(self, scorer: SeparableScorer) -> None:
        super().__init__()
        self.scorer = scorer

    def forward(
        self, features_BLD: Tensor, lengths_B: Tensor, padding_BL: Tensor | None
    ) -> GridScores:
        """Score all pairs of words."""
        s, L = self.scorer, features_BLD.shape[1]
        subject = s.subject(features_BLD)[:, :, None].expand(-1, -1, L, -1)
        object_ = s.object(features_BLD)[:, None].expand(-1, L, -1, -1)
        m_BLLE = torch.relu(torch.cat([subject, object_], dim=-1))
        W_p = torch.cat([s.subject_weight, s.object_weight], dim=1)
        return GridScores(nn.functional.linear(m_BLLE, W_p, s.bias), _mask(L, lengths_B))


@dataclass(frozen=True, slots=True)
class PlainScores(FactoredScores):
    """The factored scores, with the loss left to autograd."""

    def loss(self, gold_4N: Tensor) -> Tensor:
        """Return Eq. 13 as softplus over the grid [R, B, L, L], less the gold logits."""
        mask_BL = _mask(self.subject_RBL.shape[2], self.lengths_B)
        pairs = mask_BL[:, :, None] & mask_BL[:, None, :]
        grid = self.subject_RBL[:, :, :, None] + self.object_RBL[:, :, None, :]
        b, i, t, j = gold_4N
        gold = self.subject_RBL[t, b, i] + self.object_RBL[t, b, j]
        return (nn.functional.softplus(grid) * pairs).sum() - gold.sum()


class PlainScorer(nn.Module):
    """The product's scorer with :class:`PlainScores`."""

    def __init__(self, scorer: SeparableScorer) -> None:
        super().__init__()
        self.scorer = scorer

    def forward(
        self, features_BLD: Tensor, lengths_B: Tensor, padding_BL: Tensor | None
    ) -> PlainScores:
        """Score all pairs of words."""
        scores = self.scorer(features_BLD, lengths_B, padding_BL)
        return PlainScores(
            scores.subject_RBL, scores.object_RBL, scores.lengths_B, scores.padding_BL
        )


#: How a row names the batches of each ``training.batch_order``.
ORDERS = {"length": "", "random": " on random batches", "file": " on batches of the file"}
FORMULATIONS = {"dense": DenseScorer, "plain": PlainScorer, "product": lambda scorer: scorer}


def _mask(L: int, lengths_B: Tensor) -> Tensor:
    return torch.arange(L, device=lengths_B.device) < lengths_B[:, None]
