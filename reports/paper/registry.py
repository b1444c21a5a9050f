"""The tables of the reports, by chapter.

A table that is listed here appears on the page, in the Markdown page and as CSV and LaTeX. It
appears in ``REPRODUCTION.md``, too, if its function sets :attr:`~Table.in_reproduction`. A function
returns ``None``, or a table without rows, where there is nothing to show.

On the page, the paper's tables are in the chapters that they name (:attr:`~Table.chapter`). A table
of a study or a search is in the section of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from reports.document.table import Table
from reports.frames.searches import SearchData
from reports.frames.studies import StudyData
from reports.paper.claim_tables import claims_table, pairs_table
from reports.paper.tables import matching_in_table_1, table_1, table_4, table_5, vectors_in_table_1
from reports.tables.breakdown import breakdown_table
from reports.tables.caveats import mark_caveats
from reports.tables.confirmation import comparison, confirmation, tuning
from reports.tables.decisions import decisions_table, levels_table, scores_table
from reports.tables.endpoints import endpoints_table
from reports.tables.experiment import (
    differences_table,
    results_table,
    selection_table,
    switches_table,
)
from reports.tables.learning_curve import learning_curve_table
from reports.tables.search import audit, best_trials, compute, front, grace

#: The paper's tables on one corpus, from :class:`~reports.frames.studies.StudyData`.
PAPER = (
    table_1,
    claims_table,
    pairs_table,
    table_5,
    table_4,
    vectors_in_table_1,
    matching_in_table_1,
)
#: The tables of one study, from :class:`~reports.frames.studies.StudyData`.
STUDY = (
    results_table,
    decisions_table,
    levels_table,
    scores_table,
    differences_table,
    selection_table,
    switches_table,
    learning_curve_table,
    endpoints_table,
    breakdown_table,
)
#: The tables of one search, from :class:`~reports.frames.searches.SearchData`.
SEARCH = (
    front,
    best_trials,
    confirmation,
    tuning,
    comparison,
    compute,
    grace,
    audit,
)

Data = TypeVar("Data", StudyData, SearchData)


def make_tables(chapter: Iterable[Callable[[Data], Table | None]], data: Data) -> tuple[Table, ...]:
    """Return the tables of a chapter that have rows, with marks at runs that have a caveat."""
    made = (make(data) for make in chapter)
    return tuple(
        mark_caveats(table.answer_first(), data.runs())
        for table in made
        if table is not None and table.rows
    )
