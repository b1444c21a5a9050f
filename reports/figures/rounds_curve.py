"""The paper's Figure 3 from the ledger: scores against the number of updating rounds K.

A figure is made in two steps. The first turns data into an immutable description, which tests
check. The second draws the description.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullLocator

from reports.document.formatting import drawn_interval, settings_text
from reports.document.style import (
    BLUE,
    DASHES,
    FAINT,
    GREEN,
    GREY,
    INK,
    PURPLE,
    STYLE,
    VERMILION,
    new_figure,
)
from reports.frames.scores import AVERAGED, primary_endpoint
from reports.frames.select import by_seed, of_arm
from reports.frames.trials import require_one_setting
from reports.published.numbers import published
from reports.stats.contrasts import NO_INTERACTION
from reports.stats.intervals import estimate_score
from rin_core.plural import plural
from rin_core.suggestions import suggestion

METRICS = {"f1": "F1", "precision": "Precision", "recall": "Recall"}

_COLOURS = {"gru": BLUE, "rnn": VERMILION, "linear": GREEN}
# Seeds are drawn next to their mean, so that those of two cells do not overlap.
_SHIFTS = {"gru": -0.11, "rnn": 0.11}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The score of one arm in one panel, in points; NaN if no seed is finished."""

    rounds: int
    mean: float
    low: float
    """Lower end of the 95 % CI of the mean; NaN below three seeds."""
    high: float
    """Upper end of the 95 % CI."""
    n: int
    n_planned: int
    seeds: tuple[float, ...]
    """Score of each finished seed."""
    published: float | None
    """The paper's score, if it is printed."""

    @property
    def complete(self) -> bool:
        """Whether every planned seed is finished."""
        return self.n == self.n_planned


