"""Test F1 against the share of the training sentences, on a scale of doublings.

As in :mod:`reports.figures.rounds_curve`, data becomes an immutable description, which is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from reports.document.formatting import drawn_interval
from reports.document.style import STYLE, line_colours, new_axes
from reports.figures.rounds_curve import METRICS
from reports.figures.trials import draw_legend
from reports.frames.learning_curves import learning_curves, percent
from reports.frames.scores import AVERAGED, primary_endpoint
from reports.frames.select import by_seed, of_arm
from reports.frames.studies import StudyData
from reports.frames.trials import require_one_setting
from reports.stats.intervals import estimate_score
from rin_core.suggestions import suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class SharePoint:
    """The score of one arm, in points."""

    share: float
    mean: float
    low: float
    """Lower end of the 95 % CI of the mean; NaN below three seeds."""
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveInfo:
    """The arms of one model that have a finished seed, the smallest share first."""

    label: str
    points: tuple[SharePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurveInfo:
    """The description that :func:`draw_learning_curve` draws."""

    scored: str
    """What is scored, in words."""
    curves: tuple[CurveInfo, ...]


def learning_curve_info(study: StudyData) -> LearningCurveInfo | None:
    """Describe the figure; ``None`` if the study has no curve with two finished shares."""
    endpoint = study.scores().endpoint
    curves = _curves(study.frame, endpoint.column)
    return LearningCurveInfo(scored=endpoint.text, curves=curves) if curves else None


def _curves(frame: pd.DataFrame, column: str) -> tuple[CurveInfo, ...]:
    """Return the curves with at least two finished shares."""
    curves = []
    for curve in learning_curves(frame):
        scores = [by_seed(of_arm(frame, arm), column).values() for arm in curve.arms]
        finished = zip(curve.shares, scores, strict=True)
        points = tuple(_point(share, own) for share, own in finished if own)
        if len(points) > 1:
            curves.append(CurveInfo(label=curve.label, points=points))
    return tuple(curves)


def _point(share: float, scores: Iterable[float]) -> SharePoint:
    found = estimate_score(scores)
    low, high = drawn_interval(found)
    return SharePoint(share=share, mean=found.mean, low=low, high=high)


def draw_learning_curve(info: LearningCurveInfo) -> Figure:
    """Draw a line for each model, with the 95 % CI of each point."""
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(5.2, 3.3)
        _draw(info, axes)
        draw_legend(figure, [curve.label for curve in info.curves], line_colours(info.curves))
    return figure


def draw_axes(frame: pd.DataFrame, metric: str = "f1", axes: Axes | None = None) -> Axes:
    """Draw one metric on axes that can be drawn on further.

    Args:
        frame: A study with a learning curve, see
            :func:`~reports.frames.learning_curves.learning_curves`.
        metric: ``f1``, ``precision`` or ``recall``.
        axes: Where to draw; a new figure of pyplot when ``None``.

    Raises:
        ValueError: There is no such metric, fewer than two shares are finished, or the trials are
            on several corpora or under several settings.
    """
    if metric not in METRICS:
        raise ValueError(f"metric {metric!r}: no such curve; {suggestion(metric, METRICS)}")
    require_one_setting(frame)
    averaged = primary_endpoint(frame) is AVERAGED
    curves = _curves(frame, f"averaged_test_{metric}" if averaged else f"test_{metric}")
    if not curves:
        raise ValueError("fewer than two shares of the training sentences have a finished run")
    of = " of the averaged weights" if averaged else ""
    info = LearningCurveInfo(scored=f"test {METRICS[metric]}{of}", curves=curves)
    with mpl.rc_context(STYLE):
        if axes is None:
            from matplotlib import pyplot  # chooses how a notebook or a window shows it

            axes = pyplot.subplots(figsize=(6, 3.8), layout="constrained")[1]
        _draw(info, axes)
        axes.legend(frameon=False, fontsize=8)
    return axes


def _draw(info: LearningCurveInfo, axes: Axes) -> None:
    shares = sorted({point.share for curve in info.curves for point in curve.points})
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(shares))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: percent(share)))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    for colour, curve in zip(line_colours(info.curves), info.curves, strict=True):
        at = [point.share for point in curve.points]
        means = [point.mean for point in curve.points]
        axes.plot(at, means, "o-", color=colour, lw=1.6, ms=5, label=curve.label)
        low, high = [p.low for p in curve.points], [p.high for p in curve.points]
        axes.vlines(at, low, high, color=colour, lw=1.6)
    axes.set(xlabel="share of the training sentences", ylabel=f"{info.scored}, points")
