"""Precision, recall and F1 of groups of triples: by relation, length, distance or word vectors.

A slicing puts every triple, gold or predicted, into one group, so that the groups add up to the
whole. The exception are gold triples that do not occur in their sentence: they have no distance and
no words to look up. :mod:`reports.tables.breakdown` groups sentences instead of triples.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from reports.frames.predictions import Answer, WordsKnown
from reports.stats.intervals import Array
from rin_core.data.corpus import Fact, Sentence

#: Most relations that have a row of their own.
MOST_RELATIONS = 24
_LENGTHS = (10, 15, 20, 30, 40)
_DISTANCES = (2, 4, 7, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slicing:
    """A way to group triples."""

    name: str
    title: str
    groups: tuple[str, ...]
    group_of: Callable[[Sentence, Fact], str]
    """The group of a triple."""
    group_of_missing: Callable[[Sentence, str], str | None]
    """The group of a gold triple that cannot be located, from its relation; None for no group."""


def by_relation(sentences: Sequence[Sentence]) -> Slicing:
    """Group by relation, those with most gold triples first; rare ones are grouped together."""
    gold: Counter[str] = Counter()
    for sentence in sentences:
        gold.update(triple.relation for triple in sentence.triples)
        gold.update(relation for _, relation, _ in sentence.missing)
    ordered = sorted(gold, key=lambda relation: (-gold[relation], relation))
    own = ordered[:MOST_RELATIONS]
    rest = f"{len(ordered) - len(own)} rarer relations" if len(ordered) > len(own) else "any other"

    def group_of(_: Sentence, fact: Fact) -> str:
        return fact[1] if fact[1] in own else rest

    def group_of_missing(_: Sentence, relation: str) -> str:
        return relation if relation in own else rest

    return Slicing(
        name="relation",
        title="relation",
        groups=(*own, rest),
        group_of=group_of,
        group_of_missing=group_of_missing,
    )


def by_length() -> Slicing:
    """Group by the number of words of the sentence."""
    names = _bin_names(_LENGTHS)

    def group_of(sentence: Sentence, _: Fact | str) -> str:
        return names[bisect_left(_LENGTHS, len(sentence.words))]

    return Slicing(
        name="length",
        title="sentence length in words",
        groups=names,
        group_of=group_of,
        group_of_missing=group_of,
    )


def by_distance() -> Slicing:
    """Group by the distance of subject and object in words."""
    names = _bin_names(_DISTANCES)

    def group_of(_: Sentence, fact: Fact) -> str:
        return names[bisect_left(_DISTANCES, abs(fact[0] - fact[2]))]

    return Slicing(
        name="distance",
        title="distance of subject and object in words",
        groups=names,
        group_of=group_of,
        group_of_missing=_no_group,
    )


def by_vectors(known: WordsKnown) -> Slicing:
    """Group by whether the two words have pretrained vectors or occur in training."""
    both, one_without, one_unseen = "both have one", "one has none", "one not in training"

    def group_of(sentence: Sentence, fact: Fact) -> str:
        words = {sentence.words[fact[0]], sentence.words[fact[2]]}
        if words & known.unseen:
            return one_unseen
        return both if words <= known.with_vector else one_without

    return Slicing(
        name="vectors",
        title="pretrained vectors of subject and object",
        groups=(both, one_without, one_unseen),
        group_of=group_of,
        group_of_missing=_no_group,
    )


def _no_group(_: Sentence, relation: str) -> None:
    """A triple that cannot be located has no positions."""


def _bin_names(edges: Sequence[int]) -> tuple[str, ...]:
    between = [f"{low + 1}–{high}" for low, high in pairwise(edges)]
    return (f"≤{edges[0]}", *between, f">{edges[-1]}")


def slice_counts(
    slicing: Slicing, sentences: Sequence[Sentence], answers: Sequence[Answer]
) -> Array:
    """Count correct, predicted and gold triples of each group.

    Returns:
        Integers [G, 3], groups as in ``slicing.groups``.
    """
    index = {group: k for k, group in enumerate(slicing.groups)}
    counts = np.zeros((len(index), 3), np.int64)
    for sentence, (gold, predicted) in zip(sentences, answers, strict=True):
        for column, facts in enumerate((gold & predicted, predicted, gold)):
            for fact in facts:
                counts[index[slicing.group_of(sentence, fact)], column] += 1
        for _, relation, _ in sentence.missing:
            if (group := slicing.group_of_missing(sentence, relation)) is not None:
                counts[index[group], 2] += 1
    return counts
