"""DyGIE++, PURE, PL-Marker: ``sentences``, ``ner``, ``relations``; inclusive document offsets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence, Span, Triple, shown
from rin_core.data.readers.fields import items, text_of, wrong
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.sentences import build_sentence


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "sentences" in record and ("ner" in record or "relations" in record)


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read the sentences of a document; relations across sentences are left out."""
    offset = 0
    for index, (at, tokens) in enumerate(items(record, "sentences")):
        if not isinstance(tokens, list):
            raise wrong(at, shown(tokens), "a list of tokens")
        words = tuple(text_of(word, f"{at}[{k}]") for k, word in enumerate(tokens))
        types, triples = dict[Span, str](), []
        for where, row in _rows(record, "ner", index, 3):
            if span := _span(row[:2], offset, words):
                reading.add_type(types, span, text_of(row[2], where))
            else:
                reading.count("entities-across-sentences", where)
        for where, row in _rows(record, "relations", index, 5):
            subject, object_ = _span(row[:2], offset, words), _span(row[2:4], offset, words)
            if subject and object_:
                triples.append(Triple(subject, text_of(row[4], where), object_))
            else:
                reading.count("relations-across-sentences", (where, row))
        arguments = {span for t in triples for span in (t.subject, t.object)}
        if words:
            yield build_sentence(words, None, types.keys() | arguments, triples, (), types=types)
        offset += len(words)


def _rows(record: dict[str, Any], key: str, index: int, size: int) -> Iterator[tuple[str, Any]]:
    """Yield the rows of a sentence: offsets, then a label, then possibly more."""
    rows, count = record.get(key, []), len(record["sentences"])
    listed = isinstance(rows, list) and all(isinstance(row, list) for row in rows)
    if not listed or (rows and len(rows) != count):
        raise wrong(key, shown(rows), f"{count} lists, one a sentence")
    for k, row in enumerate(rows[index] if rows else ()):
        at = f"{key}[{index}][{k}]"
        numbers = row[: size - 1] if isinstance(row, list) and len(row) >= size else [None]
        if not all(type(number) is int for number in numbers):
            raise wrong(at, shown(row), f"{size - 1} offsets and a label")
        yield at, row


def _span(ends: list[int], offset: int, words: tuple[str, ...]) -> Span | None:
    start, end = ends[0] - offset, ends[1] - offset + 1
    return Span(start, end) if 0 <= start < end <= len(words) else None
