"""Sentences behind the counts: triples that one arm finds, or loses, in most pairs of runs."""

from __future__ import annotations

from reports.document.table import Cell, Row, Table, words
from reports.errors.changes import Comparison, changed_triples
from reports.frames.predictions import SentenceCounts
from rin_core.plural import plural

#: Most triples of one table.
MOST_EXAMPLES = 12

_TITLES = {
    "fixed": "Gold triples that only the second arm finds",
    "broke": "Gold triples that only the first arm finds",
    "removed": "Wrong triples that only the first arm predicts",
    "added": "Wrong triples that only the second arm predicts",
}


def example_table(comparison: Comparison, counts: SentenceCounts, field: str) -> Table:
    """Return the triples that most pairs of runs agree on, with their sentences.

    The table has text of the corpus, so only notebooks show it, and no published file.

    Args:
        comparison: The arms.
        counts: The predictions.
        field: ``fixed``, ``broke``, ``removed`` or ``added``.
    """
    found = changed_triples(comparison, counts, field)
    rows = []
    for n, changed in enumerate(found[:MOST_EXAMPLES]):
        sentence = counts.sentences[changed.sentence].words
        subject, relation, object_ = changed.fact
        pairs = f"{changed.pairs} of {comparison.pairs}"
        rows.append(
            Row(
                key=str(n),
                label=f"{sentence[subject]} – {relation} – {sentence[object_]}",
                cells={
                    "Pairs of runs": Cell(text=pairs, fingerprints=comparison.fingerprints),
                    "Sentence": words(" ".join(sentence)),
                },
            )
        )
    return Table(
        name=f"examples_{field}",
        title=f"{_TITLES[field]}: {comparison.label}",
        head="Triple",
        rows=tuple(rows),
        notes=(
            f"{len(rows)} of {plural(len(found), 'triple')}: those of most pairs of runs first, "
            "then in the order of the test split. Each argument is shown by the one word that is "
            "scored.",
        ),
    )
