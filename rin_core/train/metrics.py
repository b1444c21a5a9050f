"""Precision, recall and F1 of triples, entities and relations (paper §5).

Triples are scored in the field's three ways. *Partial* match, the paper's: the relation and both
entity words are right. *Boundaries*, here called exact match: the tagger must also decode the right
entity span at both words. *Strict* match, only with entity types: the types of both spans must be
right, too. With entity types, boundaries and strict match compare triples between decoded entities:
a predicted word stands for the entity that it is in, and a triple without two entities is none.

*Entity* scores compare spans, and their types if there are types; *entity boundaries* then compare
spans alone. *Relation* scores compare the set of relations that each sentence expresses, without
arguments.

Everything is counted from rows of integers; the grid of word pairs is never built.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rin_core.data.batches import make_batch, scoring_batches
from rin_core.data.encoding import EncodedSplit
from rin_core.data.tags import best_tags, decode_spans
from rin_core.model.rin import RIN

Array = NDArray[Any]
#: The rows of :attr:`EncodedSplit.exact_8X` that hold types.
_TYPES = (3, 7)


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
    """The scores of one split."""

    triple: Score
    exact: Score
    entity: Score
    relation: Score
    strict: Score | None = None
    """None without entity types, like the next."""
    entity_boundaries: Score | None = None

    def flat(self) -> dict[str, float]:
        """Return ``precision``, ``recall``, ``f1`` of triples, and the others' with a prefix."""
        named = {"": self.triple, "exact_": self.exact}
        named |= {"entity_": self.entity, "relation_": self.relation}
        if self.strict and self.entity_boundaries:
            named |= {"strict_": self.strict, "entity_boundaries_": self.entity_boundaries}
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
    tags = np.full((len(split), split.lengths_N.max()), -1)
    triples = [np.zeros((4, 0), np.int64)]
    with torch.inference_mode():
        for rows in scoring_batches(split):
            batch = make_batch(split, rows, device)
            prediction = model(batch)
            tags_BL = best_tags(prediction.tags_BLT.cpu().numpy(), split.lengths_N[rows])
            found = prediction.scores.triples().cpu().numpy()
            found[0] = rows[found[0]]
            triples.append(found)
            tags[rows, : tags_BL.shape[1]] = tags_BL
    model.train(was_training)
    return Decoded(np.concatenate(triples, axis=1), tags)


def score(decoded: Decoded, split: EncodedSplit, entity_word: str) -> Metrics:
    """Compare predictions with the gold annotation of a split."""
    predicted = decoded.triples_4N
    entities = decode_spans(decoded.tags_NL)
    shape = decoded.tags_NL.shape
    strict = (
        _between_entities(predicted, entities, shape, entity_word)
        if split.has_types
        else _with_spans(predicted, entities, shape, entity_word)
    )
    exact, gold_exact = (np.delete(rows, _TYPES, axis=0) for rows in (strict, split.exact_8X))
    boundaries = _compare(entities[:3], split.entities_4E[:3], missed=split.missed_entities)
    scores = Metrics(
        triple=_compare(predicted, split.gold_4M, missed=split.missed_triples),
        exact=_compare(exact, gold_exact, missed=split.missed_exact),
        entity=boundaries,
        relation=_compare(
            np.unique(predicted[[0, 2]], axis=1), split.relations_2P, missed=split.missed_relations
        ),
    )
    if not split.has_types:
        return scores
    return replace(
        scores,
        strict=_compare(strict, split.exact_8X, missed=split.missed_exact),
        entity=_compare(entities, split.entities_4E, missed=split.missed_entities),
        entity_boundaries=boundaries,
    )


def _with_spans(
    triples_4N: Array, entities_4E: Array, shape: tuple[int, ...], entity_word: str
) -> Array:
    """Return triples as rows of :attr:`EncodedSplit.exact_8X`.

    Where a word stands for no decoded span, the span's other end and its type are -1.
    """
    n, _, _, types = entities_4E
    word, other = _entity_places(entities_4E, entity_word)
    other_NL, types_NL = np.full(shape, -1), np.full(shape, -1)
    other_NL[n, word], types_NL[n, word] = other, types
    b, i, t, j = triples_4N
    return np.stack([b, i, other_NL[b, i], types_NL[b, i], t, j, other_NL[b, j], types_NL[b, j]])


def _between_entities(
    triples_4N: Array, entities_4E: Array, shape: tuple[int, ...], entity_word: str
) -> Array:
    """Return the distinct triples between decoded entities, as :attr:`EncodedSplit.exact_8X`."""
    entity_NL = np.full(shape, -1)
    for number, (n, first, end, _) in enumerate(entities_4E.T):
        entity_NL[n, first:end] = number
    b, i, t, j = triples_4N
    subject, object_ = entity_NL[b, i], entity_NL[b, j]
    both = (subject >= 0) & (object_ >= 0)
    b, t, subject, object_ = (row[both] for row in (b, t, subject, object_))
    types, (word, other) = entities_4E[3], _entity_places(entities_4E, entity_word)
    rows = [b, word[subject], other[subject], types[subject]]
    rows += [t, word[object_], other[object_], types[object_]]
    return np.unique(np.stack(rows), axis=1)


def _entity_places(entities_4E: Array, entity_word: str) -> tuple[Array, Array]:
    """Return :func:`rin_core.data.corpus.entity_place` of each of some entities [E], [E]."""
    _, first, end, _ = entities_4E
    return (first, end - 1) if entity_word == "first" else (end - 1, first)


def _compare(predicted: Array, gold: Array, *, missed: int) -> Score:
    """Count distinct columns of two integer tables that are in both."""
    both = np.concatenate([predicted, gold], axis=1)
    distinct = len(np.unique(both, axis=1).T)
    correct = predicted.shape[1] + gold.shape[1] - distinct
    return Score(correct, predicted.shape[1], gold.shape[1] + missed)


def evaluate(model: RIN, split: EncodedSplit, entity_word: str, device: torch.device) -> Metrics:
    """Decode a split and score it."""
    return score(decode(model, split, device), split, entity_word)
