"""Columns of CoNLL04 (Bekoulis et al.): index, word, BIO tag, relations, last words of objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence, Triple, shown
from rin_core.data.readers.fields import index_in, wrong
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.sentences import build_sentence
from rin_core.data.readers.tag_scheme import tagged_spans
from rin_core.data.readers.text_rows import ROWS

COLUMNS = 5
_ITEM = re.compile(r"""["']([^"']*)["']|(\d+)""")


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return record.get("source") is ROWS and len(record["rows"][0]) == COLUMNS


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read the rows of a sentence. A relation is in the row of its subject's last word."""
    rows = record["rows"]
    for place, row in enumerate(rows):
        if len(row) != COLUMNS:
            raise wrong(f"row {place}", f"{len(row)} columns", f"{COLUMNS}")
    words = tuple(row[1] for row in rows)
    types = tagged_spans([row[2] for row in rows], "tag", reading)
    last = {span.end - 1: span for span in types}
    triples = []
    for place, row in enumerate(rows):
        labels, heads = ([a or b for a, b in _ITEM.findall(cell)] for cell in row[3:])
        if len(labels) != len(heads):
            raise wrong(f"row {place}", f"{labels} and {heads}", "a last word for each relation")
        for label, head in zip(labels, heads, strict=True):
            if label == "N":  # no relation
                continue
            if (end := index_in(head, len(rows))) is None:
                raise wrong(f"row {place}", f"the word {shown(head)}", f"0 to {len(rows) - 1}")
            subject, object_ = last.get(place), last.get(end)
            if subject and object_:
                triples.append(Triple(subject, label, object_))
            else:
                reading.count("relations-without-entity", row)
    yield build_sentence(words, None, types, triples, types=types)
