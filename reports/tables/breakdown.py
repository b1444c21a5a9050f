"""F1 by overlap class and by number of triples, as the field reports it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.document.formatting import mean_sd
from reports.document.table import NO_CELL, Cell, Row, Table
from reports.frames.predictions import SentenceCounts
from reports.frames.select import arm_label, of_arm
from reports.stats.intervals import Array, estimate_score
from reports.stats.tests import f1
from rin_core.data.statistics import GROUPS, groups_of

_NOTES = (
    "Classes as in Zeng et al. (2018): Normal, no two triples of the sentence share an entity; "
    "EPO, one pair of entities has several relations; SEO, two pairs share an entity. A "
    "sentence can be both EPO and SEO. A repeated triple counts once.",
    "F1 is of all triples of a group's sentences together (micro), partial match; sentences "
    "without triples are in All alone. The number of sentences stands in the heading.",
    "± is one standard deviation over seeds (n − 1).",
)


def breakdown_table(frame: pd.DataFrame, counts: SentenceCounts) -> Table | None:
    """Return F1 of every arm on every group of test sentences; None without predictions.

    Args:
        frame: One experiment under one settings value.
        counts: What its trials found in each sentence.
    """
    if not counts.by_fingerprint:
        return None
    belongs = [groups_of(sentence) for sentence in counts.sentences]
    groups = {"All": np.ones(len(belongs), bool)}
    groups |= {group: np.array([group in of for of in belongs]) for group in GROUPS}
    return Table(
        name="breakdown",
        title="Test F1 by overlap class and by number of triples in the sentence",
        head="Model",
        columns=tuple(f"{name} ({rows.sum()})" for name, rows in groups.items()),
        rows=tuple(
            _row(of_arm(frame, arm), list(groups.values()), counts)
            for arm in dict.fromkeys(frame["arm"])
        ),
        notes=(*_NOTES, *counts.problems),
    )


def _row(trials: pd.DataFrame, groups: list[Array], counts: SentenceCounts) -> Row:
    names = [name for name in trials["fingerprint"] if name in counts.by_fingerprint]
    arrays = [counts.by_fingerprint[name] for name in names]
    label = f"{arm_label(trials)}, n = {len(names)}" if names else arm_label(trials)
    return Row(
        key=str(trials["arm"].iloc[0]),
        label=label,
        cells=tuple(_cell(arrays, rows, tuple(names)) for rows in groups),
    )


def _cell(arrays: list[Array], rows: Array, names: tuple[str, ...]) -> Cell:
    """Return mean and sd of a group's F1; an empty group has none."""
    if not rows.any() or not arrays:
        return NO_CELL if arrays else Cell(text="not run")
    found = estimate_score(float(f1(counts[rows].sum(axis=0))) for counts in arrays)
    return Cell(text=mean_sd(found), estimate=found, fingerprints=names)
