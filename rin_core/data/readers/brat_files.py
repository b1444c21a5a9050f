"""Records of a folder of brat files, and the content of an ``.ann`` file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rin_core.data.readers.character_spans import Mention, mention
from rin_core.data.readers.fields import whole_number
from rin_core.data.readers.reading import Reading

#: Marks the records of this module: no JSON record has it.
BRAT = object()

Facts = list[tuple[str, str, str]]


def brat_records(folder: Path) -> Iterator[tuple[str, object]]:
    """Yield the ``text`` and ``ann`` of each document, after its place."""
    for annotation in sorted(folder.glob("*.ann")):
        text = annotation.with_suffix(".txt")
        with text.open(encoding="utf-8", newline="") as file:  # offsets count every character
            written = file.read()
        ann = annotation.read_text(encoding="utf-8")
        yield str(annotation), {"text": written, "ann": ann, "source": BRAT}


def read_annotations(ann: str, text: str, reading: Reading) -> tuple[dict[str, Mention], Facts]:
    """Return the entities and the relations of an ``.ann`` file, without triggers of events."""
    mentions, facts, triggers = dict[str, Mention](), Facts(), set[str]()
    for number, line in enumerate(ann.split("\n"), 1):
        name, *parts = line.split("\t")
        head, *rest = parts[0].split() if parts and parts[0].strip() else [""]
        if name.startswith("T") and ";" in "".join(rest):
            reading.count("entities-with-gaps", line)
        elif name.startswith("T"):
            start, end = (whole_number(word, len(text) + 1) for word in (*rest, "", "")[:2])
            mentions[name] = mention(text, start, end, head, f"line {number}")
        elif name.startswith(("R", "E")):
            relation, _, trigger = head.partition(":")
            triggers.add(trigger)
            roles = sorted(rest, key=lambda role: role.startswith("Theme"))  # the object
            if len(roles) != 2:
                reading.count("events-without-two-arguments", line)
                continue
            facts.append((roles[0].partition(":")[2], relation, roles[1].partition(":")[2]))
    return {name: m for name, m in mentions.items() if name not in triggers}, facts
