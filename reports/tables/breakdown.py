"""F1 by overlap class and by number of triples, as the field reports it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.document.table import NO_CELL, Cell, Kind, Row, Table
from reports.frames.select import arm_label, of_arm
from reports.frames.studies import StudyData
from reports.stats.intervals import Array, estimate_score
from reports.stats.tests import f1
from reports.tables.cells import mean_cell, no_result_cell
from reports.tables.notes import SD_NOTE
from rin_core.data.statistics import GROUPS, groups_of
from study.ledger.state import TrialState

_NOTES = (
    "Overlap classes as in Zeng et al. (2018). Normal: no two triples of the sentence share an "
    "entity. EPO: a pair of entities has several relations. SEO: two pairs share an entity. A "
    "sentence can be both EPO and SEO. A repeated triple counts once.",
    "F1 is micro-averaged over all triples of a group, with partial matching. Sentences without "
    "triples are only in All. The heading of each group gives its number of sentences.",
    SD_NOTE,
)


def breakdown_table(study: StudyData) -> Table | None:
    """Return F1 of every arm on each group of test sentences; ``None`` without predictions."""
    counts = study.counts
    if not counts.answers:
        return None
    groups_by_sentence = [groups_of(sentence) for sentence in counts.sentences]
    groups = {"All": np.ones(len(groups_by_sentence), bool)}
    for group in GROUPS:
        groups[group] = np.array([group in own for own in groups_by_sentence])
    rows = []
    for arm in dict.fromkeys(study.frame["arm"]):
        trials = of_arm(study.frame, arm)
        runs = tuple(name for name in trials["fingerprint"] if name in counts.answers)
        label = f"{arm_label(trials)}, n = {len(runs)}" if runs else arm_label(trials)
        arrays = [counts.by_fingerprint[name] for name in runs]
        cells = {
            f"{name} ({members.sum()})": _f1_cell(arrays, members, runs)
            if runs
            else _without_predictions(trials)
            for name, members in groups.items()
        }
        rows.append(Row(key=arm, label=label, cells=cells))
    return Table(
        name="breakdown",
        title="Test F1 by overlap class and by number of triples in the sentence",
        head="Model",
        rows=tuple(rows),
        notes=(*_NOTES, *counts.problems),
    )


def _without_predictions(trials: pd.DataFrame) -> Cell:
    """Return why an arm has no predictions to count."""
    if (trials["status"] == TrialState.FINISHED).any():
        return Cell(text="no predictions", kind=Kind.EMPTY)
    return no_result_cell(trials)


def _f1_cell(arrays: list[Array], members: Array, runs: tuple[str, ...]) -> Cell:
    """Return F1 on a group of sentences; an empty group has none."""
    if not members.any():
        return NO_CELL
    return mean_cell(estimate_score(float(f1(c[members].sum(axis=0))) for c in arrays), runs)
