"""The Pareto front of a search: dev F1 against what a trial costs.

As in :mod:`reports.figures.rounds_curve`, data becomes an immutable description, which is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from reports.document.style import INK, STYLE, line_colours, new_axes
from reports.figures.search import SHOWN
from reports.figures.trials import draw_legend
from reports.frames.races import confirmed_trial
from reports.frames.searches import SearchData, ranked

#: Settings of a front so many points below the best are of little use, and are left out.
FAR = 3 * SHOWN
#: From this ratio of the largest to the smallest cost on, the axis is logarithmic.
_LOG = 20

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmFront:
    """The finished trials of one arm: cost, and dev F1 in points."""

    label: str
    front: tuple[Point, ...]
    """The cheapest first."""
    dominated: tuple[Point, ...]
    fresh: tuple[Point, ...]
    """Mean dev F1 on fresh seeds, at the cost in the search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontInfo:
    """The fronts of all arms."""

    cost: str
    """What is minimised."""
    arms: tuple[ArmFront, ...]

    @property
    def finding(self) -> str:
        """Return what the last points of dev F1 cost, in each arm with more than one setting."""
        texts = []
        for arm in self.arms:
            if len(arm.front) > 1:
                (low, low_f1), (high, high_f1) = arm.front[0], arm.front[-1]
                cost = f"{short_number(low)} to {short_number(high)} {self.cost}"
                texts.append(f"{arm.label}: {cost} for {low_f1:.1f} to {high_f1:.1f} dev F1.")
        return " ".join(texts) or "Each arm has a single best setting."

    @property
    def floor(self) -> float:
        """Return the lowest dev F1 that is shown: that of a front, unless it is far below."""
        found = [f1 for arm in self.arms for _, f1 in arm.front]
        return max(min(found) - 1, max(found) - FAR)

    @property
    def hidden(self) -> int:
        """Return how many settings of a front are too low to be shown."""
        return sum(f1 < self.floor for arm in self.arms for _, f1 in arm.front)


def front_info(data: SearchData) -> FrontInfo | None:
    """Describe the fronts; ``None`` with one objective, or if no trial has learned anything."""
    if data.cost is None:
        return None
    learned = ranked(data.trials)
    if learned.empty:
        return None
    arms = []
    for arm, label in data.arms.items():
        own = learned[learned["arm"] == arm].sort_values(data.cost_column)
        costs = dict(zip(own["trial"], own[data.cost_column], strict=True))
        points = list(zip(own[data.cost_column], 100 * own["dev_f1"], own["front"], strict=True))
        fresh = _fresh(data, arm, own["trial"].tolist())
        arms.append(
            ArmFront(
                label=label,
                front=tuple((cost, f1) for cost, f1, best in points if best),
                dominated=tuple((cost, f1) for cost, f1, best in points if not best),
                fresh=tuple((costs[trial], 100 * mean) for trial, mean in fresh.items()),
            )
        )
    return FrontInfo(cost=data.cost, arms=tuple(arms))


def _fresh(data: SearchData, arm: str, trials: Sequence[int]) -> dict[int, float]:
    """Return the mean dev F1 on fresh seeds of the trials that ran there."""
    if data.confirmed is None:
        return {}
    runs = {trial: confirmed_trial(data.confirmed, arm, trial) for trial in trials}
    return {trial: float(own["dev_f1"].mean()) for trial, own in runs.items() if len(own)}


def draw_front(info: FrontInfo) -> Figure:
    """Draw every finished trial, and a line through the front of each arm."""
    colours = line_colours(info.arms)
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(5.2, 3.3)
        costs = [cost for arm in info.arms for cost, _ in (*arm.front, *arm.dominated)]
        if min(costs) > 0 and max(costs) / min(costs) > _LOG:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_formatter(NullFormatter())
        else:
            axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
        for colour, arm in zip(colours, info.arms, strict=True):
            shown = [(x, y) for x, y in arm.dominated if y >= info.floor]
            if shown:
                x, y = zip(*shown, strict=True)
                axes.scatter(x, y, s=14, facecolors="none", edgecolors=colour)
            if arm.front:
                x, y = zip(*arm.front, strict=True)
                axes.step(x, y, where="post", color=colour, linewidth=1.6)
                axes.scatter(x, y, s=26, color=colour, zorder=3)
            if arm.fresh:
                x, y = zip(*arm.fresh, strict=True)
                diamond: dict[str, Any] = {"marker": "D", "edgecolors": INK, "linewidths": 0.8}
                axes.scatter(x, y, s=34, color=colour, zorder=4, **diamond)
        axes.set_ylim(bottom=info.floor)
        axes.set(xlabel=COST_LABELS[info.cost], ylabel="dev F1, points")
        draw_legend(figure, [arm.label for arm in info.arms], colours)
    return figure


#: Of the axis.
COST_LABELS = {"seconds": "training time, seconds", "parameters": "trained parameters"}


def short_number(value: float) -> str:
    """Return a number in thousands or millions."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
