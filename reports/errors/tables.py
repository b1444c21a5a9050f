"""Tables of errors: their types, confused relations, and what interaction fixes and breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from reports.document.table import NO_CELL, Row, Table
from reports.errors.changes import (
    Comparison,
    arms_with_predictions,
    comparisons,
    mean_changes,
    runs_with_predictions,
)
from reports.errors.error_types import (
    FOUND,
    UNREACHABLE,
    ErrorType,
    count_confusions,
    count_outcomes,
    count_wrong,
)
from reports.errors.score_tables import (
    Groups,
    arm_headings,
    matching_table,
    relation_table,
    slice_table,
    vectors_table,
)
from reports.errors.slices import by_distance, by_length
from reports.frames.predictions import SentenceCounts
from reports.frames.select import arm_label, of_arm
from reports.frames.studies import StudyData
from reports.stats.intervals import estimate
from reports.tables.cells import count_cell, mean_cell
from reports.tables.notes import SD_NOTE

#: Most pairs of relations in the table of confusions.
MOST_CONFUSIONS = 15

_TYPES_NOTE = (
    "A missed triple is compared with the wrong predictions in its sentence, and a wrong "
    "prediction with the missed triples. *Other relation*: the same two words in the same order. "
    "*Arguments reversed*: the same relation, with the words exchanged. *One argument wrong*: the "
    "same relation and one of the words. *Unrelated*: none of these. The first type that applies "
    "counts. Triples per run, mean over seeds."
)


def error_tables(study: StudyData) -> list[Table]:
    """Return every table of the error analysis of a study; none without predictions."""
    frame, counts = study.frame, study.counts
    if not counts.answers:
        return []
    groups = {arm: of_arm(frame, arm) for arm in arms_with_predictions(frame, counts)}
    tables = (
        relation_table(groups, counts),
        slice_table(by_length(), groups, counts),
        slice_table(by_distance(), groups, counts),
        vectors_table(groups, counts),
        matching_table(groups, counts),
        outcome_table(groups, counts),
        wrong_table(groups, counts),
        confusion_table(groups, counts),
        rounds_table(comparisons(frame, counts), counts),
    )
    return [table for table in tables if table is not None and table.rows]


def outcome_table(groups: Groups, counts: SentenceCounts) -> Table:
    """Return how many gold triples are found, and the error types of the others."""
    columns = {"Found": FOUND}
    columns |= {f"Missed: {name}": str(name) for name in (*ErrorType, UNREACHABLE)}
    by_run = {n: count_outcomes(counts.sentences, found) for n, found in counts.answers.items()}
    return Table(
        name="errors_missed",
        title="Gold triples by outcome",
        head="Model",
        rows=_count_rows(groups, counts, by_run, columns),
        notes=(_TYPES_NOTE, SD_NOTE),
    )


def wrong_table(groups: Groups, counts: SentenceCounts) -> Table:
    """Return the error types of the wrong predictions."""
    columns = {"Wrong triples": "all"} | {name.capitalize(): str(name) for name in ErrorType}
    by_run = {}
    for name, found in counts.answers.items():
        wrong = count_wrong(found)
        by_run[name] = wrong + Counter(all=wrong.total())
    return Table(
        name="errors_wrong",
        title="Wrong triples by error type",
        head="Model",
        rows=_count_rows(groups, counts, by_run, columns),
        notes=(_TYPES_NOTE, SD_NOTE),
    )


def _count_rows(
    groups: Groups,
    counts: SentenceCounts,
    by_run: Mapping[str, Mapping[str, int]],
    columns: Mapping[str, str],
) -> tuple[Row, ...]:
    """Return a row for each arm with the mean of each count over its runs.

    Args:
        groups: The runs of each arm.
        counts: Their predictions.
        by_run: Counts by name, for each run.
        columns: Name of the count by heading of the column.
    """
    rows = []
    for arm, trials in groups.items():
        runs = runs_with_predictions(trials, counts)
        cells = {
            column: mean_cell(estimate(by_run[run].get(name, 0) for run in runs), runs)
            for column, name in columns.items()
        }
        rows.append(Row(key=arm, label=arm_label(trials), cells=cells))
    return tuple(rows)


def confusion_table(groups: Groups, counts: SentenceCounts) -> Table:
    """Return the relations most often predicted instead of the gold one, for the same words."""
    by_run = {name: count_confusions(answers) for name, answers in counts.answers.items()}
    total: Counter[tuple[str, str]] = sum(by_run.values(), Counter())
    most = sorted(total, key=lambda pair: (-total[pair], pair))[:MOST_CONFUSIONS]
    rows = []
    for gold, predicted in most:
        cells = {}
        for arm, label in arm_headings(groups).items():
            runs = runs_with_predictions(groups[arm], counts)
            cells[label] = mean_cell(estimate(by_run[n][gold, predicted] for n in runs), runs)
        rows.append(Row(key=f"{gold}/{predicted}", label=f"{gold} → {predicted}", cells=cells))
    return Table(
        name="errors_confusion",
        title="Relations predicted instead of the gold relation",
        head="Gold → predicted",
        rows=tuple(rows),
        notes=(
            "Gold triples that a run missed while it predicted a wrong relation for the same two "
            f"words in the same order. Triples per run, mean over seeds. The {len(most)} most "
            f"frequent of {len(total)} pairs of relations over all runs.",
            SD_NOTE,
        ),
    )


def rounds_table(compared: Sequence[Comparison], counts: SentenceCounts) -> Table:
    """Return what changes between arms, next to what changes between seeds of one arm."""
    columns = {
        "Fixed": "fixed",
        "Broken": "broke",
        "Net": "net",
        "Wrong removed": "removed",
        "Wrong added": "added",
        "Missed by both": "missed",
    }
    rows = []
    for comparison in compared:
        runs, means = comparison.fingerprints, mean_changes(comparison, counts)
        cells = {"Pairs of runs": count_cell(comparison.pairs, runs)}
        for column, name in columns.items():
            sign = "+" if name == "net" else ""
            cells[column] = mean_cell(estimate([means[name]]), runs, sign)
        if comparison.same_arm:
            cells["Net"] = NO_CELL
        rows.append(Row(key=comparison.key, label=comparison.label, cells=cells))
    return Table(
        name="errors_rounds",
        title="Triples that interaction fixes and breaks",
        head="From → to",
        rows=tuple(rows),
        notes=(
            "Test triples per pair of runs, mean over all pairs: each run of the first arm with "
            "each of the second. *Fixed*: gold triples that only the second arm predicts. "
            "*Broken*: gold triples that only the first predicts. *Wrong removed* and *wrong "
            "added*: wrong triples that only the first or only the second predicts.",
            "*Another seed*: each run of an arm with each other run of it, so the net change is 0. "
            "Runs that differ only in their seed also fix and break triples; a change of arms "
            "means something only beyond that.",
            "Pairs share runs, so the means have no standard deviation.",
        ),
    )
