"""Lines that fit a terminal."""

from __future__ import annotations

import re
import textwrap

#: Commands that a person copies: in backticks, or in quotes after the name of this program.
_COMMAND = re.compile(r"`[^`\n]+`|'rin-study [^'\n]+'")
_KEPT = "\ue000"  # of the private use area
#: What a terminal obeys, or what turns the order of letters around; line ends and tabs are neither.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""Write control characters as escapes: a name from elsewhere must not act on a terminal.

    Examples:
        >>> print(visible("RIN \x1b[2J"))
        RIN \x1b[2J
    """
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


def wrapped(text: str, width: int) -> str:
    """Break lines between words so that none is wider, and indent what follows like its line.

    A word that is wider stays whole, and so does a command in backticks: a person copies a path or
    a command in one piece.

    Args:
        text: One or more lines.
        width: Characters of a line.

    Examples:
        >>> print(wrapped("see /a/long/path/to/the/file.json or `rin-study show x`", 24))
        see
        /a/long/path/to/the/file.json
        or `rin-study show x`
    """
    kept = _COMMAND.sub(lambda command: command[0].replace(" ", _KEPT), text)
    lines = [line for one in kept.split("\n") for line in _broken(one, width)]
    return "\n".join(lines).replace(_KEPT, " ")


def shortened(text: str, width: int) -> str:
    """Cut the middle of a text that is wider: names of arms differ at their ends.

    Args:
        text: One line.
        width: Characters, at least 3.

    Examples:
        >>> shortened("RIN (all-MiniLM-L6-v2, K = 1), float32 · seed 0", 28)
        'RIN (all-MiniL…at32 · seed 0'
    """
    if len(text) <= width:
        return text
    head = width // 2
    return f"{text[:head]}…{text[len(text) - (width - head - 1) :]}"


def _broken(line: str, width: int) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())]
    if len(line) <= width:
        return [line]
    return textwrap.wrap(
        line,
        max(width, len(indent) + 20),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        expand_tabs=False,
        replace_whitespace=False,
    )
