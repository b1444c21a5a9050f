"""SpERT: ``tokens``, ``entities`` with spans, ``relations`` between entities by index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence, Span
from rin_core.data.readers.fields import field, items, label_of, read_pos, read_tokens, wrong
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.sentences import build_sentence, indexed_triples, joined


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "tokens" in record and "entities" in record


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read a record."""
    words = read_tokens(record, "tokens")
    text = joined(words) if reading.character_spans else None
    spans, types = [], dict[Span, str]()
    for at, entity in items(record, "entities"):
        start, end = field(entity, "start", int, at), field(entity, "end", int, at)
        if text is not None:
            found = text.span(start, end)
            if found is None:
                raise wrong(at, f"start {start} and end {end}", "characters that cut no token")
            span = found
        else:
            span = Span(start, end)
        if not 0 <= span.start < span.end <= len(words):
            expected = f"0 <= start < end <= {len(words)}, the number of tokens"
            if span.start == span.end:
                expected += "; end is the index after the last token"
            elif span.end <= len(joined(words).text):
                expected += "; if they count characters, write the field text in place of tokens"
            raise wrong(at, f"start {span.start} and end {span.end}", expected)
        spans.append(span)
        if entity.get("type") not in (None, ""):
            reading.add_type(types, span, label_of(entity["type"], f"{at}.type"))
    triples = indexed_triples(record, spans)
    yield build_sentence(words, read_pos(record, words), spans, triples, types=types)
