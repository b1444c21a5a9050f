"""Tags of words: ``tokens``, ``tags`` (BIO or BILOU), ``relations`` between entities by index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence
from rin_core.data.readers.fields import items, label_of, read_pos, read_tokens, wrong
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.sentences import build_sentence, indexed_triples
from rin_core.data.readers.tag_scheme import tagged_spans


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    tagged = "tags" in record or {"ner_tags", "relations"} <= record.keys()
    return "tokens" in record and tagged and "entities" not in record


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read a record."""
    words = read_tokens(record, "tokens")
    key = "tags" if "tags" in record else "ner_tags"
    tags = [label_of(tag, at) for at, tag in items(record, key)]
    if len(tags) != len(words):
        raise wrong(key, f"{len(tags)} tags", f"{len(words)}, one per word")
    types = tagged_spans(tags, key, reading)
    triples = indexed_triples(record, list(types))
    yield build_sentence(words, read_pos(record, words), types, triples, types=types)
