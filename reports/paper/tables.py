"""Tables 1, 4 and 5 of the paper with our scores next to the published ones.

They take trials from every study on a corpus, because spaces share arms, and arms share runs. A row
of the paper without runs says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from reports.document.table import NO_CELL, Cell, Row, Table
from reports.errors.changes import runs_with_predictions
from reports.errors.score_tables import matching_table, vectors_table
from reports.frames.encoders import EncoderRuns, papers_arm
from reports.frames.scores import ENTITIES, SELECTED, Scores, arm_scores
from reports.frames.select import arm_label, of_arm
from reports.frames.studies import StudyData
from reports.published.numbers import (
    LITERATURE,
    TABLE_1_ROWS,
    TABLE_4_ROWS,
    TABLE_5_ROWS,
    published,
)
from reports.stats.contrasts import FULL_MODEL
from reports.tables.cells import (
    against_cells,
    mean_interval_cell,
    published_cell,
    published_difference_cell,
    score_cell,
    seeds_cell,
    source_cell,
)
from reports.tables.comparison import comparison_notes, over, paper_notes
from reports.tables.experiment import bootstrap_notes, difference_cells
from reports.tables.notes import trial_notes

_ENCODERS_NOTE = (
    "The paper's pretrained encoder is BERT-Base, cased. Its numbers stand beside rows over other "
    "encoders without a verdict. The F1 of these rows is that of the selected epoch, too. Their "
    "runs have other settings than the rest of the table, as follows."
)


_SPANS_NOTE = (
    "*Whole entities*: runs on `webnlg` with `data.entity_word=last`, whose entities have all of "
    "their words, as in the authors' files. In `webnlg_star`, each has one word. The two also "
    "differ in some triples and in how they split words."
)


def table_1(study: StudyData) -> Table:
    """Return precision, recall and F1, with the models that the paper quotes."""
    rows = [
        row
        for part in _parts(study)
        for row in _table_1_rows(part, study.corpus, whole=part is study.spans)
    ]
    notes: tuple[str, ...] = ("No study has trials on this corpus.",)
    if len(study.frame):
        notes = (*trial_notes(study), *paper_notes(study.scores()), *_spans_notes(study))
    rows += [row for runs in study.encoders for row in _encoder_rows(runs, study)]
    if study.encoders:
        texts = [f"{r.title}: {r.frame['settings_except_rounds'].iloc[0]}." for r in study.encoders]
        notes += (_ENCODERS_NOTE, *texts)
    return Table(
        name="table1",
        in_reproduction=True,
        title=f"Table 1: precision, recall and F1 on {study.corpus}",
        head="Model",
        rows=tuple(rows),
        first=("Verdict", "F1", "95 % CI of F1", "Paper's F1", "Verdict, paper exact"),
        notes=notes,
    )


def _table_1_rows(study: StudyData, corpus: str, *, whole: bool) -> list[Row]:
    """Return the rows of some runs beside the numbers that are published for a corpus."""
    rows, scores = [], study.scores()
    taken = {arm for runs in study.encoders for arm in runs.frame["arm"]}
    for arm, label in _arms(TABLE_1_ROWS, study):
        if arm not in taken:
            trials = of_arm(study.frame, arm)
            cells = _table_1_cells(trials, scores, corpus, arm, beside=arm)
            rows.append(_row(arm, label, cells, whole=whole))
    return rows


def _encoder_rows(runs: EncoderRuns, study: StudyData) -> list[Row]:
    """Return the rows of Table 1 over one pretrained encoder, beside the paper's over BERT."""
    scores, rows = arm_scores(runs.frame, SELECTED, rule=study.rule), []
    for rounds in sorted(map(int, runs.frame["rounds"].unique())):
        arm, beside = runs.arm(rounds), papers_arm(rounds)
        trials = of_arm(runs.frame, arm)
        cells = _table_1_cells(trials, scores, study.corpus, arm, beside=beside)
        rows.append(Row(key=arm, label=runs.label(rounds), cells=cells))
    return rows


def _table_1_cells(
    trials: pd.DataFrame, scores: Scores, corpus: str, arm: str, *, beside: str
) -> dict[str, Cell]:
    """Return the cells of an arm beside the numbers that are published for another or for it."""
    quoted = arm in LITERATURE
    # No verdict compares an encoder with another one.
    printed = None if quoted else published(corpus, arm, "f1")
    return {
        "Seeds": NO_CELL if quoted else seeds_cell(trials),
        "F1": NO_CELL if quoted else score_cell(trials, scores.endpoint.column),
        "95 % CI of F1": mean_interval_cell(scores, arm),
        "Paper's F1": published_cell(published(corpus, beside, "f1")),
        **against_cells(scores, arm, printed),
        "Precision": NO_CELL if quoted else score_cell(trials, "test_precision"),
        "Paper's precision": published_cell(published(corpus, beside, "precision")),
        "Recall": NO_CELL if quoted else score_cell(trials, "test_recall"),
        "Paper's recall": published_cell(published(corpus, beside, "recall")),
        "Source": source_cell(corpus, beside),
    }


