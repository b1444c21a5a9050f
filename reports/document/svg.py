"""Figures as inline SVG: colours follow the theme of the page, ids are unique on it."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from reports.document.fonts import fonts_for
from reports.document.style import CSS_VARIABLES, STYLE, with_font_fallback

_PIXELS_PER_INCH = 104
_COLOUR = re.compile("|".join(CSS_VARIABLES), re.IGNORECASE)
_ID = re.compile(r'(\bid="|href="#|url\(#)')


def inline_svg(figure: Figure, name: str) -> str:
    """Return a figure as an SVG element for a page.

    Args:
        figure: The figure.
        name: Prefix of every id, so that no two figures on a page share one.
    """
    text = io.StringIO()
    metadata: dict[str, Any] = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with mpl.rc_context(STYLE), fonts_for(figure):
        figure.savefig(text, format="svg", metadata=metadata, transparent=True)
    svg = with_font_fallback(text.getvalue())
    svg = svg[svg.index("<svg") :]
    # The fallback of each CSS variable is the figure's own colour.
    svg = _COLOUR.sub(
        lambda match: f"var({CSS_VARIABLES[match[0].lower()]}, {match[0].lower()})", svg
    )
    svg = _ID.sub(rf"\g<1>{name}-", svg)
    svg = re.sub(r'\s(?:width|height)="[\d.]+pt"', "", svg, count=2)
    # Figures fill the width of the page, up to the width at which all have the same letter size.
    # Screen readers read the caption instead of the drawing.
    width = f"max-width: {figure.get_size_inches()[0] * _PIXELS_PER_INCH:.0f}px"
    return svg.replace("<svg", f'<svg aria-hidden="true" focusable="false" style="{width}"', 1)
