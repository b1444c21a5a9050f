"""brat: a text and its ``.ann`` file with entities (T), relations (R) and events (E)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence
from rin_core.data.readers.brat_files import BRAT, read_annotations, unwrapped
from rin_core.data.readers.character_spans import Mention, align
from rin_core.data.readers.reading import Reading, Text
from rin_core.data.sentence_splitter import sentence_offsets
from rin_core.data.tokenizer import word_offsets


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return record.get("source") is BRAT


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read a document, split into sentences. What is not in one sentence is left out."""
    if "ann" not in record:
        reading.count("unannotated-tasks", "a text without an .ann file")
        return
    text = record["text"]
    how = "text: split into sentences and words; events with two entities are read as relations"
    reading.remark("tokenized", how)
    mentions, facts = read_annotations(record["ann"], text, reading)
    if reading.joins_lines:
        text = unwrapped(text)
    text = text.replace("\ufeff", " ")  # a byte order mark counts, but is no part of a word
    placed = set[str]()
    for start, end in sentence_offsets(text):
        inside = {
            name: Mention(m.start - start, m.end - start, m.type)
            for name, m in mentions.items()
            if start <= m.start and m.end <= end
        }
        placed |= inside.keys()
        here = [fact for fact in facts if fact[0] in inside and fact[2] in inside]
        facts = [fact for fact in facts if fact not in here]
        part = text[start:end]  # a text is never split into words already
        yield align(Text(part, word_offsets(part)), inside, here, reading)
    for name, found in mentions.items():
        if name not in placed:
            reading.count("entities-across-sentences", text[found.start : found.end])
    for fact in facts:
        known = {fact[0], fact[2]} <= mentions.keys()
        reading.count("relations-across-sentences" if known else "relations-without-entity", fact)
