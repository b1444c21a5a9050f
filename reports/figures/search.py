"""The figures of a search: dev F1 against each parameter, and the expected best by trials.

As in :mod:`reports.figures.rounds_curve`, data becomes an immutable description, which is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.document.style import (
    FAINT,
    INK,
    PALETTE,
    STYLE,
    line_colours,
    new_axes,
    new_figure,
)
from reports.frames.searches import SearchData, expected_best, judged_trials, ranked
from study.ledger.pruning import GraceEstimate
from study.ledger.state import TrialState

#: Range of dev F1 below the best trial that a figure shows, in points. Lower trials are drawn on
#: its lower edge.
SHOWN = 10.0
#: Width of figures of which two or three fit in a row, in inches.
HALF = 3.4
_WIDTH = 6.4
_GOLDEN = 0.618  # the fractional parts of its multiples spread evenly

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The trials of one arm: value of the parameter, and dev F1 in points."""

    label: str
    finished: tuple[Point, ...]
    pruned: tuple[Point, ...]
    start: Point | None
    """The first trial, with the arm's initial settings, if it has finished."""
    best: Point | None
    """The arm's best trial, if it has the parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Dev F1 against one parameter."""

    name: str
    log: bool
    choices: tuple[str, ...]
    """Choices of a categorical parameter. Trials are at the number of their choice ± 0.25."""
    clouds: tuple[Cloud, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicesInfo:
    """Dev F1 against each parameter of a search."""

    slices: tuple[Slice, ...]
    floor: float
    """Lowest dev F1 of the panels, in points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedInfo:
    """Expected best dev F1 of each arm, in points, by number of trials."""

    curves: tuple[tuple[str, tuple[float, ...]], ...]


def slices_info(data: SearchData) -> SlicesInfo | None:
    """Describe a panel for each parameter that varies; ``None`` if no trial has a score."""
    judged = judged_trials(data.trials)
    slices = tuple(
        _slice(data, judged, name) for name in data.parameters if judged[name].nunique() > 1
    )
    if not slices:
        return None
    return SlicesInfo(slices=slices, floor=100 * float(judged["dev_f1"].max()) - SHOWN)


def _slice(data: SearchData, judged: pd.DataFrame, name: str) -> Slice:
    attributes = data.parameters[name]["attributes"]
    choices = tuple(map(str, attributes.get("choices", ())))
    best = set(ranked(judged).groupby("arm").head(1).index)
    judged = judged[judged[name].notna()]
    values = judged[name].map(str).map(choices.index) if choices else judged[name]
    # Trials with the same choice are spread out, so that they do not overlap.
    aside = (judged["trial"] * _GOLDEN % 1 - 0.5) / 2 if choices else 0.0
    placed = judged.assign(
        x=values.astype("float64") + aside,
        y=100 * judged["dev_f1"],
        best=judged.index.isin(best),
    )
    clouds = tuple(_cloud(placed[placed["arm"] == arm], label) for arm, label in data.arms.items())
    log = bool(attributes.get("log", False))
    return Slice(name=name, log=log, choices=choices, clouds=clouds)


def _cloud(placed: pd.DataFrame, label: str) -> Cloud:
    def points(trials: pd.DataFrame) -> tuple[Point, ...]:
        return tuple(zip(trials["x"], trials["y"], strict=True))

    finished = placed[placed["state"] == TrialState.FINISHED]
    return Cloud(
        label=label,
        finished=points(finished),
        pruned=points(placed[placed["state"] == TrialState.PRUNED]),
        start=next(iter(points(finished[finished["trial"] == 0])), None),
        best=next(iter(points(placed[placed["best"]])), None),
    )


def expected_info(data: SearchData) -> ExpectedInfo:
    """Describe the figure of the expected best dev F1."""
    judged = judged_trials(data.trials)
    return ExpectedInfo(
        curves=tuple(
            (label, tuple(100 * expected_best(judged.loc[judged["arm"] == arm, "dev_f1"].tolist())))
            for arm, label in data.arms.items()
            if (judged["arm"] == arm).any()
        )
    )


def draw_slices(info: SlicesInfo) -> Figure:
    """Draw a panel for each parameter, with the trials near the best.

    Finished trials are filled, pruned ones open. A single parameter has a second panel with all
    trials.
    """
    with mpl.rc_context(STYLE):
        if len(info.slices) == 1:
            figure, (near, whole) = _panels(rows=2, columns=1, height=4.6, ratios=[3, 2])
            _draw_slice(near, info.slices[0], info.floor)
            _draw_slice(whole, info.slices[0], None)
            near.set(xlabel="", ylabel="dev F1, points")
            whole.set_ylabel("dev F1, all trials")
        else:
            columns = min(3, len(info.slices))
            rows = math.ceil(len(info.slices) / columns)
            figure, panels = _panels(rows=rows, columns=columns, height=2.1 * rows + 0.6)
            for axes, slice_ in zip(panels, info.slices, strict=False):
                _draw_slice(axes, slice_, info.floor)
            for axes in panels[::columns]:
                axes.set_ylabel("dev F1, points")
            for axes in panels[len(info.slices) :]:
                axes.remove()
        _legend(figure, info)
    return figure


def _panels(
    *, rows: int, columns: int, height: float, ratios: Sequence[float] | None = None
) -> tuple[Figure, list[Axes]]:
    figure = new_figure(_WIDTH, height)
    panels = figure.subplots(rows, columns, squeeze=False, height_ratios=ratios)
    return figure, list(panels.flat)


def _draw_slice(axes: Axes, slice_: Slice, floor: float | None) -> None:
    for colour, cloud in zip(line_colours(slice_.clouds), slice_.clouds, strict=True):
        _draw_cloud(axes, cloud, colour, floor)
    if slice_.log:
        axes.set_xscale("log")
    if slice_.choices:
        axes.set_xticks(range(len(slice_.choices)), slice_.choices)
        axes.set_xlim(-0.5, len(slice_.choices) - 0.5)
    if floor is not None:
        axes.set_ylim(floor, floor + 1.1 * SHOWN)
    axes.set_xlabel(slice_.name.rpartition(".")[2])


def _draw_cloud(axes: Axes, cloud: Cloud, colour: str, floor: float | None) -> None:
    low = -math.inf if floor is None else floor
    for points, face in ((cloud.pruned, "none"), (cloud.finished, colour)):
        shown = [(x, y) for x, y in points if y >= low]
        below = [(x, low) for x, y in points if y < low]
        for marker, part in (("o", shown), ("v", below)):
            if part:
                x, y = zip(*part, strict=True)
                axes.scatter(
                    x, y, s=22, marker=marker, facecolors=face, edgecolors=colour, clip_on=False
                )
    for point, marker, size in ((cloud.start, "D", 34), (cloud.best, "*", 110)):
        if point is not None and point[1] >= low:
            axes.scatter(
                *point, s=size, marker=marker, color=colour, edgecolors=INK, linewidths=0.7
            )


def _legend(figure: Figure, info: SlicesInfo) -> None:
    clouds = info.slices[0].clouds
    arms = [
        _mark(cloud.label, "o", colour, colour)
        for colour, cloud in zip(line_colours(clouds), clouds, strict=True)
    ]
    marks = [
        _mark("pruned", "o", "none", FAINT),
        _mark("below the axis", "v", "none", FAINT),
        _mark("start", "D", FAINT, INK),
        _mark("best", "*", FAINT, INK),
    ]
    figure.legend(
        handles=[*arms, *marks], loc="outside upper center", ncols=3, frameon=False, fontsize=8
    )


def _mark(label: str, marker: str, face: Any, edge: str) -> Line2D:
    size = 10 if marker == "*" else 5
    return Line2D(
        [],
        [],
        linestyle="none",
        label=label,
        marker=marker,
        markersize=size,
        markerfacecolor=face,
        markeredgecolor=edge,
    )


def draw_expected(info: ExpectedInfo) -> Figure:
    """Draw the expected best dev F1, near the best."""
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(HALF, 2.7)
        for colour, (label, values) in zip(line_colours(info.curves), info.curves, strict=True):
            axes.plot(range(1, len(values) + 1), values, color=colour, label=label)
        axes.set(xlabel="trials", ylabel="expected best dev F1, points")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if info.curves:
            best = max(values[-1] for _, values in info.curves)
            axes.set_ylim(bottom=max(axes.get_ylim()[0], best - SHOWN))
            axes.legend(frameon=False, fontsize=8)
    return figure


def draw_grace(measured: GraceEstimate) -> Figure:
    """Draw the correlation of dev F1 with its end by epoch, and where ASHA begins to prune."""
    rows = measured.correlations
    epochs = [row.epoch for row in rows]
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(_WIDTH, 3.8)
        axes.plot(epochs, [row.spearman for row in rows], color=PALETTE[0])
        low, high = [row.low for row in rows], [row.high for row in rows]
        axes.fill_between(epochs, low, high, color=PALETTE[0], alpha=0.15, linewidth=0)
        axes.axhline(measured.threshold, color=FAINT, linewidth=0.8)
        if measured.epoch is not None:
            axes.axvline(measured.epoch, color=INK, linewidth=0.8, linestyle="--")
        axes.set(xlabel="epoch", ylabel="rank correlation with the end", ylim=(-1, 1))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
