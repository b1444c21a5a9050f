"""Raw text to sentences: by line ends, and by marks at the end of a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rin_core.data.tokenizer import keeps_period

_LINE = re.compile(r"\S[^\r\n]*")
# The group is the first character of what follows.
_END = re.compile(
    r"[.!?؟۔](?:['\")\]”’“‘«‹]|\s?[»›])*\s+(?=(?:['\"(\[“‘„«»‹›‚¿¡`]|[«‹]\s)*(\w))"
    r"|[。！？।॥።፧។៕။](?:[”」』）»]|’(?!\w))*"
)
_OPENING = "([\"'“‘„«»‹›‚¿¡`"
#: Most characters of a word that is looked up among the abbreviations.
_LONGEST_ABBREVIATION = 20
#: Before a number, of scientific text, or German; the tokenizer knows those of names.
_LISTED = """
    Fig. Figs. Eq. Eqs. Ref. Refs. approx. ca.
    Abs. Bd. bzw. Dipl.-Ing. Dr.-Ing. geb. gest. Hrsg. Nr. rd. sog. Tel. vgl. Vgl. zzgl.
"""
_ABBREVIATIONS = frozenset(_LISTED.split())
#: An ordinal number of German, as in "am 13. Oktober".
_ORDINAL = re.compile(
    r"\b\d{1,2}\.\s+(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober"
    r"|November|Dezember|Jahrhundert)"
)


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
            if mark[1] and (mark[1].islower() or _belongs_to_word(text, start, mark.start())):
                continue
            yield _stripped(text, start, mark.end())
            start = mark.end()
        if text[start : line.end()].strip():
            yield _stripped(text, start, line.end())


def _belongs_to_word(text: str, start: int, mark: int) -> bool:
    """Return whether a mark is the period of an abbreviation or of an ordinal number."""
    if any(_ORDINAL.match(text, max(start, mark - digits)) for digits in (1, 2)):
        return True
    words = text[max(start, mark - _LONGEST_ABBREVIATION) : mark + 1].split()
    word = words[-1].lstrip(_OPENING)
    return text[mark] == "." and (word in _ABBREVIATIONS or keeps_period(word))


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    return start, start + len(inside.strip())
