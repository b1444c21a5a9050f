"""The trials of a search: its history, the importance of its parameters, parallel coordinates.

As in :mod:`reports.figures.rounds_curve`, data becomes an immutable description, which is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.document.style import (
    AXIS,
    FAINT,
    GREY,
    INK,
    PAPER,
    STYLE,
    line_colours,
    new_axes,
)
from reports.figures.search import HALF, SHOWN
from reports.frames.searches import SearchData, judged_trials, ranked
from study.ledger.importance import ArmImportance
from study.ledger.state import TrialState

_WHOLE = 7.4
#: Largest share of an axis; what chance gives may be more, and is then drawn there.
_WIDEST = 1.1
#: Where a trial is on the axis of a parameter that it does not have: below the axis, 0 to 1.
_ABSENT = -0.14


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The trials of one arm in their order."""

    label: str
    trials: tuple[tuple[int, float, bool], ...]
    """Number from 1, dev F1 in points, and whether the trial finished."""
    best: tuple[tuple[int, float], ...]
    """Number and the best dev F1 of finished trials so far, from the first of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryInfo:
    """The history of every arm."""

    arms: tuple[History, ...]
    floor: float
    """Lowest dev F1 that is shown, in points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One vertical axis of parallel coordinates."""

    name: str
    ticks: tuple[tuple[float, str], ...]
    """Place from 0 to 1, and text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Polyline:
    """One trial on all axes."""

    arm: int
    places: tuple[float, ...]
    """From 0 to 1, dev F1 last; :data:`_ABSENT` for a parameter that the trial does not have."""
    finished: bool
    best: bool
    """Whether the trial is the best of its arm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelInfo:
    """Parameters and dev F1 of every trial."""

    labels: tuple[str, ...]
    """Of the arms."""
    scales: tuple[Scale, ...]
    lines: tuple[Polyline, ...]


def history_info(data: SearchData) -> HistoryInfo | None:
    """Describe the history of a search; ``None`` if no trial has a score."""
    judged = judged_trials(data.trials)
    if judged.empty:
        return None
    arms = []
    for arm, label in data.arms.items():
        own = judged[judged["arm"] == arm].sort_values("trial")
        numbers, scores = own["trial"] + 1, 100 * own["dev_f1"]
        done = own["state"] == TrialState.FINISHED
        best = accumulate(scores[done], max)
        arms.append(
            History(
                label=label,
                trials=tuple(zip(numbers.tolist(), scores.tolist(), done.tolist(), strict=True)),
                best=tuple(zip(numbers[done].tolist(), best, strict=True)),
            )
        )
    return HistoryInfo(arms=tuple(arms), floor=_floor(judged))


def parallel_info(data: SearchData) -> ParallelInfo | None:
    """Describe parallel coordinates; ``None`` with fewer than two parameters that vary."""
    judged = judged_trials(data.trials)
    varied = [name for name in data.parameters if judged[name].nunique() > 1]
    if len(varied) < 2:
        return None
    best = set(ranked(judged).groupby("arm").head(1).index)
    scaled = {name: _scaled(judged[name], data.parameters[name]["attributes"]) for name in varied}
    places = {name: place for name, (_, place) in scaled.items()}
    floor = _floor(judged)
    arms = list(data.arms)
    lines = [
        Polyline(
            arm=arms.index(trial["arm"]),
            places=(
                *(places[name](trial[name]) for name in varied),
                max(0.0, (100 * float(trial["dev_f1"]) - floor) / SHOWN),
            ),
            finished=trial["state"] == TrialState.FINISHED,
            best=row in best,
        )
        for row, trial in judged.iterrows()
    ]
    scales = [Scale(name=name, ticks=scaled[name][0]) for name in varied]
    ends = Scale(name="dev_F1", ticks=((0.0, f"≤ {floor:.1f}"), (1.0, f"{floor + SHOWN:.1f}")))
    return ParallelInfo(
        labels=tuple(data.arms.values()), scales=(*scales, ends), lines=tuple(lines)
    )


def _floor(judged: pd.DataFrame) -> float:
    return 100 * float(judged["dev_f1"].max()) - SHOWN


def _scaled(
    values: pd.Series, attributes: Mapping[str, Any]
) -> tuple[tuple[tuple[float, str], ...], Callable[[Any], float]]:
    """Return the ticks of a parameter's axis, and where a value is on it."""
    if choices := attributes.get("choices"):
        last = max(len(choices) - 1, 1)
        found = {str(choice): n / last for n, choice in enumerate(choices)}
        ticks = [(place, text) for text, place in found.items()]

        def of_choice(value: Any) -> float:
            return _ABSENT if pd.isna(value) else found[str(value)]

        return _with_absent(values, ticks), of_choice
    scale = math.log if attributes.get("log") else float
    low, high = scale(attributes["low"]), scale(attributes["high"])

    def of_number(value: Any) -> float:
        return _ABSENT if pd.isna(value) else (scale(value) - low) / ((high - low) or 1)

    ticks = [(float(n), f"{attributes[end]:.3g}") for n, end in enumerate(("low", "high"))]
    return _with_absent(values, ticks), of_number


