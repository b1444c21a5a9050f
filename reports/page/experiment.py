"""One experiment for a reader: curve, scores, differences, parts of the test split, errors."""

from __future__ import annotations

import pandas as pd

from reports.document.section import Drawing, Section
from reports.errors.section import error_section
from reports.figures.rounds_curve import draw_rounds_curve, is_rounds_curve, rounds_curve_info
from reports.frames.predictions import SentenceCounts
from reports.frames.studies import StudyData
from reports.paper.registry import STUDY, make_tables
from reports.published.numbers import ARMS


def experiment_section(study: StudyData) -> Section:
    """Return the figures, tables and errors of a study."""
    frame, counts = study.frame, study.counts
    name = str(frame["experiment"].iloc[0])
    errors = error_section(name, study)
    return Section(
        key=name,
        title=name,
        page="results.md",
        intro=_lacks(counts),
        drawings=curve_drawing(frame),
        tables=make_tables(STUDY, study),
        parts=(errors,) if errors else (),
    )


def curve_drawing(frame: pd.DataFrame) -> tuple[Drawing, ...]:
    """Return the rounds curve where the arms are one."""
    if not is_rounds_curve(frame):
        return ()
    return (
        Drawing(
            name="rounds_curve",
            caption=f"Test scores against the number of updating rounds{_of_whom(frame)}",
            figure=draw_rounds_curve(rounds_curve_info(frame)),
        ),
    )


def _of_whom(frame: pd.DataFrame) -> str:
    """Name the experiment of a curve that is not of the paper's models."""
    return "" if frame["arm"].isin(ARMS).all() else f" in {frame['experiment'].iloc[0]}"


def _lacks(counts: SentenceCounts) -> tuple[str, ...]:
    if counts.by_fingerprint:
        return ()
    return tuple(f"No F1 by overlap class, no errors. {problem}" for problem in counts.problems)
