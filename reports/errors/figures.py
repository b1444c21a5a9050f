"""Error analysis as figures: what errors are, where they lie, what rounds change.

As in :mod:`reports.figures.rounds_curve`: data to an immutable description, description to drawing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports.document.style import (
    AXIS,
    DASHES,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALETTE,
    PURPLE,
    STYLE,
    VERMILION,
)
from reports.errors.cuts import by_distance, by_length
from reports.errors.kinds import UNREACHABLE, Likeness, fates, inventions
from reports.errors.rounds import answered, sizes, steps
from reports.errors.tables import arm_runs, cut_scores
from reports.frames.predictions import Answer, SentenceCounts
from reports.frames.select import arm_label, of_arm
from reports.stats.tests import f1

_KINDS = {
    Likeness.RELATION: VERMILION,
    Likeness.REVERSED: PURPLE,
    Likeness.ARGUMENT: ORANGE,
    Likeness.NOTHING: GREY,
    UNREACHABLE: AXIS,
}
#: Most relations on an axis of the matrix.
MOST_IN_MATRIX = 12
#: Most lines in a panel: more cannot be told apart.
MOST_LINES = len(PALETTE)
# Neither is in a page's theme: white on full blue is read in the light and in the dark.
_HEAT, _ON_HEAT = "#0072B3", "#FEFEFE"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindsInfo:
    """Mean missed and wrong triples of a run, by kind, for each arm."""

    arms: tuple[str, ...]
    missed: tuple[tuple[str, tuple[float, ...]], ...]
    """Kind, and a value for each arm."""
    wrong: tuple[tuple[str, tuple[float, ...]], ...]


def kinds_info(frame: pd.DataFrame, counts: SentenceCounts) -> KindsInfo:
    """Describe the figure of kinds of error."""
    arms = answered(frame, counts)
    runs = [arm_runs(of_arm(frame, arm), counts) for arm in arms]
    missed = {n: fates(counts.sentences, a) for n, a in counts.answers.items()}
    wrong = {n: inventions(a) for n, a in counts.answers.items()}

    def means(every: dict[str, Counter[str]], kind: str) -> tuple[float, ...]:
        return tuple(float(np.mean([every[name][kind] for name in names])) for names in runs)

    kinds = (*map(str, Likeness), UNREACHABLE)
    return KindsInfo(
        arms=tuple(arm_label(of_arm(frame, arm)) for arm in arms),
        missed=tuple((k, means(missed, k)) for k in kinds if any(means(missed, k))),
        wrong=tuple((k, means(wrong, k)) for k in kinds if any(means(wrong, k))),
    )


def draw_kinds(info: KindsInfo) -> Figure:
    """Draw missed and wrong triples side by side, a bar for each arm."""
    figure, panels = _canvas(9.6, 1.35 + 0.27 * len(info.arms), 2)
    with mpl.rc_context(STYLE):
        for axes, title, parts in zip(
            panels, ("Missed", "Wrong"), (info.missed, info.wrong), strict=True
        ):
            _stack(axes, info.arms, parts)
            axes.set_title(f"{title} triples by run", loc="left", fontsize=10, fontweight="bold")
        panels[1].set_yticklabels([])
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(
            handles, names, loc="outside lower center", ncols=5, frameon=False, fontsize=8
        )
    return figure


def _stack(axes: Axes, arms: Sequence[str], parts: Sequence[tuple[str, tuple[float, ...]]]) -> None:
    places = np.arange(len(arms))
    lefts = accumulate((np.array(values) for _, values in parts), initial=np.zeros(len(arms)))
    for (kind, values), left in zip(parts, lefts, strict=False):
        axes.barh(places, values, left=left, height=0.68, color=_KINDS[kind], label=kind)
    axes.set_yticks(places, arms)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesInfo:
    """Mean F1 by group of a cut, in points; a line for each arm."""

    title: str
    groups: tuple[str, ...]
    lines: tuple[tuple[str, tuple[float, ...]], ...]


def lines_info(frame: pd.DataFrame, counts: SentenceCounts) -> tuple[LinesInfo, ...]:
    """Describe the figure of F1 by length and by distance.

    The first :data:`MOST_LINES` arms are drawn; the tables have all of them.
    """
    groups = {arm: of_arm(frame, arm) for arm in answered(frame, counts)[:MOST_LINES]}
    infos = []
    for cut in (by_length(), by_distance()):
        found, gold = cut_scores(cut, groups, counts)
        kept = [k for k, count in enumerate(gold) if count]
        names = tuple(f"{cut.groups[k]}\n({gold[k]})" for k in kept)
        lines = tuple(
            (
                arm_label(groups[arm]),
                tuple(float(np.mean([f1(array[k]) for array in arrays])) for k in kept),
            )
            for arm, arrays in found.items()
        )
        infos.append(LinesInfo(title=f"F1 by {cut.title}", groups=names, lines=lines))
    return tuple(infos)


def draw_lines(infos: Sequence[LinesInfo]) -> Figure:
    """Draw the panels of :func:`lines_info` side by side."""
    figure, panels = _canvas(9.6, 3.9, len(infos), sharey=True)
    with mpl.rc_context(STYLE):
        for axes, info in zip(panels, infos, strict=True):
            places = range(len(info.groups))
            for colour, (label, values) in zip(PALETTE, info.lines, strict=False):
                axes.plot(places, values, "o-", color=colour, ms=4, lw=1.6, label=label)
            axes.set_xticks(list(places), info.groups)
            axes.set_title(info.title, loc="left", fontsize=10, fontweight="bold")
        panels[0].set_ylabel("test F1, points")
        handles, names = panels[0].get_legend_handles_labels()
        columns = 3 if len(names) > 4 else len(names)
        figure.legend(
            handles, names, loc="outside lower center", ncols=columns, frameon=False, fontsize=8
        )
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesInfo:
    """Mean gold triples fixed and broken by each step, and what another seed does."""

    steps: tuple[tuple[str, float, float], ...]
    """Label, fixed, broke."""
    chance: float | None
    """Gold triples that another seed fixes, and breaks, mean over arms; None with one seed."""


def changes_info(frame: pd.DataFrame, counts: SentenceCounts) -> ChangesInfo:
    """Describe the figure of what interaction fixed and broke."""
    found = [(step, sizes(step, counts)) for step in steps(frame, counts)]
    chance = [own["fixed"].mean for step, own in found if step.chance]
    return ChangesInfo(
        steps=tuple(
            (step.label, own["fixed"].mean, own["broke"].mean)
            for step, own in found
            if not step.chance
        ),
        chance=float(np.mean(chance)) if chance else None,
    )


def draw_changes(info: ChangesInfo) -> Figure:
    """Draw fixed to the right and broken to the left, with the width of chance behind them."""
    labels = [_broken(label) for label, _, _ in info.steps]
    lines = sum(label.count("\n") + 1 for label in labels)
    figure, (axes,) = _canvas(9.6, 1.1 + 0.27 * lines, 1)
    with mpl.rc_context(STYLE):
        places = np.arange(len(info.steps))
        axes.barh(places, [s[1] for s in info.steps], color=GREEN, height=0.6, label="fixed")
        axes.barh(places, [-s[2] for s in info.steps], color=VERMILION, height=0.6, label="broke")
        axes.axvline(0, color=GREY, linewidth=0.8)
        if info.chance is not None:
            label = "another seed, mean"
            for side in (-1, 1):
                axes.axvline(side * info.chance, color=GREY, linestyle=DASHES, lw=1.1, label=label)
                label = "_"
        axes.set_yticks(places, labels)
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.set_xlabel("gold triples of test by pair of runs")
        figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def _broken(label: str) -> str:
    """Break a long step in two lines, which leaves the bars their room."""
    return label.replace(" → ", "\n→ ") if len(label) > 60 else label


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixInfo:
    """What one arm says of the words of gold triples: shares of each relation's gold triples."""

    label: str
    relations: tuple[str, ...]
    """Those with most gold triples, rows."""
    shares: tuple[tuple[float, ...], ...]
    """A row for each relation: a column for each of them, then ``another`` and ``nothing``."""
    gold: tuple[int, ...]


