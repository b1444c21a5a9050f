"""The error analysis of one experiment: its tables and figures together."""

from __future__ import annotations

import pandas as pd

from reports.document.section import Drawing, Section
from reports.errors.figures import (
    changes_info,
    draw_changes,
    draw_kinds,
    draw_lines,
    draw_matrix,
    kinds_info,
    lines_info,
    matrix_info,
)
from reports.errors.rounds import answered
from reports.errors.tables import error_tables
from reports.frames.predictions import SentenceCounts
from reports.tables.experiment import FULL_MODEL


def error_section(key: str, frame: pd.DataFrame, counts: SentenceCounts) -> Section | None:
    """Return the errors of an experiment's trials; None without predictions.

    Args:
        key: The experiment's folder.
        frame: The experiment under one settings value.
        counts: What its trials found in each sentence.
    """
    if not counts.answers:
        return None
    return Section(
        key=key,
        title=f"{key}: errors on test",
        page="errors.md",
        drawings=tuple(error_drawings(frame, counts)),
        tables=tuple(error_tables(frame, counts)),
    )


def error_drawings(frame: pd.DataFrame, counts: SentenceCounts) -> list[Drawing]:
    """Return every figure of the error analysis of trials with predictions."""
    arms = answered(frame, counts)
    changes = changes_info(frame, counts)
    found = [
        Drawing(
            name="errors_kinds",
            caption="Missed and wrong triples by run, by what they have in common with the right "
            "ones; each arm's mean over seeds.",
            figure=draw_kinds(kinds_info(frame, counts)),
        ),
        Drawing(
            name="errors_lines",
            caption="Test F1 by length of the sentence and by distance of the arguments, mean over "
            "seeds; gold triples in brackets. The tables have every arm.",
            figure=draw_lines(lines_info(frame, counts)),
        ),
        Drawing(
            name="errors_matrix",
            caption="Gold relations, and what is said of the same two words; mean over seeds.",
            figure=draw_matrix(matrix_info(frame, counts, _of_interest(arms))),
        ),
    ]
    if changes.steps:
        dashed = "" if changes.chance is None else "; dashed, what another seed of one arm does"
        fixed = Drawing(
            name="errors_rounds",
            caption="Gold triples that one arm finds and the other does not, mean over the seeds "
            f"that both have{dashed}.",
            figure=draw_changes(changes),
        )
        found.insert(0, fixed)
    return found


def _of_interest(arms: list[str]) -> str:
    return FULL_MODEL if FULL_MODEL in arms else arms[-1]
