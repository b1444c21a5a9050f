"""The few marks of Markdown in notes, as HTML."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

#: Markdown and the HTML elements for it: code, bold, italic.
_MARKUP = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*([^*]+)\*"), r"<em>\1</em>"),
)


def inline(text: str) -> Markup:
    """Return a note as HTML, with its code, bold and italic marked up."""
    marked = str(escape(text))
    for pattern, element in _MARKUP:
        marked = pattern.sub(element, marked)
    return Markup(marked)
