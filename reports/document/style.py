"""Colours and type of all figures."""

from __future__ import annotations

import io
import re
from collections.abc import Sized
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.document.fonts import FONT, fonts_for

INK = "#1f2328"
FAINT = "#59636e"
AXIS = "#b7bdc4"
GRID = "#e7eaed"
PAPER = "#ffffff"
GREY = "#6b6b6b"
# The palette of Okabe and Ito: distinct in every type of colour vision, and in print.
BLUE = "#0072b2"
VERMILION = "#d55e00"
GREEN = "#009e73"
PURPLE = "#cc79a7"
ORANGE = "#e69f00"
SKY = "#56b4e9"
#: Colours of the lines of a figure, in the order of use.
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)

#: CSS variable that replaces each colour on a page, which has a light and a dark theme.
CSS_VARIABLES = {
    INK: "--ink",
    FAINT: "--faint",
    AXIS: "--axis",
    GRID: "--grid",
    PAPER: "--paper",
    GREY: "--grey",
    BLUE: "--blue",
    VERMILION: "--vermilion",
    GREEN: "--green",
    PURPLE: "--purple",
    ORANGE: "--orange",
    SKY: "--sky",
}

#: Dashes of a reference line.
DASHES = (0, (3.5, 2))

#: Settings that decide how a program shows windows, and nothing of a figure's content.
_OF_PROGRAMS = ("backend", "interactive", "toolbar", "webagg", "timezone", "tk.", "date.epoch")
#: Matplotlib settings of every figure: its own defaults first, whatever a user's matplotlibrc says,
#: or the same ledger would give other figures. ``Any``, because recent versions of matplotlib type
#: the keys one by one, and earlier ones as text.
STYLE: Any = {
    **{k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith(_OF_PROGRAMS)},
    "font.family": FONT,
    "font.size": 9,
    "axes.edgecolor": AXIS,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": FAINT,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "svg.hashsalt": "rin-study",
    # Text stays text: it can be selected and searched, and files are half as large.
    "svg.fonttype": "none",
}


def new_figure(width: float, height: float, *, constrained: bool = True) -> Figure:
    """Return an empty figure of a size in inches, which pyplot does not know.

    Args:
        width: In inches.
        height: In inches.
        constrained: Let matplotlib place the axes, so that nothing overlaps.
    """
    figure = Figure(figsize=(width, height), layout="constrained" if constrained else None)
    FigureCanvasAgg(figure)
    return figure


def new_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of a size in inches, with one panel."""
    figure = new_figure(width, height)
    return figure, figure.add_subplot()


def line_colours(items: Sized) -> list[str]:
    """Return a colour for each item, such as the arms of a figure."""
    return [PALETTE[n % len(PALETTE)] for n in range(len(items))]


def render_figure(figure: Figure, form: str) -> bytes:
    """Render a figure as ``svg`` or ``png``, with the same bytes every time."""
    metadata: dict[str, Any] = {
        "svg": {"Date": None, "Creator": None},
        "png": {"Software": None},
    }[form]
    file = io.BytesIO()
    with mpl.rc_context(STYLE), fonts_for(figure):
        figure.savefig(file, format=form, dpi=200, metadata=metadata, facecolor="white")
    drawn = file.getvalue()
    return with_font_fallback(drawn.decode()).encode() if form == "svg" else drawn


def with_font_fallback(svg: str) -> str:
    """Name fonts of the same width after each font of an SVG, for machines without it."""
    return re.sub(
        r"(font(?:-family)?: [^;\"]*'[^';\"]+')(?=[;\"])", r"\1, Verdana, sans-serif", svg
    )


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as ``.svg`` or ``.png``."""
    path.write_bytes(render_figure(figure, path.suffix[1:]))
    return path
