"""Cells that show the results of one arm or of two."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from reports.document.formatting import mean_sd, shown_interval
from reports.document.table import NO_CELL, Cell, Kind, number, words
from reports.frames.scores import Scores
from reports.frames.select import by_seed, fingerprints
from reports.published.numbers import PUBLISHED_SEEDS, Published, published
from reports.stats.intervals import NOTHING, Estimate, estimate, estimate_score
from reports.stats.model import NO_DIFFERENCE, Difference, Term, against
from reports.stats.verdicts import Judged, judge_alone
from study.ledger.state import TrialState


def score(trials: pd.DataFrame, column: str) -> Estimate:
    """Return a score over the finished seeds, in points."""
    return estimate_score(by_seed(trials, column).values())


def seeds_cell(trials: pd.DataFrame) -> Cell:
    """Return how many seeds are finished, and the states of the others."""
    statuses = trials["status"].value_counts().to_dict()
    done = statuses.pop(TrialState.FINISHED, 0)
    if trials.empty:
        return replace(number(done, "–"), kind=Kind.EMPTY)
    others = [f"{statuses[state]} {state}" for state in TrialState if state in statuses]
    text = f"{done}/{len(trials)}" + (f" ({', '.join(others)})" if others else "")
    return number(done, text, runs=tuple(trials["fingerprint"]))


def count_cell(count: int, runs: tuple[str, ...]) -> Cell:
    """Return a number of things, such as seeds, with the runs behind it."""
    return Cell(text=str(count), fingerprints=runs)


def mean_cell(found: Estimate, runs: tuple[str, ...], sign: str = "") -> Cell:
    """Return mean ± sd; ``sign="+"`` shows the sign of a difference."""
    if not found.n:
        return NO_CELL
    return Cell(text=mean_sd(found, sign), estimate=found, fingerprints=runs)


def interval_cell(found: Estimate, runs: tuple[str, ...] = ()) -> Cell:
    """Return the 95 % CI, or a dash if there is none; the interval of two seeds is not shown."""
    if math.isnan(found.low):
        return NO_CELL
    return Cell(text=shown_interval(found), estimate=found, fingerprints=runs)


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


def against_paper(scores: Scores, arm: str, printed: Published | None) -> tuple[Judged, Judged]:
    """Compare an arm's mean with a published one, by itself.

    Returns:
        With the spread of the published mean, taken as ours where it is not printed; and with the
        published mean taken as exact.
    """
    ours = scores.difference({arm: 1.0})
    if printed is None:
        ours, value, spread = NO_DIFFERENCE, math.nan, []
    else:
        value, spread = printed.value, [spread_of(printed, term) for term in ours.terms]
    hours = scores.cost([arm])
    found = (against(ours, value, spread), against(ours, value))
    first, second = (judge_alone(one, scores.rule, hours) for one in found)
    return first, second


def spread_of(printed: Published, term: Term) -> float:
    """Return the variance of a published mean over the paper's runs, in squared points."""
    return (term.variance if printed.sd is None else printed.sd**2) / PUBLISHED_SEEDS


def against_headings(what: str = "") -> tuple[str, str]:
    """Return the headings of the verdicts on a published number.

    Args:
        what: Which number, where a table has several: " on entities".
    """
    return f"Verdict{what}", f"Verdict{what}, paper exact"


def against_cells(
    scores: Scores, arm: str, printed: Published | None, what: str = ""
) -> dict[str, Cell]:
    """Return both verdicts of :func:`against_paper`, by heading of the column.

    Args:
        scores: Of the endpoint that was published.
        arm: Name of the arm.
        printed: The published score.
        what: See :func:`against_headings`.
    """
    names = against_headings(what)
    if printed is None:
        return dict.fromkeys(names, NO_CELL)
    runs = scores.fingerprints([arm])
    judged = against_paper(scores, arm, printed)
    return {name: verdict_cell(one, runs) for name, one in zip(names, judged, strict=True)}


def verdict_cell(judged: Judged, runs: tuple[str, ...]) -> Cell:
    """Return a verdict with the numbers that led to it."""
    return replace(words(str(judged.verdict), runs, as_estimate(judged.difference)), judged=judged)


def as_estimate(found: Difference) -> Estimate:
    """Return a difference as an estimate without a standard deviation."""
    if not found.n:
        return NOTHING
    return Estimate(found.n, found.value, math.nan, found.low, found.high)


def mean_interval_cell(scores: Scores, arm: str) -> Cell:
    """Return the 95 % CI of an arm's mean, from the pooled variance."""
    found = as_estimate(scores.difference({arm: 1.0}))
    low, high = np.clip([found.low, found.high], 0, 100)
    clipped = replace(found, low=float(low), high=float(high))
    return interval_cell(clipped, scores.fingerprints([arm]))


def source_cell(corpus: str, arm: str) -> Cell:
    """Return where an arm's F1 was published."""
    printed = published(corpus, arm, "f1")
    return words(printed.source) if printed else NO_CELL
