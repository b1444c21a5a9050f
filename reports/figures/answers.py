"""The two figures of the first screen: effects with their intervals, and F1 against K.

As in :mod:`reports.figures.rounds_curve`, data becomes an immutable description, which is drawn.
Each figure is drawn for a wide and for a narrow screen, with letters of the same size.
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator

from reports.document.fonts import FONT
from reports.document.formatting import signed
from reports.document.style import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    STYLE,
    VERMILION,
    new_figure,
)
from reports.figures.rounds_curve import Point
from reports.stats.verdicts import DECIDED, Word

#: The name of a mean over corpora, in place of a corpus.
POOLED = "pooled"
#: Colour and marker of each corpus, and of each line of the curve.
_CORPORA = (
    (BLUE, "o"),
    (GREEN, "s"),
    (VERMILION, "^"),
    (PURPLE, "v"),
    (ORANGE, "P"),
    (SKY, "X"),
)
_LINES = ((BLUE, "o"), (VERMILION, "s"), (GREEN, "^"))
_WIDE, _NARROW = 6.6, 3.9
_LABEL_SIZE, _WORD_SIZE = 9, 8
_INK_OF_TEXT: dict[str, Any] = {"color": INK, "fontsize": _LABEL_SIZE}
#: Between the axes and the texts beside them, as a part of the width of the axes.
_GAP = 0.02
#: Heights in inches: of a line of a label, of a mark with its word and of one without, and of the
#: space between rows.
_LINE, _MARK, _NARROW_MARK, _SPACE = 0.145, 0.115, 0.08, 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One difference of a row: ours on one corpus."""

    corpus: str
    value: float
    """In points."""
    low: float
    """Lower end of the 95 % CI; NaN for none."""
    high: float
    word: Word
    published: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRow:
    """One effect on all corpora on which it was run."""

    key: str
    label: str
    marks: tuple[Mark, ...]

    def __str__(self) -> str:
        """Return the row in words, for readers who do not see the figure."""
        texts = (
            f"{signed(mark.value)}{f' on {mark.corpus}' * (mark.corpus != POOLED)} ({mark.word})"
            for mark in self.marks
        )
        return f"{self.label}: {', '.join(texts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectsInfo:
    """The description that :func:`draw_effects` draws."""

    corpora: tuple[str, ...]
    margin: float
    """Differences of at most so many points count as equal."""
    rows: tuple[EffectRow, ...]

    @property
    def finding(self) -> str:
        """Say how many effects are decided."""
        words = [mark.word for row in self.rows for mark in row.marks if mark.corpus != POOLED]
        decided = sum(word in DECIDED for word in words)
        if len(words) == 1:
            return "The effect is decided." if decided else "The effect is not decided."
        return f"{decided} of {len(words)} effects are decided."


def draw_effects(info: EffectsInfo, *, narrow: bool = False) -> Figure:
    """Draw a line for each effect and corpus: the mean difference and its 95 % CI.

    Filled markers are decided effects, diamonds are published differences. Long labels are
    wrapped, and long words make the axes narrower.
    """
    width = _NARROW if narrow else _WIDE
    left, right = (0.02, 0.98) if narrow else (0.385, 0.8)
    room = right - left
    if not narrow:
        words = max(_text_width(_word_text(m), _WORD_SIZE) for row in info.rows for m in row.marks)
        right = min(right, (1 - words / width + _GAP * left) / (1 + _GAP))
        room = left - _GAP * (right - left)
    labels = [_wrapped_label(row.label, room * width) for row in info.rows]
    heights = [
        _row_height(row, label, narrow=narrow) for row, label in zip(info.rows, labels, strict=True)
    ]
    handles = _effect_handles(info)
    columns = 4 if narrow else 6
    second_line = 0.18 * (len(handles) > columns)
    height = 0.85 + second_line + sum(heights)
    with mpl.rc_context(STYLE):
        figure = new_figure(width, height, constrained=False)
        axes = figure.add_axes(
            (left, 0.42 / height, right - left, 1 - (0.76 + second_line) / height)
        )
        axes.axvspan(-info.margin, info.margin, color=GREY, alpha=0.12, linewidth=0)
        axes.axvline(0, color=FAINT, linewidth=1)
        top = 0.0
        for row, label, own in zip(info.rows, labels, heights, strict=True):
            _draw_row(axes, info, row, label, top, own, narrow=narrow)
            top += own
        axes.set_ylim(top + 0.045, -0.045)
        axes.set_yticks([])
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.08)
        axes.set_xlabel("difference in test F1, points", fontsize=8.5, labelpad=2)
        figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=columns,
            frameon=False,
            fontsize=8.5,
            borderpad=0,
            handlelength=1.3 if narrow else 1.6,
            columnspacing=1.0 if narrow else 1.2,
        )
    return figure