def table_4(study: StudyData) -> Table:
    """Return F1 of relation extraction and of entity recognition."""
    return Table(
        name="table4",
        in_reproduction=True,
        title=f"Table 4: F1 of relation extraction and entity recognition on {study.corpus}",
        head="Model",
        rows=tuple(
            row
            for part in _parts(study)
            for row in _table_4_rows(part, study.corpus, whole=part is study.spans)
        ),
        notes=(
            "Relation F1 is the F1 of triples, as in Table 1. The paper's Table 4 covers NYT only; "
            "its relation F1 for WebNLG is from Table 1. Entity F1 is of whole decoded spans.",
            *paper_notes(study.scores()),
            *_entities_notes(study),
            *_spans_notes(study),
        ),
    )


def _entities_notes(study: StudyData) -> tuple[str, ...]:
    """Return the variance behind the verdicts on entities, if there are any."""
    if not any(published(study.corpus, arm, "entity_f1") for arm, _ in TABLE_4_ROWS):
        return ()
    scores = study.scores(ENTITIES)
    return (f"The verdicts on entities are on {scores.endpoint.text}. {scores.variance_note}",)


def _table_4_rows(study: StudyData, corpus: str, *, whole: bool) -> list[Row]:
    """Return the rows of some runs beside the numbers that are published for a corpus."""
    rows, scores, entities = [], study.scores(), study.scores(ENTITIES)
    for arm, label in _arms(TABLE_4_ROWS, study):
        trials = of_arm(study.frame, arm)
        f1, entity_f1 = (published(corpus, arm, metric) for metric in ("f1", "entity_f1"))
        cells = {
            "Seeds": seeds_cell(trials),
            "Relation F1": score_cell(trials, scores.endpoint.column),
            "Paper's relation F1": published_cell(f1),
            **against_cells(scores, arm, f1, " on relations"),
            "Entity F1": score_cell(trials, ENTITIES.column),
            "Paper's entity F1": published_cell(entity_f1),
            **against_cells(entities, arm, entity_f1, " on entities"),
        }
        rows.append(_row(arm, label, cells, whole=whole))
    return rows


def _parts(study: StudyData) -> list[StudyData]:
    """Return a study, and the runs with whole entities that are shown beside it."""
    return [study] if study.spans is None else [study, study.spans]


def _row(arm: str, label: str, cells: dict[str, Cell], *, whole: bool) -> Row:
    if not whole:
        return Row(key=arm, label=label, cells=cells)
    return Row(key=f"{arm}/webnlg", label=f"{label}, whole entities", cells=cells)


def _spans_notes(study: StudyData) -> tuple[str, ...]:
    if study.spans is None:
        return ()
    return (_SPANS_NOTE, f"Whole entities: {study.spans.scores().variance_note}")


def table_5(study: StudyData) -> Table:
    """Return the ablation: what each part of RIN adds with K = 1."""
    arms, scores = _arms(TABLE_5_ROWS, study), study.scores()
    others = [arm for arm, _ in arms if arm != FULL_MODEL]
    compared = difference_cells(
        study, scores, [over(arm, FULL_MODEL) for arm in others], family=False
    )
    differences = {
        arm: {f"{name} of Δ" if name == "Verdict" else name: cell for name, cell in cells.items()}
        for arm, cells in zip(others, compared, strict=True)
    }
    # The full model has no difference from itself.
    empty = dict.fromkeys(next(iter(differences.values()), {}), NO_CELL)
    rows = []
    for arm, label in arms:
        trials, is_full = of_arm(study.frame, arm), arm == FULL_MODEL
        paper = NO_CELL if is_full else published_difference_cell(study.corpus, arm, FULL_MODEL)
        printed = published(study.corpus, arm, "f1")
        cells = {
            "Seeds": seeds_cell(trials),
            "F1": score_cell(trials, scores.endpoint.column),
            "Paper's F1": published_cell(printed),
            **against_cells(scores, arm, printed),
            "Paper's Δ": paper,
            **differences.get(arm, empty),
        }
        rows.append(Row(key=arm, label=label, cells=cells))
    return Table(
        name="table5",
        in_reproduction=True,
        chapter="ablation",
        title=f"Table 5: what each part of RIN (K = 1) adds on {study.corpus}",
        head="Model",
        rows=tuple(rows),
        first=(
            "Verdict",
            "F1",
            "Δ F1",
            "95 % CI",
            "Paper's F1",
            "Paper's Δ",
            "Verdict of Δ",
            "Verdict, paper exact",
        ),
        notes=(
            "Δ is the difference from the full model with K = 1. −INT is BiLSTM_s, with the same "
            "runs.",
            *comparison_notes(scores, family=False),
            *bootstrap_notes(scores),
            *paper_notes(scores)[:1],
        ),
    )


def vectors_in_table_1(study: StudyData) -> Table | None:
    """Return F1 by whether the words of a triple have pretrained vectors, for Table 1's arms."""
    table = vectors_table(_answered(study), study.counts)
    return None if table is None else replace(table, chapter="errors")


def matching_in_table_1(study: StudyData) -> Table:
    """Return F1 by the rule for matching arguments, for Table 1's arms."""
    return replace(matching_table(_answered(study), study.counts), chapter="errors")


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
