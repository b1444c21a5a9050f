"""Sentences behind the counts: what one arm found, or lost, in every seed."""

from __future__ import annotations

from reports.document.table import Cell, Row, Table, words
from reports.errors.rounds import Moved, Step, moved
from reports.frames.predictions import SentenceCounts

#: Most triples of one table.
MOST_EXAMPLES = 12

_TITLES = {
    "fixed": "Found after the step and not before",
    "broke": "Found before the step and not after",
    "removed": "Wrong before the step and not said after",
    "added": "Wrong after the step and not said before",
}


def example_table(step: Step, counts: SentenceCounts, field: str) -> Table:
    """Return the triples that most seeds agree on, with their sentences.

    It holds text of the corpus, so it stands in no file that leaves this machine by itself.

    Args:
        step: What is compared.
        counts: The predictions.
        field: ``fixed``, ``broke``, ``removed`` or ``added``.
    """
    found = moved(step, counts, field)
    shown = found[:MOST_EXAMPLES]
    return Table(
        name=f"examples_{field}",
        title=f"{_TITLES[field]}: {step.label}",
        head="Triple",
        rows=tuple(_row(place, one, step, counts) for place, one in enumerate(shown)),
        notes=(
            f"{len(shown)} of {len(found)} triples, those of most seeds first, then in the order "
            "of test. An argument is shown by the one word that counts.",
        ),
    )


def _row(place: int, one: Moved, step: Step, counts: SentenceCounts) -> Row:
    sentence = counts.sentences[one.sentence].words
    subject, relation, object_ = one.fact
    seeds = Cell(text=f"{one.seeds} of {len(step.pairs)}", fingerprints=step.fingerprints)
    return Row(
        key=str(place),
        label=f"{sentence[subject]} – {relation} – {sentence[object_]}",
        cells={"Seeds": seeds, "Sentence": words(" ".join(sentence))},
    )
