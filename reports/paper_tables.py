"""Tables 1, 4 and 5 of the paper with its numbers beside ours, and which orderings hold.

They are filled from every experiment on a corpus, because spaces share arms and arms share
runs. A row of the paper that nobody has run says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from reports.cells import (
    arm_label,
    by_seed,
    fingerprints,
    interval_cell,
    of_arm,
    published_cell,
    score,
    score_cell,
    seeds_cell,
    spread,
    trial_notes,
    verdict_cell,
)
from reports.experiment_tables import (
    DIFFERENCE_COLUMNS,
    DIFFERENCE_NOTES,
    FULL_MODEL,
    difference_rows,
)
from reports.paper import LITERATURE, TABLE_1_ROWS, TABLE_4_ROWS, TABLE_5_ROWS, published
from reports.predictions import SentenceCounts
from reports.results import require_one_setting
from reports.significance import estimate, paired_difference
from reports.table import NO_CELL, Cell, Row, Table, number

_TABLE_1_SCORES = {"Precision": "precision", "Recall": "recall", "F1": "f1"}
_ABLATED = tuple(arm for arm, _ in TABLE_5_ROWS if arm != FULL_MODEL)
#: Pairs of arms whose order the paper's text argues from (§5.2 to §5.4).
_ORDERINGS = (
    (FULL_MODEL, "bilstm"),
    (FULL_MODEL, "bilstm-s"),
    ("gru-3", FULL_MODEL),
    ("gru-5", FULL_MODEL),
    ("gru-5", "gru-3"),
    *((FULL_MODEL, arm) for arm in _ABLATED if arm != "bilstm-s"),
    *((arm, "bilstm-s") for arm in _ABLATED if arm != "bilstm-s"),
    ("bert-1", FULL_MODEL),
    ("bert-2", "bert-1"),
)


def paper_tables(
    frame: pd.DataFrame, corpus: str, counts: SentenceCounts, others: Sequence[str] = ()
) -> list[Table]:
    """Return Tables 1, 4 and 5 and the orderings for one corpus, those that have rows.

    Args:
        frame: The corpus's trials under one settings value, see
            :func:`~reports.results.pool`; may be empty.
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
        _orderings(frame, corpus, counts),
    )
    return [table for table in tables if table.rows]


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
            *("Seeds", *_TABLE_1_SCORES, "95 % of F1"),
            *(f"Paper's {name}" for name in _TABLE_1_SCORES),
            *("Verdict on F1", "Source"),
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
    ours: list[Cell] = [NO_CELL] * 5
    if arm not in LITERATURE:
        scores = [score_cell(trials, f"test_{metric}") for metric in _TABLE_1_SCORES.values()]
        ours = [seeds_cell(trials), *scores, interval_cell(found, fingerprints(trials))]
    return (
        *ours,
        *(published_cell(published(corpus, arm, m)) for m in _TABLE_1_SCORES.values()),
        NO_CELL if arm in LITERATURE else verdict_cell(found, printed, fingerprints(trials)),
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
        NO_CELL if arm == FULL_MODEL else _published_difference(corpus, arm, FULL_MODEL),
    )


def _published_difference(corpus: str, arm: str, base: str) -> Cell:
    ours, theirs = published(corpus, arm, "f1"), published(corpus, base, "f1")
    if ours is None or theirs is None:
        return NO_CELL
    # One decimal, as printed: 78.4 − 81.5 is −3.1 and not −3.0999.
    value = round(ours.value - theirs.value, 1)
    text = spread(estimate([value]), sign="+")
    return number(value, text, f"{ours.source}; {theirs.source}")


def _orderings(frame: pd.DataFrame, corpus: str, counts: SentenceCounts) -> Table:
    labels = dict((*TABLE_5_ROWS, *TABLE_1_ROWS))
    pairs = [pair for pair in _ORDERINGS if all(published(corpus, arm, "f1") for arm in pair)]
    trials = [(of_arm(frame, better), of_arm(frame, worse)) for better, worse in pairs]
    cells = difference_rows(trials, counts)
    return Table(
        name="orderings",
        title=f"Which of the paper's orderings hold on {corpus}",
        head="Pair",
        columns=("Paper's Δ", "Holds", *DIFFERENCE_COLUMNS),
        rows=tuple(
            Row(
                key=f"{a}/{b}",
                label=f"{labels[a]} over {labels[b]}",
                cells=(_published_difference(corpus, a, b), _holds(corpus, (a, b), arms), *found),
            )
            for (a, b), arms, found in zip(pairs, trials, cells, strict=True)
        ),
        notes=(
            "Holds: *yes* where our mean Δ over the common seeds has the sign of the paper's, "
            "*no* where it has the other; whether chance alone would do it is for the "
            "intervals to say. The other columns are Table 5's.",
        ),
    )


def _holds(corpus: str, pair: tuple[str, str], trials: tuple[pd.DataFrame, pd.DataFrame]) -> Cell:
    ours = paired_difference(*(by_seed(arm, "test_f1") for arm in trials)).estimate
    theirs = _published_difference(corpus, *pair).estimate
    if not ours.n:
        return Cell(text="not run")
    text = "yes" if ours.mean * theirs.mean > 0 else "no"
    behind = fingerprints(trials[0]) + fingerprints(trials[1])
    return Cell(text=text, estimate=ours, fingerprints=behind)
