"""SpERT: ``tokens``, ``entities`` with spans, ``relations`` between entities by index."""

from __future__ import annotations

from typing import Any

from rin_core.data.corpus import Sentence, Span, Triple
from rin_core.data.readers.fields import field, items, read_pos, text_of, wrong
from rin_core.data.readers.sentences import build_sentence


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "tokens" in record


def read(record: dict[str, Any]) -> Sentence:
    """Read a record."""
    words = tuple(text_of(word, at) for at, word in items(record, "tokens"))
    if not words:
        raise wrong("tokens", "[]", "at least one word")
    spans = []
    for at, entity in items(record, "entities"):
        span = Span(field(entity, "start", int, at), field(entity, "end", int, at))
        if not 0 <= span.start < span.end <= len(words):
            found = f"start {span.start} and end {span.end}"
            raise wrong(at, found, f"0 <= start < end <= {len(words)}, the number of tokens")
        spans.append(span)
    triples = []
    for at, relation in items(record, "relations"):
        label = text_of(field(relation, "type", str, at), f"{at}.type")
        ends = []
        for key in ("head", "tail"):
            index = field(relation, key, int, at)
            if not 0 <= index < len(spans):
                expected = f"an index into {len(spans)} entities, from 0"
                raise wrong(f"{at}.{key}", str(index), expected)
            ends.append(spans[index])
        triples.append(Triple(ends[0], label, ends[1]))
    return build_sentence(words, read_pos(record, words), spans, triples, ())
