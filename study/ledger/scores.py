"""Names of the scores that a record holds."""

from __future__ import annotations

#: Scores of a finished trial on each split, as fractions.
SCORES = tuple(
    prefix + name
    for prefix in ("", "exact_", "entity_", "relation_")
    for name in ("precision", "recall", "f1")
)