def _text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of a line in inches."""
    font = FontProperties(family=FONT, size=size, weight=weight)
    points, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return 1.02 * float(points) / 72  # a browser's own font may be a little wider


def _wrapped_label(label: str, width: float, weight: str = "normal") -> str:
    """Break a label into lines of at most ``width`` inches, if one line is too long."""
    lines, most = [label], len(label)
    while max(_text_width(line, _LABEL_SIZE, weight) for line in lines) > width and most > 1:
        most -= 1
        lines = textwrap.wrap(label, most, break_on_hyphens=False)
    return "\n".join(lines)


def _word_text(mark: Mark) -> str:
    return f"{signed(mark.value)} {mark.word}"


def _row_height(row: EffectRow, label: str, *, narrow: bool) -> float:
    """Return the height of a row in inches: its marks are beside the label, or below it."""
    text = _LINE * (label.count("\n") + 1)
    if narrow:
        return _SPACE + text + _NARROW_MARK * len(row.marks)
    return _SPACE + max(text, _MARK * len(row.marks))


def _draw_row(
    axes: Axes,
    info: EffectsInfo,
    row: EffectRow,
    label: str,
    top: float,
    height: float,
    *,
    narrow: bool,
) -> None:
    """Draw a row of which ``top`` is the upper end, in inches."""
    frame, step = axes.get_yaxis_transform(), _NARROW_MARK if narrow else _MARK
    if narrow:
        y = top + height - _SPACE / 2 - step * len(row.marks)
        axes.text(0, (top + y) / 2, label, transform=frame, va="center", **_INK_OF_TEXT)
    else:
        y = top + (height - step * len(row.marks)) / 2
        beside: dict[str, Any] = {"transform": frame, "va": "center", "ha": "right"}
        axes.text(-_GAP, top + height / 2, label, **beside, **_INK_OF_TEXT)
    y -= step / 2
    for mark in row.marks:
        colour, marker = _CORPORA[info.corpora.index(mark.corpus) % len(_CORPORA)]
        y += step
        if math.isfinite(mark.low):
            axes.plot([mark.low, mark.high], [y, y], color=colour, lw=1.8, solid_capstyle="butt")
        face = colour if mark.word in DECIDED else PAPER
        axes.plot(mark.value, y, marker, color=colour, mfc=face, ms=5.5, mew=1.4, zorder=4)
        if mark.published is not None:
            axes.plot(mark.published, y, "D", mfc=PAPER, mec=INK, ms=5, mew=1.1, zorder=5)
        if not narrow:
            ink: dict[str, Any] = {"color": colour, "fontsize": _WORD_SIZE, "clip_on": False}
            axes.text(1 + _GAP, y, _word_text(mark), transform=frame, va="center", **ink)


def _effect_handles(info: EffectsInfo) -> list[Line2D]:
    handles = [
        Line2D([], [], color=colour, marker=marker, ms=5.5, lw=1.8, label=corpus)
        for corpus, (colour, marker) in zip(info.corpora, itertools.cycle(_CORPORA), strict=False)
    ]
    if any(mark.published is not None for row in info.rows for mark in row.marks):
        diamond = Line2D([], [], ls="none", marker="D", ms=5, mfc=PAPER, mec=INK, label="the paper")
        handles.append(diamond)
    return handles


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """F1 by rounds under one settings value."""

    label: str
    points: tuple[Point, ...]
    """By rounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCurve:
    """The description that :func:`draw_answer_curve` draws; the given settings come first."""

    corpus: str
    series: tuple[Series, ...]

    @property
    def finding(self) -> str:
        """Say what rounds add, and what other settings add at the same number of rounds."""
        points = {point.rounds: point for point in self.series[0].points}
        first = {rounds: point.mean for rounds, point in points.items()}
        if not any(point.mean for series in self.series for point in series.points):
            return "No run learned anything: every test F1 is 0."
        texts = []
        for other in self.series[1:]:
            added = [p.mean - first[p.rounds] for p in other.points if p.rounds in first]
            if added:
                low, high = min(added), max(added)
                texts.append(f"settings {other.label} add {low:.1f} to {high:.1f} F1")
        if 0 in first and len(first) > 1 and any(first.values()):
            several = [k for k in first if k]
            best = max(several, key=lambda k: first[k])
            # The best of several means is too high on average, so the text says that it was chosen.
            chosen = f", the best of {len(several)} on test," if len(several) > 1 else ""
            seeds = " (one seed)" if min(points[0].n, points[best].n) == 1 else ""
            gain = signed(first[best] - first[0])
            texts.append(f"K = {best}{chosen} adds {gain} to K = 0{seeds}")
        text = "; ".join(texts) or f"Test F1 by number of rounds on {self.corpus}"
        return f"{text[0].upper()}{text[1:]}."


