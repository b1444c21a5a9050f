"""Colours and type that all figures share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

#: Colours of text.
INK = "#1F2328"


FAINT = "#59636E"


#: How every figure looks. Any: recent matplotlib types the keys one by one, earlier ones as text.
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": "#B7BDC4",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": FAINT,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#E7EAED",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "svg.hashsalt": "rin-study",
    "svg.fonttype": "path",
}


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as ``.svg`` or ``.png``, with the same bytes every time."""
    metadata: dict[str, Any] = {
        ".svg": {"Date": None, "Creator": None},
        ".png": {"Software": None},
    }[path.suffix]
    with mpl.rc_context(STYLE):
        figure.savefig(path, dpi=200, metadata=metadata, facecolor="white")
    return path