@dataclass(frozen=True, slots=True)
class Curve:
    """The scores of one cell by K."""

    cell: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One metric."""

    metric: str
    curves: tuple[Curve, ...]
    baseline: Point | None
    """The score with K = 0; ``None`` if it is not planned."""


@dataclass(frozen=True, slots=True)
class RoundsCurveInfo:
    """The description that :func:`draw_rounds_curve` draws."""

    corpus: str
    settings: str
    selection: str
    """Split on which the epoch was chosen; empty if averaged weights were scored."""
    baseline: str
    """Label of K = 0."""
    panels: tuple[Panel, ...]

    @property
    def points(self) -> tuple[tuple[str, Point], ...]:
        """Cell and point of every arm, the baseline (cell ``none``) first."""
        panel = self.panels[0]
        first = (("none", panel.baseline),) if panel.baseline else ()
        return first + tuple((c.cell, p) for c in panel.curves for p in c.points)


def is_rounds_curve(frame: pd.DataFrame) -> bool:
    """Return whether the arms are a curve over K: they differ in K and cell only."""
    arms = frame.drop_duplicates("arm")
    alike = (
        arms["settings_except_rounds"].nunique() == 1
        and not arms.duplicated(["cell", "rounds"]).any()
    )
    return bool(alike and (arms["rounds"] > 0).any())


def rounds_curve_info(frame: pd.DataFrame) -> RoundsCurveInfo:
    """Describe the figure.

    Args:
        frame: One study under one settings value, see
            :func:`~reports.frames.trials.select_settings`.

    Raises:
        ValueError: The arms are not a curve, see :func:`is_rounds_curve`.
    """
    if not is_rounds_curve(frame):
        raise ValueError(
            f"arms {sorted(set(frame['arm']))}: the arms of a curve must differ in K and cell only"
        )
    require_one_setting(frame)
    averaged = primary_endpoint(frame) is AVERAGED
    chosen = "test" if (frame["selection"] == "test").any() else "dev"
    prefix = "averaged_test" if averaged else "test"
    return RoundsCurveInfo(
        corpus=str(frame["corpus"].iloc[0]),
        settings=str(frame["settings"].iloc[0]),
        selection="" if averaged else chosen,
        # BiLSTM_s is the paper's name for K = 0 with its BiLSTM encoder.
        baseline="BiLSTM_s" if NO_INTERACTION in set(frame["arm"]) else "no interaction",
        panels=tuple(_panel(metric, prefix, frame) for metric in METRICS),
    )


def _panel(metric: str, prefix: str, frame: pd.DataFrame) -> Panel:
    curves: dict[str, list[Point]] = {}
    baseline = None
    for arm in dict.fromkeys(frame["arm"]):
        trials = of_arm(frame, arm)
        point = _point(metric, prefix, trials)
        if point.rounds == 0:
            baseline = point
        else:
            curves.setdefault(trials["cell"].iloc[0], []).append(point)
    ordered = {cell: sorted(points, key=lambda p: p.rounds) for cell, points in curves.items()}
    return Panel(metric, tuple(Curve(cell, tuple(p)) for cell, p in ordered.items()), baseline)


def _point(metric: str, prefix: str, trials: pd.DataFrame) -> Point:
    first, seeds = trials.iloc[0], tuple(by_seed(trials, f"{prefix}_{metric}").values())
    found = estimate_score(seeds)
    low, high = drawn_interval(found)
    paper = published(str(first["corpus"]), str(first["arm"]), metric)
    return Point(
        rounds=int(first["rounds"]),
        mean=found.mean,
        low=low,
        high=high,
        n=found.n,
        n_planned=len(trials),
        seeds=seeds,
        published=paper.value if paper else None,
    )


def draw_rounds_curve(info: RoundsCurveInfo) -> Figure:
    """Draw F1, precision and recall against K side by side."""
    with mpl.rc_context(STYLE):
        notes = _footnotes(info)
        figure = new_figure(10, 4.3 + 0.17 * len(notes), constrained=False)
        _, height = figure.get_size_inches()
        all_axes = figure.subplots(1, len(info.panels), sharey=True)
        bottom = (0.62 + 0.17 * len(notes)) / height
        figure.subplots_adjust(
            left=0.06, right=0.988, top=1 - 1.22 / height, bottom=bottom, wspace=0.07
        )
        for axes, panel in zip(all_axes, info.panels, strict=True):
            _draw_panel(axes, panel)
        all_axes[0].set_ylabel("points")
        drawn = any(p.n or p.published is not None for _, p in info.points)
        ticks = MaxNLocator(nbins=7, steps=[1, 2, 5, 10]) if drawn else NullLocator()
        all_axes[0].yaxis.set_major_locator(ticks)
        _draw_head(figure, info, height)
        for line, note in enumerate(reversed(notes)):
            figure.text(0.012, (0.1 + 0.17 * line) / height, note, fontsize=7.5, color=FAINT)
    return figure


def draw_axes(frame: pd.DataFrame, metric: str = "f1", axes: Axes | None = None) -> Axes:
    """Draw one metric against K on axes that can be drawn on further.

    Args:
        frame: As for :func:`rounds_curve_info`.
        metric: ``f1``, ``precision`` or ``recall``.
        axes: Where to draw; a new figure of pyplot when ``None``.

    Raises:
        ValueError: The arms are not a curve, or there is no such metric.
    """
    if metric not in METRICS:
        raise ValueError(f"metric {metric!r}: no such curve; {suggestion(metric, METRICS)}")
    info = rounds_curve_info(frame)
    panel = next(panel for panel in info.panels if panel.metric == metric)
    with mpl.rc_context(STYLE):
        if axes is None:
            from matplotlib import pyplot  # chooses how a notebook or a window shows it

            axes = pyplot.subplots(figsize=(6, 3.8), layout="constrained")[1]
        _draw_panel(axes, panel)
        axes.set_title(f"Test {METRICS[metric]} on {info.corpus}, {seed_count(info)}", loc="left")
        axes.set_ylabel("points")
        axes.legend(handles=_legend_handles(info), frameon=False, fontsize=8)
    return axes


def _draw_panel(axes: Axes, panel: Panel) -> None:
    last = max(p.rounds for curve in panel.curves for p in curve.points)
    axes.set_title(METRICS[panel.metric], loc="left", fontsize=10, fontweight="bold", pad=7)
    axes.set_xlabel("updating rounds K", labelpad=3)
    axes.set_xticks(range(last + 1))
    axes.set_xlim(-0.4, last + 0.4)
    if base := panel.baseline:
        if base.n:
            axes.axhline(base.mean, color=GREY, linestyle=DASHES, linewidth=1.2)
        if math.isfinite(base.low):
            axes.axhspan(base.low, base.high, color=GREY, alpha=0.11, linewidth=0)
        _draw_points(axes, (base,), GREY, shift=-0.14)
    for curve in panel.curves:
        _draw_curve(axes, curve)
    axes.margins(y=0.08)


def _draw_curve(axes: Axes, curve: Curve) -> None:
    colour = _colour(curve.cell)
    rounds = [p.rounds for p in curve.points]
    # Dotted to and from a point with missing seeds, because its mean may still change.
    axes.plot(rounds, [p.mean for p in curve.points], ":", color=colour, linewidth=1.2, zorder=3)
    whole = [p.mean if p.complete else math.nan for p in curve.points]
    axes.plot(rounds, whole, color=colour, linewidth=1.8, zorder=4)
    low, high = [p.low for p in curve.points], [p.high for p in curve.points]
    axes.fill_between(rounds, low, high, color=colour, alpha=0.15, linewidth=0, zorder=2)
    for before, point, after in zip(
        [math.nan, *low[:-1]], curve.points, [*low[1:], math.nan], strict=True
    ):
        # Without a neighbour that has a CI there is no band, so the CI is drawn as a bar.
        if math.isnan(before) and math.isnan(after):
            axes.vlines(point.rounds, point.low, point.high, color=colour, alpha=0.5, linewidth=4)
    _draw_points(axes, curve.points, colour, shift=_SHIFTS.get(curve.cell, 0.0))


def _draw_points(axes: Axes, points: Iterable[Point], colour: str, shift: float) -> None:
    """Draw means (hollow if seeds are missing), single seeds and the paper's scores."""
    for point in points:
        if point.n > 1:
            at = [point.rounds + shift] * point.n
            axes.plot(at, point.seeds, ".", color=colour, alpha=0.45, ms=5, mew=0, zorder=3)
        if point.n:
            face = colour if point.complete else "white"
            axes.plot(point.rounds, point.mean, "o", color=colour, mfc=face, ms=5.5, zorder=5)
        if point.published is not None:
            axes.plot(point.rounds, point.published, **_PAPER_MARKER, zorder=6)


