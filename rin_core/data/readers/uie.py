"""UIE: ``tokens``, ``entity`` and ``relation`` with ``type``, ``offset`` (a list of tokens)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence, Span, Triple, shown
from rin_core.data.readers.fields import (
    field,
    items,
    label_of,
    read_pos,
    read_tokens,
    text_of,
    wrong,
)
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.sentences import build_sentence


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "tokens" in record and "entity" in record and "relation" in record


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read a record; what has gaps between its tokens is left out."""
    words = read_tokens(record, "tokens")
    types, triples = dict[Span, str](), []
    for at, entity in items(record, "entity"):
        if span := _span(entity, len(words), at):
            own, there = entity.get("text"), " ".join(words[slice(*span)])
            if isinstance(own, str) and own.split() != there.split():
                reading.count("other-text", (own, there))
            reading.add_type(types, span, label_of(entity.get("type"), f"{at}.type"))
        else:
            reading.count("entities-with-gaps", entity)
    for at, relation in items(record, "relation"):
        arguments = field(relation, "args", list, at)
        if len(arguments) != 2:
            raise wrong(f"{at}.args", shown(arguments), "two arguments: subject and object")
        subject, object_ = (_span(a, len(words), f"{at}.args") for a in arguments)
        if subject and object_:
            label = text_of(field(relation, "type", str, at), f"{at}.type")
            triples.append(Triple(subject, label, object_))
        else:
            reading.count("relations-with-gaps", relation)
    yield build_sentence(words, read_pos(record, words), types, triples, types=types)


def _span(entity: object, words: int, at: str) -> Span | None:
    """Return the span of an entity, None if it has gaps."""
    offsets = field(entity, "offset", list, at)
    if not offsets or not all(type(k) is int and 0 <= k < words for k in offsets):
        raise wrong(f"{at}.offset", shown(offsets), f"tokens from 0 to {words - 1}")
    if offsets != list(range(offsets[0], offsets[0] + len(offsets))):
        return None
    return Span(offsets[0], offsets[0] + len(offsets))
