"""Turn links to files outside ``docs/`` into plain text: the site has no pages for them."""

import re
from typing import Any

_OUTSIDE = re.compile(r"(?<!!)\[([^\]]+)\]\(\.\./[^)]*\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page's text with links that the site can follow."""
    return _OUTSIDE.sub(r"\1", markdown)
