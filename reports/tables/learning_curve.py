"""What more training sentences are worth: each share against the next smaller one."""

from __future__ import annotations

from reports.document.table import Row, Table
from reports.frames.learning_curves import learning_curves, steps
from reports.frames.select import of_arm
from reports.frames.studies import StudyData
from reports.tables.cells import score_cell
from reports.tables.comparison import ANSWER, comparison_notes, over
from reports.tables.experiment import PLANNED_NOTE, bootstrap_notes, difference_cells


def learning_curve_table(study: StudyData) -> Table | None:
    """Return the gain of each step of a learning curve.

    Returns:
        ``None`` if no arms differ in their share of the training sentences only.
    """
    found = steps(learning_curves(study.frame))
    if not found:
        return None
    scores = study.scores()
    weights = [over(step.larger, step.smaller) for step in found]
    family = study.decisions is None
    compared = difference_cells(study, scores, weights, family=family)
    if not family:  # a plan has its own verdicts
        compared = [{name: c for name, c in own.items() if name != "Verdict"} for own in compared]
    rows = []
    for step, cells in zip(found, compared, strict=True):
        both = [
            score_cell(of_arm(study.frame, arm), scores.endpoint.column)
            for arm in (step.larger, step.smaller)
        ]
        own = dict(zip(("F1", "F1 before"), both, strict=True))
        label = f"{step.curve.label}, {step.text}"
        rows.append(Row(key=step.larger, label=label, cells={**own, **cells}))
    return Table(
        name="learning_curve",
        title=f"What more training sentences bring on {study.corpus}",
        head="Model and step",
        rows=tuple(rows),
        first=(ANSWER[0], "F1", *ANSWER[1:]),
        notes=(
            "Each row compares a share of the training sentences with the next smaller share "
            "(*F1 before*). The last step of a model is the best guide to what further sentences "
            "would bring. Usually each doubling brings less than the one before.",
            "An epoch goes through the sentences of a share several times, so each share trains "
            "for as many steps as all sentences. All seeds of a share have the same sentences. So "
            "CIs and verdicts do not cover another choice of sentences.",
            *(() if family else (PLANNED_NOTE,)),
            *comparison_notes(scores, family=family, verdicts=family),
            *bootstrap_notes(scores),
        ),
    )
