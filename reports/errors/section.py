"""The error analysis of one study: its tables and figures."""

from __future__ import annotations

from reports.document.section import Drawing, Section
from reports.errors.changes import arms_with_predictions
from reports.errors.confusion_matrix import draw_matrix, matrix_info
from reports.errors.figures import (
    changes_info,
    draw_changes,
    draw_lines,
    draw_types,
    lines_info,
    types_info,
)
from reports.errors.tables import error_tables
from reports.frames.studies import StudyData
from reports.stats.contrasts import FULL_MODEL


def error_section(key: str, study: StudyData) -> Section | None:
    """Return the error analysis of a study; None if it has no predictions.

    Args:
        key: The folder of the study's reports.
        study: The study.
    """
    if not study.counts.answers:
        return None
    return Section(
        key=key,
        title=f"{key}: errors on test",
        page="errors.md",
        drawings=tuple(error_drawings(study)),
        tables=tuple(error_tables(study)),
    )


def error_drawings(study: StudyData) -> list[Drawing]:
    """Return the figures of the error analysis of a study that has predictions."""
    frame, counts = study.frame, study.counts
    arms = arms_with_predictions(frame, counts)
    changes = changes_info(frame, counts)
    matrix = matrix_info(frame, counts, FULL_MODEL if FULL_MODEL in arms else arms[-1])
    drawings = []
    if changes.comparisons:
        dashed = "" if changes.same_arm is None else ", compared with another seed (dashed)"
        drawings.append(
            Drawing(
                name="errors_rounds",
                caption=f"Gold triples gained and lost from one arm to another{dashed}; means over "
                "all pairs of runs.",
                figure=draw_changes(changes),
            )
        )
    return [
        *drawings,
        Drawing(
            name="errors_kinds",
            caption="Missed and wrong triples per run by error type; means over seeds.",
            figure=draw_types(types_info(frame, counts)),
        ),
        Drawing(
            name="errors_lines",
            caption="Test F1 by sentence length and by distance of subject and object; means over "
            "seeds, number of gold triples in brackets. The tables have all arms.",
            figure=draw_lines(lines_info(frame, counts)),
        ),
        Drawing(
            name="errors_matrix",
            caption=f"Confusion matrix of {matrix.label}: predicted relation of the words of gold "
            "triples; means over seeds.",
            figure=draw_matrix(matrix),
        ),
    ]
