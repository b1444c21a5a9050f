"""A search for a reader: two figures, the tables, and what they do not say."""

from __future__ import annotations

from pathlib import Path

from reports.document.section import Drawing, Section, write_section
from reports.figures.search import SHOWN, draw_expected, draw_slices, expected_info, slices_info
from reports.frames.searches import SearchData, ranked, read_search
from reports.paper.registry import SEARCH, make_tables
from reports.tables.search import search_notes


def search_section(data: SearchData) -> Section:
    """Return everything there is to see of a search."""
    drawings = [
        Drawing(
            name="expected_best",
            caption="Expected best dev F1 of n trials drawn from those found.",
            figure=draw_expected(expected_info(data)),
        )
    ]
    if (info := slices_info(data)) is not None:
        caption = (
            "Dev F1 of every trial against each parameter; open: stopped early; triangles: more "
            f"than {SHOWN:g} points below the best."
        )
        drawings.insert(0, Drawing(name="slices", caption=caption, figure=draw_slices(info)))
    intro: tuple[str, ...] = (f"{data.title} Scores on dev of {data.corpus}, in points.",)
    if ranked(data.trials).empty:
        intro = (*intro, "No trial has finished yet.", *search_notes(data))
    return Section(
        key=data.experiment,
        title=data.experiment,
        page="search.md",
        intro=intro,
        drawings=tuple(drawings),
        tables=make_tables(SEARCH, data),
    )


def build_search(runs: Path, out: Path, experiment: str) -> list[Path]:
    """Write a search's page, tables, figures and trials, and return the files.

    Args:
        runs: A study's output folder.
        out: Folder for the reports, one folder in it for each experiment.
        experiment: The search.

    Raises:
        LedgerError: There is no such search, or its record cannot be read.
    """
    return write_search(read_search(runs, experiment), out)


def write_search(data: SearchData, out: Path) -> list[Path]:
    """Write what :func:`search_section` has, and every trial as CSV; return the files."""
    made = write_section(search_section(data), out)
    table = out / data.experiment / "trials.csv"
    data.trials.to_csv(table, index=False, lineterminator="\n", encoding="utf-8")
    return [*made, table]
