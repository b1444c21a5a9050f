"""Tables 1, 4 and 5 of the paper with its numbers beside ours, and what becomes of its claims.

They are filled from every experiment on a corpus, because spaces share arms and arms share
runs. A row of the paper that nobody has run says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from reports.document.table import NO_CELL, Cell, Row, Table
from reports.errors.tables import arm_runs, rule_tables
from reports.frames.predictions import SentenceCounts
from reports.frames.select import arm_label, fingerprints, of_arm
from reports.frames.trials import require_one_setting
from reports.paper.claims import claim_tables
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
    trial_notes,
    verdict_cell,
)
from reports.tables.experiment import (
    DIFFERENCE_COLUMNS,
    DIFFERENCE_NOTES,
    FULL_MODEL,
    difference_rows,
)


def paper_tables(
    frame: pd.DataFrame, corpus: str, counts: SentenceCounts, others: Sequence[str] = ()
) -> list[Table]:
    """Return Tables 1, 4 and 5, the claims and what F1 hangs on, those that have rows.

    Args:
        frame: The corpus's trials under one settings value, see
            :func:`~reports.frames.trials.pool`; may be empty.
        corpus: Name of the corpus. For one that is not the paper's the tables hold what is
            planned, and nothing is published beside it.
        counts: What the trials found in each sentence.
        others: Settings that were also run.

    Raises:
        ValueError: The frame mixes corpora or settings.
    """
    require_one_setting(frame)
    notes = trial_notes(frame, others) if len(frame) else ("No trial is planned on this corpus.",)
    tables = (
        _table_1(frame, corpus, notes),
        _table_4(frame, corpus),
        _table_5(frame, corpus, counts),
        *claim_tables(frame, corpus, counts),
        *rule_tables(_answered(frame, counts), counts),
    )
    return [table for table in tables if table.rows]


def _answered(frame: pd.DataFrame, counts: SentenceCounts) -> dict[str, pd.DataFrame]:
    """Return the trials of Table 1's arms that left their predictions."""
    groups = {arm: of_arm(frame, arm) for arm, _ in TABLE_1_ROWS}
    return {arm: trials for arm, trials in groups.items() if arm_runs(trials, counts)}


def _arms(
    rows: Iterable[tuple[str, str]], frame: pd.DataFrame, corpus: str
) -> list[tuple[str, str]]:
    """Return arm and label of the rows that are published for the corpus or planned."""
    planned = set(frame["arm"])
    return [
        (arm, arm_label(of_arm(frame, arm)) if arm in planned else label)
        for arm, label in rows
        if arm in planned or published(corpus, arm, "f1")
    ]


def _table_1(frame: pd.DataFrame, corpus: str, notes: Sequence[str]) -> Table:
    return Table(
        name="table1",
        title=f"Table 1: precision, recall and F1 on {corpus}",
        head="Model",
        columns=(
            *("Seeds", "F1", "95 % of F1", "Paper's F1", "Verdict on F1"),
            *("Precision", "Paper's Precision", "Recall", "Paper's Recall", "Source"),
        ),
        rows=tuple(
            Row(key=arm, label=label, cells=_table_1_cells(frame, corpus, arm))
            for arm, label in _arms(TABLE_1_ROWS, frame, corpus)
        ),
        notes=tuple(notes),
    )


def _table_1_cells(frame: pd.DataFrame, corpus: str, arm: str) -> tuple[Cell, ...]:
    trials, printed = of_arm(frame, arm), published(corpus, arm, "f1")
    found = score(trials, "test_f1")
    names = fingerprints(trials)

    def both(metric: str) -> tuple[Cell, Cell]:
        quoted = arm in LITERATURE
        ours = NO_CELL if quoted else score_cell(trials, f"test_{metric}")
        return ours, published_cell(published(corpus, arm, metric))

    f1, papers_f1 = both("f1")
    return (
        NO_CELL if arm in LITERATURE else seeds_cell(trials),
        *(f1, interval_cell(found, names), papers_f1),
        NO_CELL if arm in LITERATURE else verdict_cell(found, printed, names),
        *both("precision"),
        *both("recall"),
        Cell(text=printed.source) if printed else NO_CELL,
    )


def _table_4(frame: pd.DataFrame, corpus: str) -> Table:
    return Table(
        name="table4",
        title=f"Table 4: F1 of relation extraction and entity recognition on {corpus}",
        head="Model",
        columns=(
            *("Seeds", "Relation F1", "Paper's", "Verdict"),
            *("Entity F1", "Paper's entity F1", "Verdict on entities"),
        ),
        rows=tuple(
            Row(key=arm, label=label, cells=_table_4_cells(frame, corpus, arm))
            for arm, label in _arms(TABLE_4_ROWS, frame, corpus)
        ),
        notes=(
            "Relation F1 is of triples, as in Table 1, and published there for WebNLG; the "
            "paper's Table 4 is of NYT alone. Entity F1 is of whole decoded spans.",
        ),
    )


def _table_4_cells(frame: pd.DataFrame, corpus: str, arm: str) -> tuple[Cell, ...]:
    trials = of_arm(frame, arm)
    cells: list[Cell] = [seeds_cell(trials)]
    for metric in ("f1", "entity_f1"):
        printed = published(corpus, arm, metric)
        column = f"test_{metric}"
        verdict = verdict_cell(score(trials, column), printed, fingerprints(trials))
        cells += [score_cell(trials, column), published_cell(printed), verdict]
    return tuple(cells)


def _table_5(frame: pd.DataFrame, corpus: str, counts: SentenceCounts) -> Table:
    base = of_arm(frame, FULL_MODEL)
    arms = _arms(TABLE_5_ROWS, frame, corpus)
    compared = [arm for arm, _ in arms if arm != FULL_MODEL]
    cells = difference_rows([(of_arm(frame, arm), base) for arm in compared], counts)
    differences = dict(zip(compared, cells, strict=True))
    no_difference = (NO_CELL,) * len(DIFFERENCE_COLUMNS)
    return Table(
        name="table5",
        title=f"Table 5: what each part of RIN (K = 1) adds on {corpus}",
        head="Model",
        columns=("Seeds", "F1", "Paper's F1", "Verdict", "Paper's Δ", *DIFFERENCE_COLUMNS),
        rows=tuple(
            Row(
                key=arm,
                label=label,
                cells=(*_table_5_cells(frame, corpus, arm), *differences.get(arm, no_difference)),
            )
            for arm, label in arms
        ),
        notes=(
            "Δ is the difference to the full model at K = 1. −INT is BiLSTM_s: the same runs.",
            *DIFFERENCE_NOTES,
        ),
    )


def _table_5_cells(frame: pd.DataFrame, corpus: str, arm: str) -> tuple[Cell, ...]:
    trials, printed = of_arm(frame, arm), published(corpus, arm, "f1")
    return (
        seeds_cell(trials),
        score_cell(trials, "test_f1"),
        published_cell(printed),
        verdict_cell(score(trials, "test_f1"), printed, fingerprints(trials)),
        NO_CELL if arm == FULL_MODEL else published_difference_cell(corpus, arm, FULL_MODEL),
    )
