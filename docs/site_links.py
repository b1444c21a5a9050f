"""Bring links to what is outside ``docs/`` to what the site has.

A link to a package leads to its API pages. Other links become plain text: the site has no pages
for them.
"""

import re
from typing import Any

_PACKAGE = re.compile(r"\]\(\.\./(rin_core|search_spaces|study|reports)/\)")
_OUTSIDE = re.compile(r"(?<!!)\[([^\]]+)\]\(\.\./[^)]*\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page's text with links that the site can follow."""
    return _OUTSIDE.sub(r"\1", _PACKAGE.sub(r"](api/\1/index.md)", markdown))
