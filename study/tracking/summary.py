"""The results of a study, for a tracker: the curve over K, the best arm, and its difference."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd

from reports.document.formatting import mean_sd, points, signed
from reports.figures.rounds_curve import is_rounds_curve, rounds_curve_info
from reports.frames.scores import primary_endpoint
from reports.frames.select import arm_label, of_arm
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import no_trials, read_ledger, select_settings
from reports.stats.contrasts import BASELINES
from reports.stats.intervals import estimate
from reports.tables.comparison import judge_rows, over
from reports.tables.experiment import reference_and_others
from study.ledger.state import TrialState
from study.tracking.base import Summary, SummaryValue

BEST_ARM, BASELINE, DIFFERENCE = "rin.best_arm", "rin.baseline", "rin.difference"


def summarize(study: StudyData) -> Summary:
    """Return the numbers and the words that sum up a study; none before any trial has a result.

    The best arm is chosen by its mean dev F1. It is compared with the arm without interaction if
    there is one, and otherwise with the reference of the report. If that arm is the best itself,
    the best of the others is compared with it.
    """
    values, tags = list(_curve(study.frame)), dict[str, str]()
    ranked = _ranked(study.frame)
    if not ranked:
        return Summary(values=values)
    best, scores = ranked[0], study.scores()
    found = estimate(scores.by_arm[best])
    values.append(SummaryValue("Best arm/test F1", found.mean))
    tags[BEST_ARM] = f"{_label(study, best)}: test F1 {mean_sd(found)}"
    baseline = next((arm for arm in reversed(BASELINES) if arm in ranked), None)
    baseline = baseline or reference_and_others(study.frame)[0]
    others = [arm for arm in ranked if arm != baseline]
    if others and baseline in ranked:
        judged = judge_rows(scores, [over(arm, baseline) for arm in others], family=True)[0]
        compared = judged.difference
        name = "Difference from baseline"
        values.append(SummaryValue(f"{name}/test F1", compared.value))
        text = f"{_label(study, others[0])} − {_label(study, baseline)}: {signed(compared.value)}"
        if compared.n > 1:
            values.append(SummaryValue(f"{name}/CI low", compared.low))
            values.append(SummaryValue(f"{name}/CI high", compared.high))
            text += f" (95 % CI {points(compared.low)} to {points(compared.high)})"
        tags[BASELINE] = _label(study, baseline)
        tags[DIFFERENCE] = f"{text}, {judged.verdict}"
    return Summary(values=values, tags=tags)


def summarize_recorded(runs: Path, names: Collection[str]) -> dict[str, Summary]:
    """Return :func:`summarize` of studies as the ledger has them, with the settings used last.

    Args:
        runs: A study's output folder.
        names: The studies; the ledger is read once for all of them.

    Raises:
        LedgerError: A study cannot be read.
    """
    everything = read_ledger(runs) if names else no_trials()
    return {
        str(name): summarize(study_data(runs, select_settings(frame), everything=everything))
        for name, frame in everything.groupby("experiment", sort=False)
        if name in names
    }


def _curve(frame: pd.DataFrame) -> Iterator[SummaryValue]:
    """Yield the mean test F1 by K of each cell, if the arms are such a curve."""
    if not is_rounds_curve(frame):
        return
    panel = rounds_curve_info(frame).panels[0]
    for curve in panel.curves:
        name = f"Arms by K/test F1 {curve.cell.upper()}"
        first = () if panel.baseline is None else (panel.baseline,)
        for point in (*first, *curve.points):
            if point.n:
                yield SummaryValue(name, point.mean, point.rounds)


def _ranked(frame: pd.DataFrame) -> list[str]:
    """Return the arms with a result and a dev F1 of what is judged, the best mean first.

    If no run learned anything, no arm is the best.
    """
    column = primary_endpoint(frame).dev_column
    done = frame[(frame["status"] == TrialState.FINISHED) & frame[column].notna()]
    means = done.groupby("arm", sort=False)[column].mean().sort_values(ascending=False)
    return [str(arm) for arm in means.index] if means.max() > 0 else []


def _label(study: StudyData, arm: str) -> str:
    return arm_label(of_arm(study.frame, arm))
