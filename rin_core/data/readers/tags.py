"""Tags of words: ``tokens``, ``tags`` (BIO or BILOU), ``relations`` between entities by index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence
from rin_core.data.readers.fields import items, read_pos, read_tokens, text_of, wrong
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.sentences import build_sentence, indexed_triples
from rin_core.data.readers.tag_scheme import tagged_spans


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "tokens" in record and "tags" in record and "entities" not in record


def read(record: dict[str, Any], _reading: Reading) -> Iterator[Sentence]:
    """Read a record."""
    words = read_tokens(record, "tokens")
    tags = [text_of(tag, at) for at, tag in items(record, "tags")]
    if len(tags) != len(words):
        raise wrong("tags", f"{len(tags)} tags", f"{len(words)}, one a word")
    types = tagged_spans(tags, "tags")
    triples = indexed_triples(record, list(types))
    yield build_sentence(words, read_pos(record, words), types, triples, (), types=types)
