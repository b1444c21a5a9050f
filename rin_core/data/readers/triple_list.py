"""Triple lists: ``text``, ``triple_list`` of [subject, relation, object], optional ``pos``.

Arguments are text, or token spans ``[start, end]``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence, Span, Triple, shown
from rin_core.data.readers.fields import items, read_pos, split_words, text_of, wrong
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.sentences import locate_all, read_text


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "text" in record and "triple_list" in record


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read a record."""
    facts, spans = [], []
    for at, triple in items(record, "triple_list"):
        if not isinstance(triple, list) or len(triple) != 3:
            raise wrong(at, shown(triple), "[subject, relation, object]")
        if isinstance(triple[0], list) and isinstance(triple[2], list):
            spans.append((at, triple))
        else:
            first, relation, second = (text_of(p, f"{at}[{i}]") for i, p in enumerate(triple))
            facts.append((first, relation, second))
    if spans:  # they count the words between spaces
        words = split_words(record, "text")
        pos = read_pos(record, words)
    else:
        words, pos = read_text(record, "text", reading)
    located = [_triple(triple, at, words, reading) for at, triple in spans]
    yield locate_all(words, pos, facts, (), reading, located=located)


def _triple(triple: list[Any], at: str, words: tuple[str, ...], reading: Reading) -> Triple:
    subject, object_ = (_span(triple[i], f"{at}[{i}]", words, reading) for i in (0, 2))
    return Triple(subject, text_of(triple[1], f"{at}[1]"), object_)


def _span(value: list[Any], at: str, words: tuple[str, ...], reading: Reading) -> Span:
    if len(value) == 2 and all(type(part) is int for part in value):
        span = Span(value[0], value[1] + reading.inclusive_spans)
        if 0 <= span.start < span.end <= len(words):
            return span
    raise wrong(at, shown(value), f"[start, end], tokens from 0 to {len(words)}")
