"""Tables of F1 by group of triples, and by another rule for a correct argument."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from reports.document.table import NO_CELL, Cell, Row, Table
from reports.errors.changes import runs_with_predictions
from reports.errors.slices import Slicing, by_relation, by_vectors, slice_counts
from reports.frames.predictions import SentenceCounts, count_by_words
from reports.frames.select import arm_label
from reports.stats.intervals import Array, estimate, estimate_score
from reports.stats.tests import f1
from reports.tables.cells import mean_cell
from reports.tables.notes import SD_NOTE

Groups = Mapping[str, pd.DataFrame]
"""The runs of each arm."""

_SLICE_NOTE = (
    "F1 of the triples of a group, partial match. The number of gold triples is in brackets. A "
    "dash stands for a group without gold and predicted triples."
)
#: Columns of :func:`matching_table`.
BY_POSITION, BY_WORD = "By position", "By word"


def slice_scores(
    slicing: Slicing, groups: Groups, counts: SentenceCounts
) -> tuple[dict[str, list[Array]], Array]:
    """Return counts [G, 3] of every run of each arm, and gold triples [G] of the first run."""
    found = {
        arm: [
            slice_counts(slicing, counts.sentences, counts.answers[name])
            for name in runs_with_predictions(trials, counts)
        ]
        for arm, trials in groups.items()
    }
    return found, next(iter(found.values()))[0][:, 2]


def relation_table(groups: Groups, counts: SentenceCounts) -> Table:
    """Return F1 by relation, with a row for each relation and a column for each arm."""
    slicing = by_relation(counts.sentences)
    found, gold = slice_scores(slicing, groups, counts)
    rows = []
    for k, group in enumerate(slicing.groups):
        if not any(array[k].any() for arrays in found.values() for array in arrays):
            continue
        cells = {}
        for arm, label in arm_headings(groups).items():
            runs = runs_with_predictions(groups[arm], counts)
            cells[label] = _f1_cell([array[k] for array in found[arm]], runs)
        rows.append(Row(key=group, label=f"{group} ({gold[k]})", cells=cells))
    return Table(
        name="errors_relation",
        title="Test F1 by relation",
        head="Relation (gold triples)",
        rows=tuple(rows),
        notes=(_SLICE_NOTE, SD_NOTE),
    )


def slice_table(slicing: Slicing, groups: Groups, counts: SentenceCounts) -> Table:
    """Return F1 by group, with a row for each arm and a column for each group of a slicing."""
    found, gold = slice_scores(slicing, groups, counts)
    rows = []
    for arm, trials in groups.items():
        runs = runs_with_predictions(trials, counts)
        cells = {
            f"{group} ({gold[k]})": _f1_cell([array[k] for array in found[arm]], runs)
            for k, group in enumerate(slicing.groups)
        }
        rows.append(Row(key=arm, label=arm_label(trials), cells=cells))
    return Table(
        name=f"errors_{slicing.name}",
        title=f"Test F1 by {slicing.title}",
        head="Model",
        rows=tuple(rows),
        notes=(_SLICE_NOTE, SD_NOTE),
    )


def _f1_cell(counts: Sequence[Array], runs: tuple[str, ...]) -> Cell:
    """Return the mean F1 of a group from its counts [3] in each run."""
    if not any(row.any() for row in counts):
        return NO_CELL
    return mean_cell(estimate_score(float(f1(row)) for row in counts), runs)


def vectors_table(groups: Groups, counts: SentenceCounts) -> Table | None:
    """Return F1 with and without pretrained vectors, of the arms that started from the same."""
    known = next(iter(counts.vectors.values()), None)
    own = {
        arm: trials
        for arm, trials in groups.items()
        if all(counts.vectors.get(n) == known for n in runs_with_predictions(trials, counts))
    }
    return slice_table(by_vectors(known), own, counts) if known and own else None


def matching_table(groups: Groups, counts: SentenceCounts) -> Table:
    """Return F1 with arguments matched by position and by word, with a row for each arm."""
    rows = []
    for arm, trials in groups.items():
        runs = runs_with_predictions(trials, counts)
        by_position = [_total_f1(counts.by_fingerprint[name]) for name in runs]
        by_word = [
            _total_f1(count_by_words(counts.sentences, counts.answers[name])) for name in runs
        ]
        gains = estimate(b - a for a, b in zip(by_position, by_word, strict=True))
        cells = {
            BY_POSITION: mean_cell(estimate_score(by_position), runs),
            BY_WORD: mean_cell(estimate_score(by_word), runs),
            "Δ": mean_cell(gains, runs, sign="+"),
        }
        rows.append(Row(key=arm, label=arm_label(trials), cells=cells))
    return Table(
        name="errors_matching",
        title="Test F1 by matching rule",
        head="Model",
        rows=tuple(rows),
        notes=(
            "*By position*, as in all other tables: an argument is correct if it is the word at "
            "the position of the gold argument. If the corpus gives arguments as text, this is "
            "where the text first occurs. *By word*: the same word anywhere in the sentence is "
            "correct, as Wei et al. score HBT, published as CasRel. Compare its scores with this "
            "column.",
            SD_NOTE,
        ),
    )


def _total_f1(counts: Array) -> float:
    return float(f1(counts.sum(axis=0)))


def arm_headings(groups: Groups) -> dict[str, str]:
    """Return a heading for each arm; arms that share a label also get their names."""
    labels = {arm: arm_label(trials) for arm, trials in groups.items()}
    shared = Counter(labels.values())
    return {
        arm: label if shared[label] == 1 else f"{label} ({arm})" for arm, label in labels.items()
    }
