"""Fonts for labels that the font of the figures cannot write, such as Chinese relations."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from functools import cache

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

#: The font of every figure; it comes with matplotlib.
FONT = "DejaVu Sans"
#: Comes with matplotlib, too, and has boxes for all characters.
_BOXES = "Last Resort"
_LOG = logging.getLogger(__name__)
_said: list[frozenset[str]] = []


@contextlib.contextmanager
def fonts_for(figure: Figure) -> Iterator[None]:
    """Give labels with other characters an installed font that has them, while drawing a figure.

    If there is none, the characters are boxes, and one line for all figures says what to install.
    """
    # The labels of ticks get their text when they are asked for.
    ticks = [
        label
        for axes in figure.axes
        for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]
    ]
    labels = {*ticks, *(text for text in figure.findobj(Text) if isinstance(text, Text))}
    others = {label: missing_characters(label.get_text()) for label in labels}
    wanted = frozenset[str]().union(*others.values())
    if not wanted:
        yield
        return
    family = find_font(wanted)
    if family is None:
        say_missing(wanted)
    for label, missing in others.items():
        if missing and family:
            label.set_fontfamily([FONT, family])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def missing_characters(text: str) -> frozenset[str]:
    """Return the characters of a text that :data:`FONT` does not have."""
    return frozenset(c for c in text if ord(c) not in _characters(FONT) and c.isprintable())


@cache
def find_font(characters: frozenset[str]) -> str | None:
    """Return an installed font with the most of some characters; None if no font has any.

    Fonts for Chinese, Japanese and Korean come first: they have most other characters, too.
    """
    ranked = sorted(
        (name for name in font_files() if name != FONT and not name.startswith(_BOXES)),
        key=lambda name: (not any(part in name for part in ("CJK", "Han", "Hei")), name),
    )
    best, most = None, 0
    for name in ranked:
        count = sum(ord(character) in _characters(name) for character in characters)
        if count > most:
            best, most = name, count
        if most == len(characters):
            break
    return best


def font_files() -> dict[str, str]:
    """Return the file of each font that matplotlib knows, one for fonts with several weights."""
    return {entry.name: entry.fname for entry in font_manager.fontManager.ttflist}


def say_missing(characters: frozenset[str]) -> None:
    """Say what to install, for the first figure alone."""
    if not _said:
        _said.append(characters)
        shown = "".join(sorted(characters)[:8]) + "…" * (len(characters) > 8)
        _LOG.warning("figures: no font has %s: install one, as fonts-noto-cjk, for labels", shown)


@cache
def _characters(name: str) -> frozenset[int]:
    """Return the code points of a font; none of one that cannot be read."""
    try:
        return frozenset(font_manager.get_font(font_files()[name]).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