def matrix_info(frame: pd.DataFrame, counts: SentenceCounts, arm: str) -> MatrixInfo:
    """Describe the matrix of gold relations and what an arm says of the same two words.

    A pair of words of several gold relations counts once for each; what is said of it and
    right for another of them is no confusion.
    """
    trials = of_arm(frame, arm)
    runs = [counts.answers[name] for name in arm_runs(trials, counts)]
    gold = Counter(fact[1] for answer in runs[0] for fact in answer.gold)
    most = sorted(gold, key=lambda relation: (-gold[relation], relation))[:MOST_IN_MATRIX]
    columns = {relation: k for k, relation in enumerate(most)}
    sums = np.zeros((len(most), len(most) + 2))
    for answer in (answer for run in runs for answer in run):
        _add(sums, columns, answer)
    shares = sums / np.maximum(sums.sum(axis=1, keepdims=True), 1)
    return MatrixInfo(
        label=arm_label(trials),
        relations=tuple(most),
        shares=tuple(tuple(map(float, row)) for row in shares),
        gold=tuple(gold[relation] for relation in most),
    )


def _add(
    sums: np.ndarray[tuple[int, ...], np.dtype[np.float64]], columns: dict[str, int], answer: Answer
) -> None:
    # In order, because sums of fractions depend on it, and a set's order on the process.
    wrong = sorted(answer.said - answer.gold)
    another, nothing = len(columns), len(columns) + 1
    for fact in sorted(answer.gold):
        if fact[1] not in columns:
            continue
        instead = [f[1] for f in wrong if (f[0], f[2]) == (fact[0], fact[2])]
        if fact in answer.said:
            sums[columns[fact[1]], columns[fact[1]]] += 1
        elif not instead:
            sums[columns[fact[1]], nothing] += 1
        else:
            for relation in instead:
                sums[columns[fact[1]], columns.get(relation, another)] += 1 / len(instead)


def draw_matrix(info: MatrixInfo) -> Figure:
    """Draw the matrix with its shares in per cent."""
    names = [f"{name} ({n})" for name, n in zip(info.relations, info.gold, strict=True)]
    figure, (axes,) = _canvas(9.6, 1.9 + 0.33 * len(names), 1)
    with mpl.rc_context(STYLE):
        shares = np.array(info.shares)
        for (row, column), share in np.ndenumerate(shares):
            if share >= 0.005:
                _draw_share(axes, row, column, share)
        columns = [*info.relations, "another", "nothing"]
        axes.set_xticks(range(len(columns)), columns, rotation=35, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(names) - 0.5, -0.5))
        axes.grid(visible=False)
        axes.set(ylabel="gold relation (triples)", xlabel="said of the same two words")
        title = f"What {info.label} says of the words of gold triples, % of each row"
        axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
    return figure


def _draw_share(axes: Axes, row: int, column: int, share: float) -> None:
    """Draw one cell of the matrix, the fuller the larger its share."""
    # Full colour under less of it, and not a mixture with white: it suits a dark page too.
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, color=_HEAT, alpha=share, lw=0))
    ink = _ON_HEAT if share > 0.55 else INK
    axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8, color=ink)


def _canvas(
    width: float, height: float, panels: int, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, panels, sharey=sharey, squeeze=False)
        return figure, list(axes[0])
