"""Entity tagger and relation scorer (Eqs. 8-10), and the score of all word pairs they share.

Eq. 9 concatenates two ReLUs, and ReLU acts element by element, so Eq. 10's logit is a sum of
a subject part and an object part. :class:`FactoredScores` keeps the two separate. The loss, the
rounds and the decoding use it, and none of them needs the L × L × R grid.

Shapes: B sentences · L tokens, padded · D feature width · R relations · T tags, 5 without
entity types · N triples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from rin_core.loss.pair_loss import pair_loss
from rin_core.model.matmul import addmm, matmul


class PairScores(Protocol):
    """What a relation scorer returns, whether or not it factors."""

    def relation_probabilities(self) -> Tensor:
        """Return ŷ [R, B, L]: each word's largest probability as subject (Eqs. 1-2)."""

    def loss(self, gold_4N: Tensor) -> Tensor:
        """Return the binary cross entropy summed over real pairs and relations (Eq. 13)."""

    def triples(self, least_logit: float = 0.0) -> Tensor:
        """Return the triples with this logit or a higher one, p ≥ 0.5 by default.

        Returns:
            Rows sentence, subject, relation, object [4, N].
        """

    def logits_at(self, triples_4N: Tensor) -> Tensor:
        """Return the logits [N] of triples given as :meth:`triples` returns them."""

    def logits(self) -> Tensor:
        """Return the whole grid [B, L, L, R], subjects before objects; padding is -inf."""


class Scorer(Protocol):
    """C_r: built from feature width, number of relations and start of the bias. It is a module."""

    def __call__(
        self, features_BLF: Tensor, lengths_B: Tensor, padding_BL: Tensor | None, /
    ) -> PairScores:
        """Score all pairs of words from the relation features [B, L, F]."""


@dataclass(frozen=True, slots=True)
class FactoredScores:
    """Logits ``subject[t, b, i] + object[t, b, j]`` of the separable scorer.

    Relations come first because every use walks one relation's words in a row.
    """

    subject_RBL: Tensor
    object_RBL: Tensor
    lengths_B: Tensor
    padding_BL: Tensor | None
    """True where there is no word; None when the batch has no padding."""

    def relation_probabilities(self) -> Tensor:
        """Return ŷ [R, B, L]: σ is monotonic, so the best object is the same for every subject."""
        best_RB1 = self._objects().max(dim=2, keepdim=True).values
        return torch.sigmoid(self.subject_RBL + best_RB1)

    def loss(self, gold_4N: Tensor) -> Tensor:
        """Return the binary cross entropy summed over real pairs and relations (Eq. 13)."""
        return pair_loss(self.subject_RBL, self.object_RBL, self.lengths_B, gold_4N)

    def triples(self, least_logit: float = 0.0) -> Tensor:
        """Return the triples with this logit or a higher one as rows, see :class:`PairScores`.

        A subject has triples only if its logit with its best object is high enough. Only these few
        subjects are compared with every object, so the grid is never built.
        """
        subject_RBL, object_RBL = self._subjects(), self._objects()
        reach_RBL = subject_RBL + object_RBL.amax(2, keepdim=True)
        t, b, i = (reach_RBL >= least_logit).nonzero(as_tuple=True)
        logits_NL = subject_RBL[t, b, i, None] + object_RBL[t, b]
        row, j = (logits_NL >= least_logit).nonzero(as_tuple=True)
        return torch.stack([b[row], i[row], t[row], j])

    def logits_at(self, triples_4N: Tensor) -> Tensor:
        """Return the logits [N] of triples given as :meth:`triples` returns them."""
        b, i, t, j = triples_4N
        return self.subject_RBL[t, b, i] + self.object_RBL[t, b, j]

    def logits(self) -> Tensor:
        """Return the whole grid [B, L, L, R]; padding is -inf."""
        grid = self._subjects()[:, :, :, None] + self._objects()[:, :, None, :]
        return grid.permute(1, 2, 3, 0)

    def _subjects(self) -> Tensor:
        return self._without_padding(self.subject_RBL)

    def _objects(self) -> Tensor:
        return self._without_padding(self.object_RBL)

    def _without_padding(self, share_RBL: Tensor) -> Tensor:
        if self.padding_BL is None:
            return share_RBL
        return share_RBL.masked_fill(self.padding_BL, float("-inf"))


class SeparableScorer(nn.Module):
    """C_r as the arXiv paper writes it (Eqs. 9-10): concatenation outside the two maps.

    Args:
        feature_size: D.
        relations: R.
        bias: Start of every b_t. Triples are rare: near -6 the first loss is near its floor.
    """

    def __init__(self, feature_size: int, relations: int, bias: float) -> None:
        super().__init__()
        self.subject = nn.Linear(feature_size, feature_size, bias=False)  # W_m
        self.object = nn.Linear(feature_size, feature_size, bias=False)  # W_r
        # W_p's two halves; [R, D] each, as Eq. 10's row of 2D would start.
        self.subject_weight = nn.Parameter(torch.empty(relations, feature_size))
        self.object_weight = nn.Parameter(torch.empty(relations, feature_size))
        self.bias = nn.Parameter(torch.full((relations,), bias))
        bound = (2 * feature_size) ** -0.5
        nn.init.uniform_(self.subject_weight, -bound, bound)
        nn.init.uniform_(self.object_weight, -bound, bound)

    def forward(
        self, features_BLD: Tensor, lengths_B: Tensor, padding_BL: Tensor | None
    ) -> FactoredScores:
        """Score all pairs of words from the relation features [B, L, D]."""
        B, L, D = features_BLD.shape
        flat_ND = features_BLD.reshape(B * L, D)
        m_subject = torch.relu(matmul(flat_ND, self.subject.weight.T))
        m_object = torch.relu(matmul(flat_ND, self.object.weight.T))
        subject_RN = addmm(self.bias[:, None], self.subject_weight, m_subject.T)
        object_RN = matmul(self.object_weight, m_object.T)
        return FactoredScores(
            subject_RN.view(-1, B, L), object_RN.view(-1, B, L), lengths_B, padding_BL
        )


class EntityTagger(nn.Module):
    """C_g (Eq. 8): a tag for each word, one of B I E S O without entity types.

    Args:
        feature_size: D.
        tags: T.
    """

    def __init__(self, feature_size: int, tags: int) -> None:
        super().__init__()
        self.output = nn.Linear(feature_size, tags)

    def forward(self, features_BLD: Tensor) -> Tensor:
        """Return tag logits [B, L, T] from the entity features [B, L, D]."""
        logits: Tensor = self.output(features_BLD)
        return logits
