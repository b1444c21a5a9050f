"""The section of a search: its figures and tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reports.document.section import Drawing, Section, write_section
from reports.figures.search import (
    SHOWN,
    draw_expected,
    draw_grace,
    draw_slices,
    expected_info,
    slices_info,
)
from reports.frames.searches import SearchData, ranked, read_search
from reports.paper.registry import SEARCH, make_tables
from reports.tables.search import search_notes
from study.ledger.pruning import RungCorrelation
from study.ledger.state import TrialState


def search_section(data: SearchData) -> Section:
    """Return the figures and tables of a search."""
    drawings = [
        Drawing(
            name="expected_best",
            caption="Best dev F1 to expect after n trials.",
            figure=draw_expected(expected_info(data)),
        )
    ]
    if (info := slices_info(data)) is not None:
        caption = (
            "Dev F1 of every trial by each parameter. Open markers: pruned. Triangles: more than "
            f"{SHOWN:g} points below the best."
        )
        drawings.insert(0, Drawing(name="slices", caption=caption, figure=draw_slices(info)))
    if data.grace is not None and data.grace.correlations:
        caption = (
            "Rank correlation of dev F1 at an epoch with that at the end, with its 95 % CI. "
            "Horizontal: what the first rung requires. Dashed: from here ASHA prunes."
        )
        drawing = Drawing(name="grace", caption=caption, figure=draw_grace(data.grace))
        drawings.append(drawing)
    intro: tuple[str, ...] = (f"{data.title} Scores are dev F1 × 100 on {data.corpus}.",)
    if data.grace is not None:
        intro = (*intro, f"{data.grace}.")
    if ranked(data.trials).empty:
        finished = (data.trials["state"] == TrialState.FINISHED).any()
        why = "No trial has learned anything." if finished else "No trial has finished yet."
        intro = (*intro, why, *search_notes(data))
    return Section(
        key=data.experiment,
        title=data.experiment,
        page="search.md",
        intro=intro,
        drawings=tuple(drawings),
        tables=make_tables(SEARCH, data),
    )


def build_search(runs: Path, out: Path, experiment: str) -> list[Path]:
    """Write the reports of a search, and return the files.

    Args:
        runs: A study's output folder.
        out: Folder of the reports; those of the search go to a folder of its name.
        experiment: The name of the search.

    Raises:
        LedgerError: The search does not exist, or its record cannot be read.
    """
    return write_search(read_search(runs, experiment), out)


def write_search(data: SearchData, out: Path) -> list[Path]:
    """Write the section of a search, all trials and all correlations as CSV; return the files."""
    written = [*write_section(search_section(data), out)]
    table = out / data.experiment / "trials.csv"
    data.trials.to_csv(table, index=False, lineterminator="\n", encoding="utf-8")
    if data.grace is not None:
        rows = [row.to_json() for row in data.grace.correlations]
        every = out / data.experiment / "correlations.csv"
        columns = list(RungCorrelation.model_fields)
        frame = pd.DataFrame(rows, columns=columns)
        frame.to_csv(every, index=False, lineterminator="\n", encoding="utf-8")
        written.append(every)
    return [*written, table]
