"""Decisions of a study with --until-decided: each contrast at its last look."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd

from reports.document.table import NO_CELL, Cell, Row, Table, number, words
from reports.frames.decisions import DecisionRow, added_by_hand, study_decisions
from reports.frames.studies import StudyData
from study.ledger.decisions import Decisions

ENDPOINTS = {
    "selected": "test F1 of the selected epoch",
    "averaged": "test F1 of the averaged weights",
}


def decisions_table(study: StudyData) -> Table | None:
    """Return the state of each primary contrast.

    Returns:
        ``None`` if the study was not run with ``--until-decided``.
    """
    plan = study.decisions
    if plan is None:
        return None
    rows = study_decisions(study.frame, plan)
    return Table(
        name="decisions",
        title=f"Decisions: differences in {ENDPOINTS[plan.endpoint]}, in points",
        head="Contrast",
        rows=tuple(Row(key=row.key, label=row.text, cells=_cells(row)) for row in rows),
        notes=(*_plan_notes(plan), *deviations(study.frame, plan)),
    )


def decided_cells(row: DecisionRow) -> tuple[Cell, Cell]:
    """Return the cells of the estimate and of its interval."""
    values = row.interval
    if math.isnan(values.low):
        return NO_CELL, NO_CELL
    estimate = Cell(text=row.estimate_text, estimate=values, fingerprints=row.runs)
    return estimate, replace(estimate, text=row.interval_text)


def _cells(row: DecisionRow) -> dict[str, Cell]:
    found, left = row.outcome, number(row.seconds_left, row.time_text)
    estimate, interval = decided_cells(row)
    return {
        "Seeds": number(row.seeds, str(row.seeds)),
        "Δ F1": estimate,
        "95 % CI, all looks": interval,
        "State": words(str(row.verdict), row.runs),
        "Unequal beyond ±": _bound(None if found is None else found.efficacy),
        "Equal within ±": _bound(None if found is None else found.equivalence),
        "Next look": NO_CELL if row.next_look is None else number(row.next_look, row.next_text),
        "Time left": NO_CELL if row.next_look is None else left,
    }


def _bound(value: float | None) -> Cell:
    """Return what the size of Δ is compared with; a dash where no Δ would have been enough."""
    return NO_CELL if value is None or value < 0 else number(value, f"{value:.2f}")


def _plan_notes(plan: Decisions) -> tuple[str, ...]:
    *earlier, last = plan.looks
    looks = f"{', '.join(map(str, earlier))} and {last}" if earlier else str(last)
    return (
        f"Looks were planned after {looks} seeds of each arm. A look uses exactly the first seeds. "
        "Arms get more seeds only while a contrast of theirs is undecided.",
        f"Both kinds of error have at most a probability of {plan.level:g}, over all looks and "
        "contrasts. The CI holds at all looks together, so it is wider than that of one test.",
        f"Equal: within {plan.margin:g} F1, shown if |Δ| is at most *equal within*. Otherwise "
        "better (Δ > 0) or worse (Δ < 0) if |Δ| is above *unequal beyond*. Both bounds come from "
        "the level that the plan has left for this look: t · SE, and the margin minus t · SE.",
        "Futile: otherwise, if the chance to be decided by the last look is below "
        f"{100 * plan.futile:g} %. Not judged: no run of the contrast learned anything.",
        "Time left: at most, until the last look, one run at a time.",
    )


def deviations(frame: pd.DataFrame, plan: Decisions) -> tuple[str, ...]:
    """Say what a study did beside its plan."""
    notes = []
    if plan.finished_before:
        notes.append(
            f"{plan.finished_before} of the runs were finished before the plan was declared."
        )
    if added := added_by_hand(frame, plan):
        arms = "; ".join(f"{arm}: {', '.join(map(str, seeds))}" for arm, seeds in added.items())
        notes.append(
            f"Seeds that were added by hand, which no look uses: {arms}. The other tables use them."
        )
    return tuple(notes)
