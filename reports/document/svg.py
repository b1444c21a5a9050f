"""Figures as inline SVG: colours follow the theme of the page, ids are unique on it."""

from __future__ import annotations

import hashlib
import io
import re
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from reports.document.fonts import FONT, fonts_for
from reports.document.style import CSS_VARIABLES, STYLE, with_font_fallback

_PIXELS_PER_INCH = 104
_COLOUR = re.compile("|".join(CSS_VARIABLES), re.IGNORECASE)
_ID = re.compile(r'(\bid="|href="#|url\(#)')
_REFERENCE = re.compile(r'href="#([^"]+)"|url\(#([^)]+)\)')
_GEOMETRY = re.compile(r'\b(d|x|y|points|transform|viewBox)="([^"]*)"')
_DECIMAL = re.compile(r"-?\d+\.\d+")
#: Marks of one style in one group.
_MARKS = re.compile(
    r'<g((?: clip-path="[^"]*")?)>(<use [^>]*style="([^"]*)"/>(?:<use [^>]*style="\3"/>)+)</g>'
)
_FONT = f"font-family: '{FONT}', Verdana, sans-serif"


def inline_svg(figure: Figure, name: str) -> str:
    """Return a figure as an SVG element for a page.

    Args:
        figure: The figure.
        name: The figure's own on its page: it decides a prefix of every id.
    """
    text = io.StringIO()
    metadata: dict[str, Any] = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with mpl.rc_context(STYLE), fonts_for(figure):
        figure.savefig(text, format="svg", metadata=metadata, transparent=True)
    svg = with_font_fallback(text.getvalue())
    svg = shrunk(svg[svg.index("<svg") :])
    # The fallback of each CSS variable is the figure's own colour.
    svg = _COLOUR.sub(
        lambda match: f"var({CSS_VARIABLES[match[0].lower()]}, {match[0].lower()})", svg
    )
    prefix = hashlib.sha256(name.encode()).hexdigest()[:6]
    svg = _ID.sub(rf"\g<1>i{prefix}-", svg)
    svg = re.sub(r'\s(?:width|height)="[\d.]+pt"', "", svg, count=2)
    # Figures fill the width of the page, up to the width at which all have the same letter size.
    # Screen readers read the caption instead of the drawing.
    width = f"max-width: {figure.get_size_inches()[0] * _PIXELS_PER_INCH:.0f}px"
    style = f'style="{width}; {_FONT}"'
    return svg.replace("<svg", f'<svg aria-hidden="true" focusable="false" {style}', 1)


def shrunk(svg: str) -> str:
    """Return Matplotlib's SVG in half of its size, with the same drawing.

    Places are rounded to hundredths of a point, ids that nothing refers to are left out, the usual
    font is left to the root element, and the style of equal marks to their group.
    """
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = _GEOMETRY.sub(lambda match: f'{match[1]}="{_rounded(match[2])}"', svg)
    svg = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", svg)
    svg = re.sub(rf"{_FONT}(?:; )?", "", svg).replace('; "', '"').replace(' style=""', "")
    used = {name for match in _REFERENCE.finditer(svg) for name in match.groups()}
    svg = re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in used else "", svg)
    svg = re.sub(r">\s+<", "><", svg)
    svg = _MARKS.sub(_with_style_of_group, svg)
    svg, count = re.subn(r"<g/>|<g></g>", "", svg)
    while count:
        svg, count = re.subn(r"<g/>|<g></g>", "", svg)
    return svg


def _with_style_of_group(match: re.Match[str]) -> str:
    clip, marks, style = match.groups()
    own = f' style="{style}"'
    return f"<g{clip}{own}>{marks.replace(own, '')}</g>"


def _rounded(geometry: str) -> str:
    """Return coordinates in hundredths, on one line; factors stay as they are."""
    if "scale" in geometry or "matrix" in geometry:
        return geometry
    short = _DECIMAL.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), geometry)
    return " ".join(short.split())
