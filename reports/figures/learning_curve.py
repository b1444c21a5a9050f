"""Test F1 against the share of the training sentences, on a scale of doublings.

As in :mod:`reports.figures.rounds_curve`, data becomes an immutable description, which is drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from reports.document.formatting import SEEDS_OF_AN_INTERVAL
from reports.document.style import STYLE, line_colours, new_axes
from reports.figures.trials import draw_legend
from reports.frames.learning_curves import learning_curves, percent
from reports.frames.studies import StudyData
from reports.stats.intervals import estimate_score


@dataclass(frozen=True, slots=True, kw_only=True)
class SharePoint:
    """The score of one arm, in points."""

    share: float
    mean: float
    low: float
    """Lower end of the 95 % CI of the mean; NaN below three seeds."""
    high: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveInfo:
    """The arms of one model that have a finished seed, the smallest share first."""

    label: str
    points: tuple[SharePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurveInfo:
    """The description that :func:`draw_learning_curve` draws."""

    endpoint: str
    """What is scored, in words."""
    curves: tuple[CurveInfo, ...]


def learning_curve_info(study: StudyData) -> LearningCurveInfo | None:
    """Describe the figure; ``None`` if the study has no curve with two finished shares."""
    scores = study.scores()
    curves = []
    for curve in learning_curves(study.frame):
        points = [
            _point(share, scores.by_arm[arm])
            for share, arm in zip(curve.shares, curve.arms, strict=True)
            if scores.by_arm.get(arm)
        ]
        if len(points) > 1:
            curves.append(CurveInfo(label=curve.label, points=tuple(points)))
    if not curves:
        return None
    return LearningCurveInfo(endpoint=scores.endpoint.text, curves=tuple(curves))


def _point(share: float, scores: tuple[float, ...]) -> SharePoint:
    found = estimate_score(scores)
    few = found.n < SEEDS_OF_AN_INTERVAL
    return SharePoint(
        share=share,
        mean=found.mean,
        low=math.nan if few else found.low,
        high=math.nan if few else found.high,
        n=found.n,
    )


def draw_learning_curve(info: LearningCurveInfo) -> Figure:
    """Draw a line for each model, with the 95 % CI of each point."""
    colours = line_colours(info.curves)
    shares = sorted({point.share for curve in info.curves for point in curve.points})
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(5.2, 3.3)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(shares))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: percent(share)))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
        for colour, curve in zip(colours, info.curves, strict=True):
            at = [point.share for point in curve.points]
            axes.plot(at, [p.mean for p in curve.points], "o-", color=colour, lw=1.6, ms=5)
            low, high = [p.low for p in curve.points], [p.high for p in curve.points]
            axes.vlines(at, low, high, color=colour, lw=1.6)
        axes.set(xlabel="share of the training sentences", ylabel=f"{info.endpoint}, points")
        draw_legend(figure, [curve.label for curve in info.curves], colours)
    return figure
