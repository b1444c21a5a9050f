"""DyGIE++, PURE, PL-Marker: ``sentences``, ``ner``, ``relations``; inclusive document offsets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence, Span, Triple, shown
from rin_core.data.readers.dygie_rows import rows_of, span_of
from rin_core.data.readers.fields import items, text_of, word_of, wrong
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
        words = tuple(word_of(word, f"{at}[{k}]") for k, word in enumerate(tokens))
        types, triples = dict[Span, str](), []
        for where, row in rows_of(record, "ner", index, 3):
            if span := span_of(row[:2], offset, words):
                reading.add_type(types, span, text_of(row[2], where))
            else:
                reading.count("entities-across-sentences", where)
        for where, row in rows_of(record, "relations", index, 5):
            subject, object_ = span_of(row[:2], offset, words), span_of(row[2:4], offset, words)
            if subject and object_:
                triples.append(Triple(subject, text_of(row[4], where), object_))
            else:
                reading.count("relations-across-sentences", (where, row))
        if words:
            yield build_sentence(words, None, types, triples, types=types)
        offset += 0 if reading.sentence_offsets else len(words)
