"""Decisions of a study with --until-decided: each contrast at its last look."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from reports.document.formatting import p_value, points
from reports.document.table import NO_CELL, Cell, Row, Table, number, words
from reports.frames.decisions import (
    ENDPOINTS,
    DecisionRow,
    added_by_hand,
    plan_of_looks,
    scores_by_seed,
    study_decisions,
)
from reports.frames.select import arm_label, of_arm
from reports.frames.studies import StudyData
from reports.stats.intervals import estimate
from reports.stats.model import Difference
from reports.stats.verdicts import Judged
from study.ledger.decisions import Decisions


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
        title=f"Decisions: differences in {ENDPOINTS[plan.endpoint].text}, in points",
        head="Contrast",
        rows=tuple(Row(key=row.key, label=row.text, cells=_cells(row)) for row in rows),
        first=("State", "Δ F1", "95 % CI, all looks"),
        notes=(*_plan_notes(plan), *deviations(study.frame, plan)),
    )


def levels_table(study: StudyData) -> Table | None:
    """Return the levels that a plan has at each look, for both tests.

    Returns:
        ``None`` if the study was not run with ``--until-decided``.
    """
    plan = study.decisions
    if plan is None:
        return None
    count = len(plan.contrasts)
    tests = zip(("p", "p equal"), plan_of_looks(plan).levels(count), strict=True)
    rows = [
        Row(
            key=f"{name}/{left}",
            label=f"{name}, of {left} contrast{'s' if left > 1 else ''}",
            cells={
                f"{seeds} seeds": number(float(level), f"{level:.2g}")
                for seeds, level in zip(plan.looks, levels[left], strict=True)
            },
        )
        for name, levels in tests
        for left in range(count, 0, -1)
    ]
    gammas = f"{plan.efficacy_gamma:g} for p and {plan.equivalence_gamma:g} for p equal"
    return Table(
        name="levels",
        title="The level of each look",
        head="Test",
        rows=tuple(rows),
        notes=(
            "A test is significant at a look if its p is below the level. *Of n contrasts*: n of "
            f"the {count} contrasts are left, and the same test has decided the others (Holm).",
            "The levels follow the spending function of Hwang, Shih and De Cani. Up to a look with "
            "a share t of the last look's seeds, the probability of an error at any look is "
            f"{plan.level:g} / n · (1 − exp(−γ t)) / (1 − exp(−γ)). Here γ is {gammas}.".replace(
                "-", "−"
            ),
        ),
    )


def scores_table(study: StudyData) -> Table | None:
    """Return the score of each run that a plan may look at, from which its table is made.

    Returns:
        ``None`` if the study was not run with ``--until-decided``.
    """
    plan = study.decisions
    if plan is None:
        return None
    scores = scores_by_seed(study.frame, plan)
    seeds = sorted({seed for own in scores.values() for seed in own})
    rows = []
    for arm, own in scores.items():
        runs = of_arm(study.frame, arm)
        names = dict(zip(runs["seed"], runs["fingerprint"], strict=True))
        cells = {
            f"Seed {seed}": Cell(
                text=points(own[seed]), estimate=estimate([own[seed]]), fingerprints=(names[seed],)
            )
            if seed in own
            else NO_CELL
            for seed in seeds
        }
        rows.append(Row(key=arm, label=arm_label(runs), cells=cells))
    return Table(
        name="scores",
        title=f"The runs behind the decisions: {ENDPOINTS[plan.endpoint].text}, in points",
        head="Model",
        rows=tuple(rows) if seeds else (),
        notes=("The CSV file has all digits. A look at n seeds uses the seeds 0 to n − 1.",),
    )


def decided_cells(row: DecisionRow) -> tuple[Cell, Cell]:
    """Return the cells of the estimate and of its interval."""
    values = row.estimate
    if math.isnan(values.low):
        return NO_CELL, NO_CELL
    estimate = Cell(text=row.estimate_text, estimate=values, fingerprints=row.runs)
    return estimate, replace(estimate, text=row.interval_text)


def _cells(row: DecisionRow) -> dict[str, Cell]:
    found, left = row.outcome, number(row.seconds_left, row.time_text)
    estimated, interval = decided_cells(row)
    return {
        "Seeds": number(row.seeds, str(row.seeds)),
        "Δ F1": estimated,
        "95 % CI, all looks": interval,
        "State": words(str(row.verdict), row.runs),
        **_tested_cells(row),
        "Unequal beyond ±": _bound(None if found is None else found.efficacy),
        "Equal within ±": _bound(None if found is None else found.equivalence),
        "Next look": NO_CELL if row.next_look is None else number(row.next_look, row.next_text),
        "Time left": NO_CELL if row.next_look is None else left,
    }


def _tested_cells(row: DecisionRow) -> dict[str, Cell]:
    """Return the cells of the standard error and of both p values, with the level of each."""
    found = row.tested
    if found is None or not found.found.learned:
        return dict.fromkeys(("SE (df)", "p (level)", "p equal (level)"), NO_CELL)
    judged = Judged(found.found, row.verdict)
    p_equal = found.found.p_equal(found.margin)
    texts = {
        "SE (df)": f"{found.found.se:.2f} ({_freedom(found.found)})",
        "p (level)": f"{p_value(found.found.p)} ({found.level:.2g})",
        "p equal (level)": f"{p_value(p_equal)} ({found.level_equal:.2g})",
    }
    return {
        name: Cell(text=text, estimate=row.estimate, judged=judged, fingerprints=row.runs)
        for name, text in texts.items()
    }


def _freedom(found: Difference) -> str:
    """Return the degrees of freedom, and whether each arm has its own variance."""
    pooled = len({term.variance for term in found.terms}) == 1
    return f"{found.df:.0f}" if pooled else f"{found.df:.1f}, Welch"


def _bound(value: float | None) -> Cell:
    """Return what the size of Δ is compared with; a dash where no Δ would have been enough."""
    return NO_CELL if value is None or value < 0 else number(value, f"{value:.2f}")


def _plan_notes(plan: Decisions) -> tuple[str, ...]:
    *earlier, last = plan.looks
    looks = f"{', '.join(map(str, earlier))} and {last}" if earlier else str(last)
    return (
        f"Looks were planned after {looks} seeds of each arm. A look uses only the first seeds. "
        "An arm gets more seeds only while one of its contrasts is undecided.",
        f"Each kind of error has at most a probability of {plan.level:g} in this study, over all "
        "looks and contrasts, if all arms have the same variance. The CI of a contrast holds at "
        "all looks together, so it is wider than that of one test. Each CI holds separately.",
        "Δ = Σ w · mean, over the first seeds of each arm. Weights w: "
        + "; ".join(f"{c.text}: {_weights(c.weights)}" for c in plan.contrasts)
        + ".",
        "SE = s · √(Σ w² / n), with n seeds. s is the residual standard deviation of all arms, "
        "each with the seeds that it had at this look. df is the number of these runs minus that "
        "of the arms. Arms that learned nothing do not count. *Welch*: a test finds that the "
        "variances differ (Brown-Forsythe, or an F test of the largest, p < 0.05). Then SE = "
        "√(Σ v) with the s of each arm in v = w² · s² / n, and df = (Σ v)² / Σ (v² / (n − 1)).",
        f"Equal: p equal is below its level. Here p equal = P(T > ({plan.margin:g} − |Δ|) / SE), "
        "with Student's distribution T. This is the case if |Δ| is below *equal within*: "
        f"{plan.margin:g} − t · SE, where P(T > t) is the level of p equal.",
        "Otherwise better (Δ > 0) or worse (Δ < 0): p is below its level. Here p = "
        "2 · P(T > |Δ| / SE). This is the case if |Δ| is above *unequal beyond*: t · SE, where "
        "P(T > t) is half the level of p. CI = Δ ± t · SE with the same t. The table *The level of "
        "each look* has the levels.",
        "Otherwise futile, before the last look: the chance that the last look decides it is below "
        f"{100 * plan.futile:g} % (formula: `docs/statistics.md`). Not judged: no run of the "
        "contrast learned anything.",
        "Time left: until the last look, for one run at a time that takes the mean time of the "
        "arm's runs so far. It is less if a contrast is decided earlier.",
    )


def _weights(weights: Mapping[str, float]) -> str:
    """Return the weights of the arms.

    Examples:
        >>> _weights({"gru-1": 0.5, "gru-3": 0.5, "bilstm-s": -1.0})
        'gru-1 +0.5, gru-3 +0.5, bilstm-s −1'
    """
    texts = (f"{arm} {weight:+.3g}" for arm, weight in weights.items())
    return ", ".join(texts).replace(" -", " −")


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
            f"Seeds that were added by hand: {arms}. No look uses them, but the other tables do."
        )
    return tuple(notes)
