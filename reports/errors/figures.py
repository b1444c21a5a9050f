"""Figures of the error analysis: types of errors, F1 by group, what interaction changes.

As in :mod:`reports.figures.rounds_curve`, a function makes an immutable description of a figure and
another draws it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.document.style import (
    AXIS,
    DASHES,
    GREEN,
    GREY,
    ORANGE,
    PALETTE,
    PURPLE,
    STYLE,
    VERMILION,
    new_figure,
)
from reports.errors.changes import (
    arms_with_predictions,
    comparisons,
    mean_changes,
    runs_with_predictions,
)
from reports.errors.error_types import UNREACHABLE, ErrorType, count_outcomes, count_wrong
from reports.errors.score_tables import slice_scores
from reports.errors.slices import by_distance, by_length
from reports.frames.predictions import SentenceCounts
from reports.frames.select import arm_label, of_arm
from reports.stats.tests import f1

_TYPE_COLOURS = {
    ErrorType.RELATION: VERMILION,
    ErrorType.REVERSED: PURPLE,
    ErrorType.ARGUMENT: ORANGE,
    ErrorType.UNRELATED: GREY,
    UNREACHABLE: AXIS,
}
#: Most lines in a panel: more cannot be told apart.
MOST_LINES = len(PALETTE)


def make_panels(
    width: float, height: float, count: int, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels side by side."""
    with mpl.rc_context(STYLE):
        figure = new_figure(width, height)
        axes = figure.subplots(1, count, sharey=sharey, squeeze=False)
        return figure, list(axes[0])


def set_title(axes: Axes, title: str) -> None:
    """Write the title of a panel."""
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")


def _show_bars(axes: Axes, labels: Sequence[str]) -> None:
    """Label horizontal bars from the top and draw a grid across them."""
    axes.set_yticks(np.arange(len(labels)), labels)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")


def _add_legend(figure: Figure, axes: Axes, columns: int) -> None:
    handles, names = axes.get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=columns, frameon=False, fontsize=8
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TypesInfo:
    """Mean missed and wrong triples of a run by error type, for each arm."""

    arms: tuple[str, ...]
    missed: tuple[tuple[str, tuple[float, ...]], ...]
    """Error type, and a value for each arm."""
    wrong: tuple[tuple[str, tuple[float, ...]], ...]


def types_info(frame: pd.DataFrame, counts: SentenceCounts) -> TypesInfo:
    """Describe the figure of error types."""
    arms = [of_arm(frame, arm) for arm in arms_with_predictions(frame, counts)]
    runs = [runs_with_predictions(trials, counts) for trials in arms]

    def means(by_run: dict[str, Counter[str]]) -> tuple[tuple[str, tuple[float, ...]], ...]:
        rows = [
            (name, tuple(float(np.mean([by_run[run][name] for run in names])) for names in runs))
            for name in (*map(str, ErrorType), UNREACHABLE)
        ]
        return tuple((name, values) for name, values in rows if any(values))

    return TypesInfo(
        arms=tuple(map(arm_label, arms)),
        missed=means({n: count_outcomes(counts.sentences, a) for n, a in counts.answers.items()}),
        wrong=means({n: count_wrong(a) for n, a in counts.answers.items()}),
    )


def draw_types(info: TypesInfo) -> Figure:
    """Draw missed and wrong triples side by side, a bar for each arm."""
    figure, panels = make_panels(9.6, 1.35 + 0.27 * len(info.arms), 2)
    with mpl.rc_context(STYLE):
        for axes, title, parts in zip(
            panels, ("Missed", "Wrong"), (info.missed, info.wrong), strict=True
        ):
            left = np.zeros(len(info.arms))
            for name, values in parts:
                colour = _TYPE_COLOURS[name]
                axes.barh(
                    np.arange(len(left)), values, left=left, height=0.68, color=colour, label=name
                )
                left = left + np.array(values)
            _show_bars(axes, info.arms)
            set_title(axes, f"{title} triples per run")
        panels[1].set_yticklabels([])
        _add_legend(figure, panels[0], 5)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesInfo:
    """Mean F1 by group of a slicing, in points; a line for each arm."""

    title: str
    groups: tuple[str, ...]
    lines: tuple[tuple[str, tuple[float, ...]], ...]


