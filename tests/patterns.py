"""Sets of triples that a separable relation scorer cannot give.

Two triples (a, t, b) and (c, t, d) of a sentence *cross* if neither (a, t, d) nor (c, t, b) holds.
With logits subject + object that is impossible: the logits of the first two and of the last two
have the same sum, so one of the last two is positive too. Without crossings there always are
shares that fit, for then the sets of objects of any two subjects lie within one another.

Words may be paired with themselves, so a chain (a, t, b), (b, t, c) crosses too, unless (a, t, c)
or (b, t, b) holds. Where a model never scores a word with itself, only crossings count whose
other two pairs are of different words: ``self_pairs=False``.

Shapes: M triples, as rows sentence, subject, relation, object.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Pair = tuple[int, int]


def crossing_triples(triples_4M: Array, *, self_pairs: bool = True) -> Array:
    """Mark the triples that cross another one [M].

    Args:
        triples_4M: Distinct triples of any number of sentences, in any order, as in
            :attr:`rin_core.data.encoding.EncodedSplit.gold_4M`.
        self_pairs: Whether a word with itself is a pair that is scored.
    """
    groups: dict[Pair, dict[Pair, int]] = {}
    for m, (n, i, t, j) in enumerate(triples_4M.T.tolist()):
        groups.setdefault((n, t), {})[i, j] = m
    crossing = np.zeros(triples_4M.shape[1], bool)
    for place in groups.values():
        for first, second in _crossings(place, self_pairs):
            crossing[[place[first], place[second]]] = True
    return crossing


def crossing_share(triples_4M: Array, *, self_pairs: bool = True) -> float:
    """Return the share of triples that cross another one; of no triples, 0."""
    crossing = crossing_triples(triples_4M, self_pairs=self_pairs)
    return float(crossing.mean()) if len(crossing) else 0.0


def _crossings(pairs: Collection[Pair], self_pairs: bool) -> Iterator[tuple[Pair, Pair]]:
    for first, second in combinations(pairs, 2):
        others = ((first[0], second[1]), (second[0], first[1]))
        scored = self_pairs or all(i != j for i, j in others)
        if scored and not any(pair in pairs for pair in others):
            yield first, second