def draw_answer_curve(info: AnswerCurve, *, narrow: bool = False) -> Figure:
    """Draw F1 against K with 95 % CIs, one labelled line for each settings value."""
    with mpl.rc_context(STYLE):
        height = 2.3 if narrow else 3.9
        figure = new_figure(_NARROW if narrow else _WIDE, height)
        axes = figure.subplots()
        most = max(point.rounds for series in info.series for point in series.points)
        inches = _AXES * (_NARROW if narrow else _WIDE)
        lines = 1
        for number, series in enumerate(info.series):
            colour, marker = _LINES[number % len(_LINES)]
            label = _wrapped_label(series.label, _LONGEST_LABEL * inches, "bold")
            lines = max(lines, label.count("\n") + 1)
            named = replace(series, label=label)
            _draw_series(axes, named, colour, marker, 0.05 * number, most, inches)
        axes.set_xlabel("interaction rounds K")
        axes.set_ylabel(f"test F1 on {info.corpus}")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.margins(x=0.05, y=0.13)
        # The labels are below the lines: further lines of text need room there.
        bottom, top = axes.get_ylim()
        room = 1 - (lines - 1) * _LINE / (height - _OUTSIDE)
        axes.set_ylim(bottom=top - (top - bottom) / room)
    return figure


#: The width of the curve's axes, at least, as a part of the figure's, and what they span, as a
#: multiple of the highest K.
_AXES, _SPAN = 0.85, 1.13
#: The width of a line's label, at most, as a part of the axes'.
_LONGEST_LABEL = 0.8
#: Inches of the curve's height that are outside the axes.
_OUTSIDE = 0.6


def _lowest(x: Sequence[float], points: Sequence[Point], begin: float) -> float:
    """Return the lowest value of a line and its intervals from ``begin`` to its end."""
    covered = [
        point.mean if math.isnan(point.low) else point.low
        for at, point in zip(x, points, strict=True)
        if at >= begin
    ]
    return min(*covered, float(np.interp(begin, x, [point.mean for point in points])))


def _draw_series(
    axes: Axes, series: Series, colour: str, marker: str, shift: float, most: int, inches: float
) -> None:
    """Draw one line; ``most`` is the highest K of all lines, and ``inches`` the axes' width."""
    x = [point.rounds + shift for point in series.points]
    means = [point.mean for point in series.points]
    axes.plot(x, means, marker=marker, color=colour, ms=5.5, lw=1.7, zorder=4)
    for at, point in zip(x, series.points, strict=True):
        if math.isfinite(point.low):
            axes.vlines(at, point.low, point.high, color=colour, lw=1.4)
        if point.published is not None:
            axes.plot(point.rounds, point.published, "D", mfc=PAPER, mec=INK, ms=6, zorder=5)
    last = series.points[-1]
    if last.rounds < most:
        place: dict[str, Any] = {"xy": (x[-1], last.mean), "xytext": (9, 0), "va": "center"}
    else:
        longest = max(_text_width(t, _LABEL_SIZE, "bold") for t in series.label.splitlines())
        width = longest * _SPAN * most / inches
        low = _lowest(x, series.points, x[-1] - width)
        place = {"xy": (x[-1], low), "xytext": (0, -4), "va": "top", "ha": "right"}
    bold: dict[str, Any] = {"fontweight": "bold", "fontsize": _LABEL_SIZE, "color": colour}
    bold["zorder"] = 6
    axes.annotate(series.label, textcoords="offset points", **place, **bold)
    printed = [p for p in series.points if p.published is not None]
    if printed:
        end = printed[-1]
        assert end.published is not None
        axes.annotate(
            "the paper",
            (end.rounds, end.published),
            xytext=(8, 2),
            textcoords="offset points",
            fontsize=9,
            color=INK,
        )
