"""Decisions of a study with --until-decided: each contrast at its last look."""

from __future__ import annotations

import math

from reports.document.table import NO_CELL, Cell, Row, Table, number, words
from reports.frames.decisions import DecisionRow, added_by_hand, decision_rows, mean_seconds
from reports.frames.studies import StudyData
from reports.stats.intervals import Estimate
from study.ledger.decisions import Decisions

_ENDPOINTS = {
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
    rows = decision_rows(plan, mean_seconds(study.frame))
    return Table(
        name="decisions",
        title=f"Decisions: differences in {_ENDPOINTS[plan.endpoint]}, in points",
        head="Contrast",
        rows=tuple(Row(key=row.key, label=row.text, cells=_cells(study, row)) for row in rows),
        notes=(*_plan_notes(plan), *_deviations(study, plan)),
    )


def _cells(study: StudyData, row: DecisionRow) -> dict[str, Cell]:
    used = study.frame[study.frame["arm"].isin(row.arms) & (study.frame["seed"] < row.seeds)]
    runs, found = tuple(used["fingerprint"]), row.outcome
    estimate, low, high = (
        (math.nan,) * 3
        if found is None or found.low is None or found.high is None
        else (found.estimate, found.low, found.high)
    )
    values = Estimate(row.seeds, estimate, math.nan, low, high)
    shown = found is not None and row.interval_text != "–"
    hours = number(row.seconds_left / 3600, row.hours_text)
    return {
        "Seeds": number(row.seeds, str(row.seeds)),
        "Δ F1": Cell(text=row.estimate_text, estimate=values, fingerprints=runs)
        if shown
        else NO_CELL,
        "95 % CI, all looks": Cell(text=row.interval_text, estimate=values, fingerprints=runs)
        if shown
        else NO_CELL,
        "State": words(row.state, runs),
        "Next look": NO_CELL if row.next_look is None else number(row.next_look, row.next_text),
        "Hours left": NO_CELL if row.next_look is None else hours,
    }


def _plan_notes(plan: Decisions) -> tuple[str, ...]:
    *earlier, last = plan.looks
    looks = f"{', '.join(map(str, earlier))} and {last}" if earlier else str(last)
    return (
        f"Looks were planned after {looks} seeds of each arm. A look uses exactly the first seeds. "
        "Arms get more seeds only while a contrast of theirs is undecided.",
        f"Both kinds of error have at most a probability of {plan.level:g}, over all looks and "
        "contrasts. The CI holds at all looks together, so it is wider than that of one test.",
        f"Equal: within {plan.margin:g} F1. Futile: the chance to be decided by the last look is "
        f"below {100 * plan.futile:g} %.",
        "Hours left: at most, until the last look, one run at a time.",
    )


def _deviations(study: StudyData, plan: Decisions) -> tuple[str, ...]:
    """Say what the study did beside its plan."""
    notes = []
    if plan.finished_before:
        notes.append(
            f"{plan.finished_before} of the runs were finished before the plan was declared."
        )
    if added := added_by_hand(study.frame, plan):
        arms = "; ".join(f"{arm}: {', '.join(map(str, seeds))}" for arm, seeds in added.items())
        notes.append(
            f"Seeds that were added by hand, which no look uses: {arms}. The other tables use them."
        )
    return tuple(notes)
