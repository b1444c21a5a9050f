"""brat: a text and its ``.ann`` file with entities (T), relations (R) and events (E)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence
from rin_core.data.readers.brat_files import BRAT
from rin_core.data.readers.character_spans import Mention, align, mention
from rin_core.data.readers.fields import whole_number
from rin_core.data.readers.reading import Reading
from rin_core.data.sentence_splitter import sentence_offsets

Facts = list[tuple[str, str, str]]


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return record.get("source") is BRAT


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read a document, split into sentences. What is not in one sentence is left out."""
    text, split = record["text"], reading.tokenizing().split
    reading.remark("text: split into sentences and words; events of two entities are relations")
    mentions, facts = _annotations(record["ann"], text, reading)
    for start, end in sentence_offsets(text):
        inside = {
            name: Mention(m.start - start, m.end - start, m.type)
            for name, m in mentions.items()
            if start <= m.start and m.end <= end
        }
        here = [fact for fact in facts if fact[0] in inside and fact[2] in inside]
        facts = [fact for fact in facts if fact not in here]
        yield align(split(text[start:end]), inside, here, reading)
    for fact in facts:
        reading.leave_out("relations between sentences, or of entities with gaps", fact)


def _annotations(ann: str, text: str, reading: Reading) -> tuple[dict[str, Mention], Facts]:
    """Return the entities and the relations of an ``.ann`` file, without triggers of events."""
    mentions, facts, triggers = dict[str, Mention](), Facts(), set[str]()
    for number, line in enumerate(ann.split("\n"), 1):
        name, *parts = line.split("\t")
        head, *rest = parts[0].split() if parts and parts[0].strip() else [""]
        if name.startswith("T") and ";" in "".join(rest):
            reading.leave_out("entities with gaps", line)
        elif name.startswith("T"):
            start, end = (whole_number(word, len(text) + 1) for word in (*rest, "", "")[:2])
            mentions[name] = mention(text, start, end, head, f"line {number}")
        elif name.startswith(("R", "E")):
            relation, _, trigger = head.partition(":")
            triggers.add(trigger)
            roles = sorted(rest, key=lambda role: role.startswith("Theme"))  # the object
            if len(roles) != 2:
                reading.leave_out("events that do not have two arguments", line)
                continue
            facts.append((roles[0].partition(":")[2], relation, roles[1].partition(":")[2]))
    return {name: m for name, m in mentions.items() if name not in triggers}, facts
