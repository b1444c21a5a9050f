"""Rows that compare arms: the difference, its interval, the tests and the verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports.document.formatting import DASH, p_value, shown_interval, signed
from reports.document.table import NO_CELL, Cell, Kind
from reports.frames.scores import NOT_RUN, Scores, Weights
from reports.published.numbers import PUBLISHED_SEEDS
from reports.stats.verdicts import Judged, judge_alone, judge_family
from reports.tables.cells import as_estimate, verdict_cell

#: The columns of :func:`comparison_cells` that answer it.
ANSWER = ("Verdict", "Δ F1", "95 % CI")


def over(arm: str, base: str) -> Weights:
    """Return the weights of an arm's mean minus that of another."""
    return {arm: 1.0, base: -1.0}


def judge_rows(scores: Scores, rows: Sequence[Weights], *, family: bool) -> list[Judged]:
    """Judge several comparisons.

    Args:
        scores: Of the arms.
        rows: The weights of each comparison.
        family: Whether Holm's correction covers them together. Otherwise each is descriptive.
    """
    found = [scores.difference(weights) for weights in rows]
    hours = [scores.cost(arm for arm, weight in weights.items() if weight) for weights in rows]
    if family:
        return judge_family(found, hours, scores.rule)
    return [judge_alone(one, scores.rule, cost) for one, cost in zip(found, hours, strict=True)]


def comparison_cells(scores: Scores, weights: Weights, judged: Judged) -> dict[str, Cell]:
    """Return the cells of one comparison, by heading of the column."""
    runs, found = scores.fingerprints(weights), judged.difference
    values = as_estimate(found)
    permuted = scores.permutation_p(weights)

    def cell(text: str) -> Cell:
        if text == DASH:
            return NO_CELL
        return Cell(text=text, estimate=values, judged=judged, fingerprints=runs)

    tested = not math.isnan(found.p)
    return {
        "Δ F1": cell(signed(found.value)) if found.n else _missing(scores, weights),
        "95 % CI": cell(shown_interval(values)),
        "SE (df)": cell(f"{found.se:.2f} ({found.df:.0f})" if tested else DASH),
        "p": cell(corrected_p(found.p, judged.p_holm)),
        "p equal": cell(corrected_p(judged.p_equal, judged.p_equal_holm)),
        "Verdict": verdict_cell(judged, runs),
        "p permutation": NO_CELL
        if math.isnan(permuted)
        else Cell(text=p_value(permuted), fingerprints=runs),
    }


def _missing(scores: Scores, weights: Weights) -> Cell:
    """Say whether an arm was not run, or has no result."""
    without = (scores.missing.get(arm, NOT_RUN) for arm in weights if not scores.by_arm.get(arm))
    return Cell(text=next(without, NOT_RUN), kind=Kind.EMPTY)


def corrected_p(p: float, holm: float) -> str:
    """Return a p, and in brackets its correction."""
    if math.isnan(p):
        return DASH
    return p_value(p) if math.isnan(holm) else f"{p_value(p)} ({p_value(holm)})"


def comparison_notes(scores: Scores, *, family: bool, verdicts: bool = True) -> tuple[str, ...]:
    """Return the formulas of a table of comparisons, from which a reader derives its verdicts.

    Args:
        scores: Of the arms.
        family: Whether Holm's correction covers the rows.
        verdicts: Whether the table has verdicts, and not the p-values alone.
    """
    correction = (
        "In brackets: the p-values after Holm's correction for the rows of this table. The verdict "
        "uses them."
        if family
        else "The rows are descriptive: their p-values are not corrected. Of 20 rows of equal "
        "arms, about one is called better or worse."
    )
    return (
        f"Endpoint: {scores.endpoint.text}. Δ is the difference of the means over all finished "
        "runs of each arm. Runs are not paired by seed.",
        "SE = s · √(Σ w² / n), with n runs of an arm and its weight w: 1 and −1 if two arms are "
        "compared. 95 % CI = Δ ± t · SE, with the 97.5 % quantile t of Student's distribution T "
        "with df degrees of freedom.",
        scores.variance_note,
        *((verdict_note(scores), correction) if verdicts else (_tests_note(scores),)),
        "p permutation: a test that moves runs between the arms. With two arms it is exact, and p "
        "is twice the smaller one-sided p. It checks p and decides nothing.",
    )


def _tests_note(scores: Scores) -> str:
    return (
        f"p = 2 · P(T > |Δ| / SE). p equal = P(T > ({scores.rule.margin:g} − |Δ|) / SE), from two "
        "one-sided tests. The rows are descriptive, without correction."
    )


def verdict_note(scores: Scores) -> str:
    """Return the rule of the verdicts, with its formulas."""
    rule = scores.rule
    level, margin = f"{rule.level:g}", f"{rule.margin:g}"
    return (
        f"Verdict, with the margin m = {margin} F1: *equal* if p equal < {level}. Here p equal = "
        f"P(T > (m − |Δ|) / SE), from two one-sided tests. Otherwise *better* (Δ > 0) or *worse* "
        f"(Δ < 0) if p < {level}. Here p = 2 · P(T > |Δ| / SE). Otherwise *undecided*, with the "
        "further seeds of each arm that decide with a probability of 80 %. The true Δ is then "
        "taken to be normal around Δ, with the sd SE (formulas: `docs/statistics.md`)."
    )


def paper_notes(scores: Scores) -> tuple[str, ...]:
    """Return how our means are compared with the paper's."""
    return (
        f"Against the paper: Δ is our mean minus the published one, in {scores.endpoint.text}. "
        "*Equal* means reproduced. "
        f"The paper's mean is over {PUBLISHED_SEEDS} runs, and its spread is assumed to equal "
        f"ours unless it is printed: SE = s · √(1 / n + 1 / {PUBLISHED_SEEDS}). *Paper exact* "
        "takes the published number as exact: SE = s / √n. The rounding of the published number "
        "adds 0.03 F1 to SE, in quadrature. Each number is tested by itself, without correction.",
        scores.variance_note,
        verdict_note(scores),
    )