def lines_info(frame: pd.DataFrame, counts: SentenceCounts) -> tuple[LinesInfo, ...]:
    """Describe the figure of F1 by length and by distance.

    The first :data:`MOST_LINES` arms are drawn; the tables have all of them.
    """
    arms = arms_with_predictions(frame, counts)[:MOST_LINES]
    groups = {arm: of_arm(frame, arm) for arm in arms}
    infos = []
    for slicing in (by_length(), by_distance()):
        found, gold = slice_scores(slicing, groups, counts)
        kept = [k for k, count in enumerate(gold) if count]
        lines = []
        for arm, arrays in found.items():
            means = tuple(float(np.mean([f1(array[k]) for array in arrays])) for k in kept)
            lines.append((arm_label(groups[arm]), means))
        names = tuple(f"{slicing.groups[k]}\n({gold[k]})" for k in kept)
        infos.append(LinesInfo(title=f"F1 by {slicing.title}", groups=names, lines=tuple(lines)))
    return tuple(infos)


def draw_lines(infos: Sequence[LinesInfo]) -> Figure:
    """Draw the panels of :func:`lines_info` side by side."""
    figure, panels = make_panels(9.6, 3.9, len(infos), sharey=True)
    with mpl.rc_context(STYLE):
        for axes, info in zip(panels, infos, strict=True):
            positions = range(len(info.groups))
            for colour, (label, values) in zip(PALETTE, info.lines, strict=False):
                axes.plot(positions, values, "o-", color=colour, ms=4, lw=1.6, label=label)
            axes.set_xticks(list(positions), info.groups)
            set_title(axes, info.title)
        panels[0].set_ylabel("test F1")
        lines = len(infos[0].lines)
        _add_legend(figure, panels[0], 3 if lines > 4 else lines)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesInfo:
    """Mean gold triples fixed and broken by each comparison of arms, and between seeds."""

    comparisons: tuple[tuple[str, float, float], ...]
    """Label, fixed, broken."""
    same_arm: float | None
    """Gold triples that another seed fixes, and breaks, mean over arms; None with one seed."""


def changes_info(frame: pd.DataFrame, counts: SentenceCounts) -> ChangesInfo:
    """Describe the figure of what interaction fixes and breaks."""
    found, same_arm = [], []
    for comparison in comparisons(frame, counts):
        means = mean_changes(comparison, counts)
        if comparison.same_arm:
            same_arm.append(means["fixed"])
        else:
            found.append((comparison.label, means["fixed"], means["broke"]))
    return ChangesInfo(
        comparisons=tuple(found), same_arm=float(np.mean(same_arm)) if same_arm else None
    )


def draw_changes(info: ChangesInfo) -> Figure:
    """Draw fixed triples to the right, broken ones to the left, and those of another seed."""
    # A long label is written on two lines, so that the bars have room.
    labels = [
        label.replace(" → ", "\n→ ") if len(label) > 60 else label
        for label, _, _ in info.comparisons
    ]
    fixed = [fixed for _, fixed, _ in info.comparisons]
    broken = [-broken for _, _, broken in info.comparisons]
    lines = sum(label.count("\n") + 1 for label in labels)
    figure, (axes,) = make_panels(9.6, 1.1 + 0.27 * lines, 1)
    with mpl.rc_context(STYLE):
        positions = np.arange(len(labels))
        axes.barh(positions, fixed, color=GREEN, height=0.6, label="fixed")
        axes.barh(positions, broken, color=VERMILION, height=0.6, label="broken")
        axes.axvline(0, color=GREY, linewidth=0.8)
        if info.same_arm is not None:
            for side, label in ((-1, "another seed, mean"), (1, None)):
                x = side * info.same_arm
                axes.axvline(x, color=GREY, linestyle=DASHES, linewidth=1.1, label=label)
        _show_bars(axes, labels)
        axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        axes.set_xlabel("gold triples of test per pair of runs")
        _add_legend(figure, axes, 3)
    return figure
