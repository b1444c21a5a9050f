"""Raw text to sentences: by line ends, and by marks at the end of a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rin_core.data.tokenizer import keeps_period

_LINE = re.compile(r"[^\r\n]*\S[^\r\n]*")
_END = re.compile(r"[.!?]['\")\]”’]*\s+(?=['\"(\[“‘]*[A-Z0-9])|[。！？][”’」』）]*")
#: Before a number, or of scientific text; the tokenizer knows those of names.
_ABBREVIATIONS = frozenset(("Fig.", "Figs.", "Eq.", "Eqs.", "Ref.", "Refs.", "approx.", "ca."))


def sentence_offsets(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each sentence, in characters, without spaces around it.

    Examples:
        >>> text = "Dr. Ann met Bob. They left."
        >>> [text[start:end] for start, end in sentence_offsets(text)]
        ['Dr. Ann met Bob.', 'They left.']
    """
    for line in _LINE.finditer(text):
        start = line.start()
        for mark in _END.finditer(text, *line.span()):
            word = text[start : mark.start() + 1].split()[-1:]
            if text[mark.start()] == "." and word:
                opened = word[0].lstrip("([\"'")
                if opened in _ABBREVIATIONS or keeps_period(opened):
                    continue
            yield _stripped(text, start, mark.end())
            start = mark.end()
        if text[start : line.end()].strip():
            yield _stripped(text, start, line.end())


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    return start, start + len(inside.strip())
