"""The section of a study: its curve, tables and errors."""

from __future__ import annotations

import pandas as pd

from reports.document.section import Drawing, Section
from reports.errors.section import error_section
from reports.figures.learning_curve import draw_learning_curve, learning_curve_info
from reports.figures.rounds_curve import draw_rounds_curve, is_rounds_curve, rounds_curve_info
from reports.frames.studies import StudyData
from reports.paper.registry import STUDY, make_tables
from reports.published.numbers import ARMS


def experiment_section(study: StudyData) -> Section:
    """Return the figures, tables and errors of a study."""
    name = str(study.frame["experiment"].iloc[0])
    errors = error_section(name, study)
    problems = study.counts.problems
    lead = "F1 by overlap class and errors are missing. "
    if study.counts.answers:
        lead = "F1 by overlap class and errors leave out a run. "
    return Section(
        key=name,
        title=name,
        page="results.md",
        intro=tuple(f"{lead}{why}" for why in problems),
        drawings=(*curve_drawing(study.frame), *_learning_curve(study)),
        tables=make_tables(STUDY, study),
        parts=(errors,) if errors else (),
    )


def _learning_curve(study: StudyData) -> tuple[Drawing, ...]:
    """Return the curve over shares of the training sentences, if the study has one."""
    info = learning_curve_info(study)
    if info is None:
        return ()
    return (
        Drawing(
            name="learning_curve",
            caption="Test F1 by share of the training sentences, with 95 % CIs over seeds",
            figure=draw_learning_curve(info),
        ),
    )


def curve_drawing(frame: pd.DataFrame) -> tuple[Drawing, ...]:
    """Return the rounds curve, if the arms differ only in the number of rounds and the cell."""
    if not is_rounds_curve(frame):
        return ()
    # Arms of the paper need no name; others are those of a study or a search.
    where = "" if frame["arm"].isin(ARMS).all() else f" in {frame['experiment'].iloc[0]}"
    return (
        Drawing(
            name="rounds_curve",
            caption=f"Test scores by number of interaction rounds{where}",
            figure=draw_rounds_curve(rounds_curve_info(frame)),
        ),
    )
