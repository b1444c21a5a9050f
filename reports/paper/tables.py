"""Tables 1, 4 and 5 of the paper with our scores next to the published ones.

They take trials from every study on a corpus, because spaces share arms, and arms share runs. A row
of the paper without runs says so.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from reports.document.table import NO_CELL, Cell, Row, Table
from reports.errors.changes import runs_with_predictions
from reports.errors.score_tables import matching_table, vectors_table
from reports.frames.select import arm_label, fingerprints, of_arm
from reports.frames.studies import StudyData
from reports.published.numbers import (
    LITERATURE,
    TABLE_1_ROWS,
    TABLE_4_ROWS,
    TABLE_5_ROWS,
    published,
)
from reports.tables.cells import (
    interval_cell,
    published_cell,
    published_difference_cell,
    score,
    score_cell,
    seeds_cell,
    source_cell,
    verdict_cell,
)
from reports.tables.experiment import DIFFERENCE_NOTES, FULL_MODEL, difference_cells
from reports.tables.notes import trial_notes


def table_1(study: StudyData) -> Table:
    """Return precision, recall and F1, with the models that the paper quotes."""
    rows = []
    for arm, label in _arms(TABLE_1_ROWS, study):
        trials, runs = of_arm(study.frame, arm), fingerprints(of_arm(study.frame, arm))
        quoted, f1 = arm in LITERATURE, score(trials, "test_f1")
        cells = {
            "Seeds": NO_CELL if quoted else seeds_cell(trials),
            "F1": NO_CELL if quoted else score_cell(trials, "test_f1"),
            "95 % CI of F1": interval_cell(f1, runs),
            "Paper's F1": _paper(study, arm, "f1"),
            "Verdict on F1": NO_CELL if quoted else _verdict(study, trials, arm, "f1"),
            "Precision": NO_CELL if quoted else score_cell(trials, "test_precision"),
            "Paper's precision": _paper(study, arm, "precision"),
            "Recall": NO_CELL if quoted else score_cell(trials, "test_recall"),
            "Paper's recall": _paper(study, arm, "recall"),
            "Source": source_cell(study.corpus, arm),
        }
        rows.append(Row(key=arm, label=label, cells=cells))
    notes: tuple[str, ...] = ("No study has trials on this corpus.",)
    if len(study.frame):
        notes = trial_notes(study)
    return Table(
        name="table1",
        in_reproduction=True,
        title=f"Table 1: precision, recall and F1 on {study.corpus}",
        head="Model",
        rows=tuple(rows),
        notes=notes,
    )


def table_4(study: StudyData) -> Table:
    """Return F1 of relation extraction and of entity recognition."""
    rows = []
    for arm, label in _arms(TABLE_4_ROWS, study):
        trials = of_arm(study.frame, arm)
        cells = {
            "Seeds": seeds_cell(trials),
            "Relation F1": score_cell(trials, "test_f1"),
            "Paper's relation F1": _paper(study, arm, "f1"),
            "Verdict on relations": _verdict(study, trials, arm, "f1"),
            "Entity F1": score_cell(trials, "test_entity_boundaries_f1"),
            "Paper's entity F1": _paper(study, arm, "entity_f1"),
            "Verdict on entities": verdict_cell(
                score(trials, "test_entity_boundaries_f1"),
                published(study.corpus, arm, "entity_f1"),
                fingerprints(trials),
            ),
        }
        rows.append(Row(key=arm, label=label, cells=cells))
    return Table(
        name="table4",
        in_reproduction=True,
        title=f"Table 4: F1 of relation extraction and entity recognition on {study.corpus}",
        head="Model",
        rows=tuple(rows),
        notes=(
            "Relation F1 is the F1 of triples, as in Table 1. The paper's Table 4 covers NYT only; "
            "its relation F1 for WebNLG is from Table 1. Entity F1 is of whole decoded spans.",
        ),
    )


def table_5(study: StudyData) -> Table:
    """Return the ablation: what each part of RIN adds with K = 1."""
    base, arms = of_arm(study.frame, FULL_MODEL), _arms(TABLE_5_ROWS, study)
    others = [arm for arm, _ in arms if arm != FULL_MODEL]
    pairs = [(of_arm(study.frame, arm), base) for arm in others]
    differences = dict(zip(others, difference_cells(pairs, study.counts), strict=True))
    # The full model has no difference from itself.
    empty = dict.fromkeys(next(iter(differences.values()), {}), NO_CELL)
    rows = []
    for arm, label in arms:
        trials, is_full = of_arm(study.frame, arm), arm == FULL_MODEL
        paper = NO_CELL if is_full else published_difference_cell(study.corpus, arm, FULL_MODEL)
        cells = {
            "Seeds": seeds_cell(trials),
            "F1": score_cell(trials, "test_f1"),
            "Paper's F1": _paper(study, arm, "f1"),
            "Verdict": _verdict(study, trials, arm, "f1"),
            "Paper's Δ": paper,
            **differences.get(arm, empty),
        }
        rows.append(Row(key=arm, label=label, cells=cells))
    return Table(
        name="table5",
        in_reproduction=True,
        title=f"Table 5: what each part of RIN (K = 1) adds on {study.corpus}",
        head="Model",
        rows=tuple(rows),
        notes=(
            "Δ is the difference from the full model with K = 1. −INT is BiLSTM_s, with the same "
            "runs.",
            *DIFFERENCE_NOTES,
        ),
    )


def vectors_in_table_1(study: StudyData) -> Table | None:
    """Return F1 by whether the words of a triple have pretrained vectors, for Table 1's arms."""
    return vectors_table(_answered(study), study.counts)


def matching_in_table_1(study: StudyData) -> Table:
    """Return F1 by the rule for matching arguments, for Table 1's arms."""
    return matching_table(_answered(study), study.counts)


def _answered(study: StudyData) -> dict[str, pd.DataFrame]:
    """Return the trials of Table 1's arms that have predictions."""
    groups = {arm: of_arm(study.frame, arm) for arm, _ in TABLE_1_ROWS}
    return {
        arm: trials for arm, trials in groups.items() if runs_with_predictions(trials, study.counts)
    }


def _arms(rows: Iterable[tuple[str, str]], study: StudyData) -> list[tuple[str, str]]:
    """Return arm and label of the rows that are published for the corpus or planned."""
    planned = set(study.frame["arm"])
    return [
        (arm, arm_label(of_arm(study.frame, arm)) if arm in planned else label)
        for arm, label in rows
        if arm in planned or published(study.corpus, arm, "f1")
    ]


def _paper(study: StudyData, arm: str, metric: str) -> Cell:
    return published_cell(published(study.corpus, arm, metric))


def _verdict(study: StudyData, trials: pd.DataFrame, arm: str, metric: str) -> Cell:
    printed = published(study.corpus, arm, metric)
    return verdict_cell(score(trials, f"test_{metric}"), printed, fingerprints(trials))
