"""The section of a search: its figures and tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reports.document.section import Drawing, Section, write_section
from reports.figures.front import draw_front, front_info
from reports.figures.search import (
    SHOWN,
    draw_expected,
    draw_grace,
    draw_slices,
    expected_info,
    slices_info,
)
from reports.figures.trials import (
    draw_history,
    draw_importance,
    draw_parallel,
    history_info,
    parallel_info,
)
from reports.frames.searches import SearchData, importance_frame, ranked, read_search
from reports.paper.registry import SEARCH, make_tables
from reports.tables.search import search_notes
from rin_core.plural import plural
from study.ledger.pruning import RungCorrelation
from study.ledger.state import TrialState


def search_section(data: SearchData) -> Section:
    """Return the figures and tables of a search."""
    drawings = [*_of_front(data), *_of_trials(data)]
    if (info := slices_info(data)) is not None:
        caption = (
            "Dev F1 of every trial by each parameter. Open markers: pruned. Triangles: more than "
            f"{SHOWN:g} points below the best."
        )
        drawings.append(Drawing(name="slices", caption=caption, figure=draw_slices(info)))
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


def _of_front(data: SearchData) -> list[Drawing]:
    """Return the figure of the front, in a search with two objectives."""
    if (info := front_info(data)) is None:
        return []
    caption = (
        f"{info.finding} Filled: settings on the front of their arm. Open: other finished trials. "
        "Diamonds: mean dev F1 on fresh seeds."
    )
    if info.hidden:
        caption += f" Not shown: {plural(info.hidden, 'setting')} below {info.floor:.0f} dev F1."
    return [Drawing(name="front", caption=caption, figure=draw_front(info))]


def _of_trials(data: SearchData) -> list[Drawing]:
    """Return the small figures of all trials, then the wide one."""
    drawings = []
    if (history := history_info(data)) is not None:
        caption = (
            "Dev F1 by trial, and each arm's best so far. Open markers: pruned. Triangles: more "
            f"than {SHOWN:g} points below the best."
        )
        drawings.append(Drawing(name="history", caption=caption, figure=draw_history(history)))
    expected = draw_expected(expected_info(data))
    caption = "Best dev F1 to expect after n trials."
    drawings.append(Drawing(name="expected_best", caption=caption, figure=expected))
    if data.importance:
        figure = draw_importance(data.importance, data.arms)
        drawings.append(Drawing(name="importance", caption=importance_caption(data), figure=figure))
    if (parallel := parallel_info(data)) is not None:
        caption = (
            "Every trial as a line through its parameters and its dev F1. Bold: the best of each "
            "arm. Grey: pruned."
        )
        drawings.append(Drawing(name="parallel", caption=caption, figure=draw_parallel(parallel)))
    return drawings


def importance_caption(data: SearchData) -> str:
    """Return how the importance was measured, and which parameters exceed chance."""
    beyond = {
        label: [name.rpartition(".")[2] for name in found.beyond_chance]
        for arm, label in data.arms.items()
        if (found := data.importance.get(arm)) is not None
    }
    several = len(data.arms) > 1
    texts = [
        f"{f'{label}: ' if several else ''}{', '.join(names) or 'none'}"
        for label, names in beyond.items()
    ]
    counts = {f"{found.best} of {found.trials}" for found in data.importance.values()}
    return (
        f"Importance of each parameter for being among the best {' or '.join(sorted(counts))} "
        "trials (PED-ANOVA). Vertical lines: 95 % of shuffled searches stay below. Parameters "
        f"beyond them: {'; '.join(texts)}."
    )


def build_search(runs: Path, out: Path, experiment: str) -> list[Path]:
    """Write the reports of a search, and return the files.

    Args:
        runs: A study's output folder.
        out: Folder of the reports; those of the search go to a folder of its name.
        experiment: The name of the search.

    Raises:
        UnknownExperiment: There is no such search.
        LedgerError: Its record cannot be read.
    """
    return write_search(read_search(runs, experiment), out)


def write_search(data: SearchData, out: Path) -> list[Path]:
    """Write a search's section, and its trials, importance and correlations as CSV.

    Returns:
        The files written.
    """
    written = [*write_section(search_section(data), out)]
    frames = {"trials": data.trials}
    if data.importance:
        frames["importance"] = importance_frame(data)
    if data.grace is not None:
        rows = [row.to_json() for row in data.grace.correlations]
        frames["correlations"] = pd.DataFrame(rows, columns=list(RungCorrelation.model_fields))
    for name, frame in frames.items():
        path = out / data.experiment / f"{name}.csv"
        frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
        written.append(path)
    return written
