"""CoNLL04 as Roth and Yih published it: one row an entity or a word, then rows of relations.

A row has the sentence's number, the type, the row's index, and, in the fifth and sixth column, tags
and words with ``/`` between them. A row of a relation has two indices and a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence, Span, Triple
from rin_core.data.readers.fields import index_in, wrong
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.sentences import build_sentence
from rin_core.data.readers.text_rows import ROWS

COLUMNS = 9
_WRITTEN = {"COMMA": ","}


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return record.get("source") is ROWS and len(record["rows"][0]) == COLUMNS


def read(record: dict[str, Any], _reading: Reading) -> Iterator[Sentence]:
    """Read a sentence."""
    words, tags, spans = list[str](), list[str](), list[Span]()
    types, triples = dict[Span, str](), []
    for place, row in enumerate(record["rows"]):
        if len(row) != COLUMNS:
            raise wrong(f"row {place}", f"{len(row)} columns", f"{COLUMNS}")
        pieces = [piece for piece in row[5].split("/") if piece] or [row[5]]
        names = [name for name in row[4].split("/") if name] or [row[4]]
        spans.append(Span(len(words), len(words) + len(pieces)))
        words += [_WRITTEN.get(piece, piece) for piece in pieces]
        tags += names if len(names) == len(pieces) else names[:1] * len(pieces)
        if row[1] != "O":
            types[spans[-1]] = row[1]
    for row in record.get("relations", ()):
        subject, object_ = (index_in(cell, len(spans)) for cell in row[:2])
        if subject is None or object_ is None:
            raise wrong("relation", "\t".join(row), f"two rows from 0 to {len(spans) - 1}, a name")
        triples.append(Triple(spans[subject], row[2], spans[object_]))
    yield build_sentence(tuple(words), tuple(tags), types, triples, types=types)
