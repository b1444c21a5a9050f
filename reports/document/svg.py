"""A figure inside a page: colours that follow the page's, names that are the figure's own."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from reports.document.style import STYLE

#: The figures' colours and the page's variable for each; the figure's own is the fallback.
THEME = {
    "#1f2328": "--ink",
    "#59636e": "--faint",
    "#b7bdc4": "--axis",
    "#e7eaed": "--grid",
    "#ffffff": "--paper",
    "#6b6b6b": "--grey",
    "#0072b2": "--blue",
    "#d55e00": "--vermilion",
    "#009e73": "--green",
    "#cc79a7": "--purple",
    "#e69f00": "--orange",
    "#56b4e9": "--sky",
}
_PIXELS_PER_INCH = 104
_COLOUR = re.compile("|".join(THEME), re.IGNORECASE)
_NAME = re.compile(r'(\bid="|href="#|url\(#)')


def inline_svg(figure: Figure, name: str) -> str:
    """Return a figure as an SVG element to stand in a page.

    Args:
        figure: What to draw.
        name: Goes before every id, so that two figures of a page share none.
    """
    text = io.StringIO()
    metadata: dict[str, Any] = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with mpl.rc_context(STYLE):
        figure.savefig(text, format="svg", metadata=metadata, transparent=True)
    drawn = text.getvalue()
    drawn = _themed(drawn[drawn.index("<svg") :])
    drawn = _NAME.sub(rf"\g<1>{name}-", drawn)
    drawn = re.sub(r'\s(?:width|height)="[\d.]+pt"', "", drawn, count=2)
    # As wide as the page allows, and all figures' letters of one size; the caption speaks for it.
    width = f"max-width: {figure.get_size_inches()[0] * _PIXELS_PER_INCH:.0f}px"
    return drawn.replace("<svg", f'<svg aria-hidden="true" focusable="false" style="{width}"', 1)


def _themed(drawn: str) -> str:
    return _COLOUR.sub(lambda match: f"var({THEME[match[0].lower()]}, {match[0].lower()})", drawn)
