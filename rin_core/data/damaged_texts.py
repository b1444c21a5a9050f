"""What a program wrote or read wrongly in the texts of a corpus."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from html.entities import html5

from rin_core.data.corpus import Finding
from rin_core.data.finding_texts import Sentences, graded, sentence_text


def damaged_texts(sentences: Sentences) -> Iterator[Finding]:
    """Find damaged texts, whose words a model takes for other words."""
    texts = [" ".join(sentence.words) for sentence in sentences]
    for code, what, damage, remedy in _DAMAGES:
        damaged = [
            (s, part) for s, text in zip(sentences, texts, strict=True) if (part := damage(text))
        ]
        if damaged:
            sentence, part = damaged[0]
            message = (
                f"sentences with {what}: {len(damaged):,} of {len(texts):,}, the first has "
                f"{part!a}, {sentence_text(sentence)}: {remedy}"
            )
            yield graded(code, message, "", len(damaged), len(texts))


def _first(pattern: str) -> Callable[[str], str]:
    """Return a function that returns the first match in a text, empty text for none."""
    found = re.compile(pattern)
    return lambda text: match[0] if (match := found.search(text)) else ""


def _misread(text: str) -> str:
    """Return the first word that is UTF-8 read as Windows-1252 or Latin-1, as Ã© for é."""
    for word in () if text.isascii() else text.split():
        for encoding in () if word.isascii() else ("cp1252", "latin-1"):
            with suppress(UnicodeError):
                word.encode(encoding).decode()
                return word
    return ""


def _html(text: str) -> str:
    """Return the first entity or tag of HTML; the tokenizer may have put spaces into it."""
    for match in _ENTITY.finditer(text):
        if match[1].startswith("#") or f"{match[1]};" in html5:
            return match[0]
    return _tag(text)


_ENTITY = re.compile(r"&(#\d+|#x[0-9a-fA-F]+|[A-Za-z]+\d*) ?;")
_tag = _first(
    r"< ?/? ?(?:p|br|div|span|a|b|i|u|em|strong|sub|sup|li|td|tr)(?: [^<>=]+=[^<>]*)? ?/? ?>"
)
#: Code, description, a function that returns the first damage of a text, and the remedy.
_DAMAGES: tuple[tuple[str, str, Callable[[str], str], str], ...] = (
    (
        "wrong-encoding",
        "UTF-8 that was read in another encoding",
        _misread,
        "read the source as UTF-8",
    ),
    (
        "replacement-characters",
        "characters that could not be converted",
        _first("\ufffd"),
        "read the source in its own encoding",
    ),
    (
        "html-in-text",
        "HTML",
        _html,
        "write the characters for entities such as &amp;, and remove tags",
    ),
    (
        "invisible-characters",
        "invisible characters",
        _first("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\ufeff]"),
        "remove them",
    ),
)
