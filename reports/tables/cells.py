"""Cells that show the results of one arm or of two."""

from __future__ import annotations

import math

import pandas as pd

from reports.document.formatting import interval, mean_sd, p_value
from reports.document.table import NO_CELL, Cell, Kind, number, words
from reports.frames.select import by_seed, fingerprints
from reports.published.numbers import Published, published
from reports.stats.intervals import Estimate, estimate, estimate_score
from reports.stats.verdicts import verdict
from study.ledger.state import TrialState


def score(trials: pd.DataFrame, column: str) -> Estimate:
    """Return a score over the finished seeds, in points."""
    return estimate_score(by_seed(trials, column).values())


def seeds_cell(trials: pd.DataFrame) -> Cell:
    """Return how many seeds are finished, and the states of the others."""
    statuses = trials["status"].value_counts().to_dict()
    done = statuses.pop(TrialState.FINISHED, 0)
    others = [f"{statuses[state]} {state}" for state in TrialState if state in statuses]
    text = f"{done}/{len(trials)}" + (f" ({', '.join(others)})" if others else "")
    return Cell(
        text=text if len(trials) else "–",
        kind=Kind.NUMBER if len(trials) else Kind.EMPTY,
        estimate=number(done, "").estimate,
        fingerprints=tuple(trials["fingerprint"]),
    )


def count_cell(count: int, runs: tuple[str, ...]) -> Cell:
    """Return a number of things, such as seeds, with the runs behind it."""
    return Cell(text=str(count), fingerprints=runs)


def mean_cell(found: Estimate, runs: tuple[str, ...], sign: str = "") -> Cell:
    """Return mean ± sd; ``sign="+"`` shows the sign of a difference."""
    if not found.n:
        return NO_CELL
    return Cell(text=mean_sd(found, sign), estimate=found, fingerprints=runs)


def interval_cell(found: Estimate, runs: tuple[str, ...] = ()) -> Cell:
    """Return the 95 % CI, or a dash if there is none."""
    if math.isnan(found.low):
        return NO_CELL
    return Cell(text=interval(found), estimate=found, fingerprints=runs)


def p_cell(p: float, corrected: float, runs: tuple[str, ...] = ()) -> Cell:
    """Return the p value of a test, and in brackets its Holm correction."""
    if math.isnan(p):
        return NO_CELL
    text = f"{p_value(p)} ({p_value(corrected)})"
    return Cell(text=text, p=p, p_holm=corrected, fingerprints=runs)


def score_cell(trials: pd.DataFrame, column: str) -> Cell:
    """Return a score over seeds, or why there is none."""
    found = score(trials, column)
    if found.n:
        return mean_cell(found, fingerprints(trials))
    if (trials["status"] == TrialState.FINISHED).any():
        return NO_CELL  # no dev score if test chose the epoch, no strict score without types
    return no_result_cell(trials)


def typed_cells(trials: pd.DataFrame) -> dict[str, Cell]:
    """Return the scores that only models with entity types have, by heading of the column."""
    return {
        "Strict F1": score_cell(trials, "test_strict_f1"),
        "Entity boundaries F1": score_cell(trials, "test_entity_boundaries_f1"),
    }


def no_result_cell(trials: pd.DataFrame) -> Cell:
    """Return why no trial has a result: none was run, or all of them failed or are unfinished."""
    planned = (trials["status"] == TrialState.PLANNED).all()
    return Cell(text="not run" if planned else "no result", kind=Kind.EMPTY)


def published_cell(printed: Published | None) -> Cell:
    """Return a published number with its source."""
    if printed is None:
        return NO_CELL
    plus_minus = "" if printed.sd is None else f" ± {printed.sd:.1f}"
    return number(printed.value, f"{printed.value:.1f}{plus_minus}", printed.source)


def published_difference(corpus: str, arm: str, base: str, metric: str = "f1") -> float | None:
    """Return the published score of one arm minus that of another, if both are published."""
    ours, theirs = published(corpus, arm, metric), published(corpus, base, metric)
    if ours is None or theirs is None:
        return None
    # One decimal, as printed: 78.4 − 81.5 is −3.1 and not −3.0999.
    return round(ours.value - theirs.value, 1)


def published_difference_cell(corpus: str, arm: str, base: str) -> Cell:
    """Return :func:`published_difference` of F1 with the sources of both scores."""
    value = published_difference(corpus, arm, base)
    if value is None:
        return NO_CELL
    sources = (printed.source for a in (arm, base) if (printed := published(corpus, a, "f1")))
    return number(value, mean_sd(estimate([value]), sign="+"), "; ".join(sources))


def verdict_cell(found: Estimate, printed: Published | None, runs: tuple[str, ...] = ()) -> Cell:
    """Judge a published number by :data:`~reports.stats.verdicts.VERDICT_RULE`."""
    if printed is None:
        return NO_CELL
    return words(verdict(found, printed.value), runs)


def source_cell(corpus: str, arm: str) -> Cell:
    """Return where an arm's F1 was published."""
    printed = published(corpus, arm, "f1")
    return words(printed.source) if printed else NO_CELL
