"""Precision, recall and F1 of any group of triples: by relation, length, distance, vectors.

A cut puts every triple into one group, gold or said. Gold ones that are not in their sentence have
no distance and no words to look up; but for those the groups add up to the whole.
Where only sentences are sorted, :mod:`reports.tables.breakdown` counts them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from reports.frames.predictions import Answer, WordsKnown
from reports.stats.intervals import Array
from rin_core.data.corpus import Fact, Sentence

#: Most relations that have a row of their own.
MOST_RELATIONS = 24
_LENGTHS = (10, 15, 20, 30, 40)
_DISTANCES = (2, 4, 7, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A way to sort triples."""

    name: str
    title: str
    groups: tuple[str, ...]
    of: Callable[[Sentence, Fact], str]
    """The group of a triple."""
    of_missing: Callable[[Sentence, str], str | None]
    """The group of a gold triple that cannot be located, from its relation; None for no group."""


def by_relation(sentences: Sequence[Sentence]) -> Cut:
    """Sort by relation, those with most gold triples first; rare ones are taken together."""
    gold = Counter(relation for s in sentences for relation in _relations(s))
    ordered = sorted(gold, key=lambda relation: (-gold[relation], relation))
    own = ordered[:MOST_RELATIONS]
    rest = f"{len(ordered) - len(own)} rarer relations" if len(ordered) > len(own) else "any other"

    def group(relation: str) -> str:
        return relation if relation in own else rest

    return Cut(
        name="relation",
        title="relation",
        groups=(*own, rest),
        of=lambda _, fact: group(fact[1]),
        of_missing=lambda _, relation: group(relation),
    )


def _relations(sentence: Sentence) -> list[str]:
    return [t.relation for t in sentence.triples] + [
        relation for _, relation, _ in sentence.missing
    ]


def by_length() -> Cut:
    """Sort by the number of words of the sentence."""
    names = _names(_LENGTHS)
    return Cut(
        name="length",
        title="words in the sentence",
        groups=names,
        of=lambda sentence, _: _bin(len(sentence.words), _LENGTHS, names),
        of_missing=lambda sentence, _: _bin(len(sentence.words), _LENGTHS, names),
    )


def by_distance() -> Cut:
    """Sort by how many words lie from subject word to object word."""
    names = _names(_DISTANCES)
    return Cut(
        name="distance",
        title="words from subject to object",
        groups=names,
        of=lambda _, fact: _bin(abs(fact[0] - fact[2]), _DISTANCES, names),
        of_missing=lambda *_: None,
    )


def by_vectors(known: WordsKnown) -> Cut:
    """Sort by what is known of the two words: a vector, nothing but training, not even that."""
    groups = ("both have one", "one has none", "one not in training")

    def group(sentence: Sentence, fact: Fact) -> str:
        words = {sentence.words[fact[0]], sentence.words[fact[2]]}
        if words & known.unseen:
            return groups[2]
        return groups[0] if words <= known.with_vector else groups[1]

    return Cut(
        name="vectors",
        title="word vectors of subject and object",
        groups=groups,
        of=group,
        of_missing=lambda *_: None,
    )


def _names(edges: Sequence[int]) -> tuple[str, ...]:
    lower = (0, *(edge + 1 for edge in edges[:-1]))
    first, *others = zip(lower, edges, strict=True)
    return (f"≤{first[1]}", *(f"{low}–{high}" for low, high in others), f">{edges[-1]}")


def _bin(value: int, edges: Sequence[int], names: Sequence[str]) -> str:
    return names[bisect_left(edges, value)]


def cut_counts(cut: Cut, sentences: Sequence[Sentence], answers: Sequence[Answer]) -> Array:
    """Count correct, said and gold triples of each group of a cut.

    Returns:
        Integers [G, 3], groups as in ``cut.groups``.
    """
    place = {group: k for k, group in enumerate(cut.groups)}
    counts = np.zeros((len(place), 3), np.int64)
    for sentence, (gold, said) in zip(sentences, answers, strict=True):
        for column, facts in enumerate((gold & said, said, gold)):
            for fact in facts:
                counts[place[cut.of(sentence, fact)], column] += 1
        for _, relation, _ in sentence.missing:
            if (group := cut.of_missing(sentence, relation)) is not None:
                counts[place[group], 2] += 1
    return counts