def _with_absent(
    values: pd.Series, ticks: Sequence[tuple[float, str]]
) -> tuple[tuple[float, str], ...]:
    return (*ticks, (_ABSENT, "none")) if values.isna().any() else tuple(ticks)


def draw_history(info: HistoryInfo) -> Figure:
    """Draw every trial and each arm's best so far, near the best. Pruned trials are open."""
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(HALF, 2.7)
        for colour, arm in zip(line_colours(info.arms), info.arms, strict=True):
            for finished, face in ((False, "none"), (True, colour)):
                own = [(n, f1) for n, f1, done in arm.trials if done is finished]
                for marker, part in (
                    ("o", [(n, f1) for n, f1 in own if f1 >= info.floor]),
                    ("v", [(n, info.floor) for n, f1 in own if f1 < info.floor]),
                ):
                    if part:
                        x, y = zip(*part, strict=True)
                        axes.scatter(
                            x,
                            y,
                            s=14,
                            marker=marker,
                            facecolors=face,
                            edgecolors=colour,
                            linewidths=0.8,
                            clip_on=False,
                        )
            if arm.best:
                last = max(n for n, _, _ in arm.trials)
                x, y = zip(*arm.best, (last, arm.best[-1][1]), strict=True)
                axes.step(x, y, where="post", color=colour, linewidth=1.6, label=arm.label)
        axes.set(xlabel="trial", ylabel="dev F1, points")
        axes.set_ylim(info.floor, info.floor + 1.08 * SHOWN)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        draw_legend(figure, [arm.label for arm in info.arms], line_colours(info.arms))
    return figure


def draw_importance(found: Mapping[str, ArmImportance], labels: Mapping[str, str]) -> Figure:
    """Draw a bar for each parameter and arm, and a line at what chance gives.

    Args:
        found: By arm.
        labels: The label of every arm of the search, in its order.
    """
    arms = [arm for arm in labels if arm in found]
    colours = dict(zip(labels, line_colours(labels), strict=True))
    shares: dict[str, list[float]] = {}
    for arm in arms:
        for path, one in found[arm].parameters.items():
            shares.setdefault(path, []).append(one.share)
    order = sorted(shares, key=lambda path: -sum(shares[path]) / len(shares[path]))
    height = 0.8 / len(arms)
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(
            HALF, max(2.0, 0.75 + 0.22 * len(order) * max(1.0, len(arms) / 1.4))
        )
        for place, arm in enumerate(arms):
            for row, path in enumerate(order):
                own = found[arm].parameters.get(path)
                if own is None:
                    continue
                middle = row + (place - (len(arms) - 1) / 2) * height
                axes.barh(middle, own.share, height * 0.86, color=colours[arm])
                half, chance = height * 0.43, min(own.chance, _WIDEST)
                axes.vlines(chance, middle - half, middle + half, color=INK, linewidth=1.4)
        axes.set_yticks(range(len(order)), [path.rpartition(".")[2] for path in order])
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.set_xlabel("share of the importance")
        draw_legend(figure, [labels[arm] for arm in arms], [colours[arm] for arm in arms])
    return figure


def draw_parallel(info: ParallelInfo) -> Figure:
    """Draw a line for each trial: pruned ones grey, the best of each arm bold."""
    colours = line_colours(info.labels)
    across = np.arange(len(info.scales))
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(_WHOLE, 2.9)
        for line in sorted(info.lines, key=lambda line: (line.best, line.finished)):
            colour = colours[line.arm] if line.finished else GREY
            width, alpha = (2.2, 1.0) if line.best else (0.9, 0.55) if line.finished else (0.6, 0.3)
            axes.plot(across, line.places, color=colour, linewidth=width, alpha=alpha)
        for x, scale in enumerate(info.scales):
            axes.axvline(x, color=AXIS, linewidth=0.8, zorder=0)
            for y, text in scale.ticks:
                axes.annotate(
                    text,
                    (x, y),
                    xytext=(3, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=7.5,
                    color=FAINT,
                    bbox={"facecolor": PAPER, "linewidth": 0, "alpha": 0.75, "pad": 0.4},
                )
        names = [scale.name.rpartition(".")[2].replace("_", "\n", 1) for scale in info.scales]
        axes.set_xticks(across, names)
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.set_xlim(-0.1, len(across) - 0.55)
        absent = any(_ABSENT in line.places for line in info.lines)
        axes.set_ylim((_ABSENT if absent else 0) - 0.06, 1.06)
        draw_legend(figure, info.labels, colours)
    return figure


def draw_legend(figure: Figure, labels: Sequence[str], colours: Sequence[str]) -> None:
    """Name the arms, if there are several."""
    if len(labels) > 1:
        handles = [
            Line2D([], [], color=colour, linewidth=2, label=label)
            for label, colour in zip(labels, colours, strict=True)
        ]
        figure.legend(
            handles=handles,
            loc="outside upper left",
            ncols=4,
            frameon=False,
            fontsize=8,
            handlelength=1.2,
            columnspacing=1.2,
            borderpad=0.1,
        )
