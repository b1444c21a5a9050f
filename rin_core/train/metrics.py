"""Precision, recall and F1 of triples, entities and relations (paper §5).

*Partial* match, the paper's: the relation and both entity words are right. *Exact* match: the
tagger must also decode the right entity span at both words. *Entity* scores compare spans.
*Relation* scores compare the set of relations that each sentence expresses, without arguments.

Everything is counted from rows of integers; the grid of word pairs is never built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rin_core.data.batches import make_batch, scoring_batches
from rin_core.data.encoding import EncodedSplit
from rin_core.data.tags import decode_spans
from rin_core.model.rin import RIN

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Score:
    """Counts, and the ratios made of them. An empty ratio is 0.

    Examples:
        >>> found = Score(correct=3, predicted=4, gold=6)
        >>> found.precision, found.recall, found.f1
        (0.75, 0.5, 0.6)
    """

    correct: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float:
        """Share of the predictions that are right."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold items that are found."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.predicted + self.gold
        return 2 * self.correct / total if total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """The four scores of one split."""

    triple: Score
    exact: Score
    entity: Score
    relation: Score

    def flat(self) -> dict[str, float]:
        """Return ``precision``, ``recall``, ``f1`` of triples, and the others' with a prefix."""
        named = {"": self.triple, "exact_": self.exact}
        named |= {"entity_": self.entity, "relation_": self.relation}
        return {
            f"{prefix}{name}": getattr(score, name)
            for prefix, score in named.items()
            for name in ("precision", "recall", "f1")
        }


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a model predicts for a split."""

    triples_4N: Array
    """Rows sentence, subject, relation, object."""
    tags_NL: Array


def decode(model: RIN, split: EncodedSplit, device: torch.device) -> Decoded:
    """Run a model over a split, without dropout."""
    was_training = model.training
    model.eval()
    tags = np.full(split.tags_NL.shape, -1)
    triples = [np.zeros((4, 0), np.int64)]
    with torch.inference_mode():
        for rows in scoring_batches(split):
            batch = make_batch(split, rows, device)
            prediction = model(batch)
            tags_BL = prediction.tags_BLT.argmax(-1)
            if batch.padding_BL is not None:
                tags_BL = tags_BL.masked_fill(batch.padding_BL, -1)
            found = prediction.scores.triples().cpu().numpy()
            found[0] = rows[found[0]]
            triples.append(found)
            tags[rows, : tags_BL.shape[1]] = tags_BL.cpu().numpy()
    model.train(was_training)
    return Decoded(np.concatenate(triples, axis=1), tags)


def score(decoded: Decoded, split: EncodedSplit, entity_word: str) -> Metrics:
    """Compare predictions with the gold annotation of a split."""
    predicted = decoded.triples_4N
    spans = decode_spans(decoded.tags_NL)
    exact = _with_spans(predicted, spans, decoded.tags_NL.shape, entity_word)
    return Metrics(
        triple=_compare(predicted, split.gold_4M, missed=split.missed_triples),
        exact=_compare(exact, split.exact_6X, missed=split.missed_exact),
        entity=_compare(spans, split.entities_3E, missed=split.missed_entities),
        relation=_compare(
            np.unique(predicted[[0, 2]], axis=1), split.relations_2P, missed=split.missed_relations
        ),
    )


def _with_spans(
    triples_4N: Array, spans_3E: Array, shape: tuple[int, ...], entity_word: str
) -> Array:
    """Add to each triple the other end of the span its words stand for; -1 where none does."""
    n, first, last = spans_3E[0], spans_3E[1], spans_3E[2] - 1
    word, other = (first, last) if entity_word == "first" else (last, first)
    other_NL = np.full(shape, -1)
    other_NL[n, word] = other
    b, i, t, j = triples_4N
    return np.stack([b, i, other_NL[b, i], t, j, other_NL[b, j]])


def _compare(predicted: Array, gold: Array, *, missed: int) -> Score:
    """Count distinct columns of two integer tables that are in both."""
    both = np.concatenate([predicted, gold], axis=1)
    distinct = len(np.unique(both, axis=1).T)
    correct = predicted.shape[1] + gold.shape[1] - distinct
    return Score(correct, predicted.shape[1], gold.shape[1] + missed)


def evaluate(model: RIN, split: EncodedSplit, entity_word: str, device: torch.device) -> Metrics:
    """Decode a split and score it."""
    return score(decode(model, split, device), split, entity_word)