_PAPER_MARKER: dict[str, Any] = {
    "marker": "D",
    "markersize": 7.5,
    "markerfacecolor": "none",
    "markeredgecolor": INK,
    "markeredgewidth": 1.2,
    "linestyle": "none",
}


def _colour(cell: str) -> str:
    return _COLOURS.get(cell, PURPLE)


def _draw_head(figure: Figure, info: RoundsCurveInfo, height: float) -> None:
    title = f"Test scores against updating rounds K on {info.corpus}, {seed_count(info)}"
    figure.text(0.012, 1 - 0.3 / height, title, fontsize=13, fontweight="bold")
    scored = {
        "": "averaged weights",
        "dev": "epoch chosen on dev",
        "test": "epoch chosen on TEST, which inflates the scores",
    }
    subtitle = f"Test split, {scored[info.selection]}"
    if any(math.isfinite(p.low) for _, p in info.points):
        subtitle += "; mean over seeds, with a 95 % CI from these seeds alone"
    figure.text(0.012, 1 - 0.53 / height, subtitle, fontsize=9.5, color=FAINT)
    figure.legend(
        handles=_legend_handles(info),
        loc="upper left",
        bbox_to_anchor=(0.006, 1 - 0.58 / height),
        ncols=8,
        frameon=False,
        handlelength=2.7,
        columnspacing=1.5,
        handletextpad=0.6,
        fontsize=9,
    )


def seed_count(info: RoundsCurveInfo) -> str:
    """Return how many seeds the points have: ``5 seeds``, ``0–5 of 5 seeds``."""
    finished = sorted({p.n for _, p in info.points})
    planned = max(p.n_planned for _, p in info.points)
    if not any(finished):
        return "no finished seed yet"
    few, most = finished[0], finished[-1]
    if few == most == planned:
        return plural(planned, "seed")
    return (f"{few}" if few == most else f"{few}–{most}") + f" of {plural(planned, 'seed')}"


def _legend_handles(info: RoundsCurveInfo) -> list[Line2D | Patch]:
    """Return the legend entries of what this figure shows."""
    handles: list[Line2D | Patch] = []
    for curve in info.panels[0].curves:
        if not any(p.n or p.published is not None for p in curve.points):
            continue
        colour, label = _colour(curve.cell), f"RIN ({curve.cell.upper()})"
        handles.append(Line2D([], [], color=colour, lw=1.8, marker="o", ms=5.5, label=label))
    points = [p for _, p in info.points]
    if info.panels[0].baseline:
        subscripted = info.baseline.replace("_s", "$_\\mathrm{s}$")
        style: dict[str, Any] = {"color": GREY, "linestyle": DASHES, "lw": 1.2}
        handles.append(Line2D([], [], marker="o", ms=5.5, label=f"{subscripted} (K = 0)", **style))
    if any(p.published is not None for p in points):
        handles.append(Line2D([], [], label="the paper, Table 1", **_PAPER_MARKER))
    if any(math.isfinite(p.low) for p in points):
        handles.append(Patch(color=FAINT, alpha=0.2, lw=0, label="95 % CI"))
    if any(p.n > 1 for p in points):
        dot: dict[str, Any] = {"marker": ".", "ms": 7, "mew": 0, "ls": "none", "alpha": 0.6}
        handles.append(Line2D([], [], color=FAINT, label="one seed", **dot))
    if any(0 < p.n < p.n_planned for p in points):
        hollow: dict[str, Any] = {"marker": "o", "ms": 5.5, "mfc": "white", "ls": "none"}
        handles.append(Line2D([], [], color=FAINT, label="seeds missing", **hollow))
    return handles


def _footnotes(info: RoundsCurveInfo) -> list[str]:
    """Return the lines below the panels: missing seeds and settings."""
    partial = [(c, p) for c, p in info.points if 0 < p.n < p.n_planned]
    empty = [(c, p) for c, p in info.points if p.n == 0]
    notes = []
    if partial:
        notes.append("Seeds finished so far: " + _listed(partial, counts=True))
    if empty:
        notes.append("No finished seed: " + _listed(empty, counts=False))
    if info.settings:
        notes.append(f"Settings: {settings_text(info.settings)}")
    return [line for note in notes for line in textwrap.wrap(note, 150)]


def _listed(points: Iterable[tuple[str, Point]], counts: bool) -> str:
    """Return ``GRU K = 4 (2/5), 6 (1/5); RNN K = 2 (3/5)``."""
    by_cell: dict[str, list[str]] = {}
    for cell, p in points:
        count = f" ({p.n}/{p.n_planned})" if counts else ""
        by_cell.setdefault(cell, []).append(f"{p.rounds}{count}")
    return "; ".join(
        f"{'' if c == 'none' else c.upper() + ' '}K = {', '.join(k)}" for c, k in by_cell.items()
    )
