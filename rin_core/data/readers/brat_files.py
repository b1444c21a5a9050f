"""Records of a folder of brat files, and the content of an ``.ann`` file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rin_core.data.corpus import shown
from rin_core.data.readers.character_spans import Mention, mention
from rin_core.data.readers.fields import wrong
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.text_files import documents, read_text

#: Marks the records of this module: no JSON record has it.
BRAT = object()
#: First characters of lines that are no entity, relation or event: equivalences, attributes,
#: modifications, normalisations and comments.
_OTHERS = ("*", "A", "M", "N", "#")

Facts = list[tuple[str, str, str]]


def brat_records(folder: Path) -> Iterator[tuple[str, object]]:
    """Yield the ``text`` and ``ann`` of each document, after its place; some have no ``ann``."""
    for text in documents(folder, ".txt"):
        if not text.with_suffix(".ann").is_file():
            yield str(text), {"source": BRAT}
    for annotation in documents(folder, ".ann"):
        ann = read_text(annotation).removeprefix("\ufeff").replace("\r\n", "\n")
        written = read_text(annotation.with_suffix(".txt"))
        yield str(annotation), {"text": written, "ann": ann, "source": BRAT}


def read_annotations(ann: str, text: str, reading: Reading) -> tuple[dict[str, Mention], Facts]:
    """Return the entities and the relations of an ``.ann`` file, without triggers of events.

    Raises:
        CorpusError: Names the line that is wrong.
    """
    mentions, facts, triggers = dict[str, Mention](), Facts(), set[str]()
    for number, line in enumerate(ann.split("\n"), 1):
        name, *parts = line.split("\t")
        head, *rest = parts[0].split() if parts and parts[0].strip() else [""]
        if name.startswith("T") and ";" in "".join(rest):
            reading.count("entities-with-gaps", line)
        elif name in mentions:
            raise wrong(f"line {number}", name, "an id that no other entity of the file has")
        elif name.startswith("T"):
            offsets = rest[:2]
            if len(offsets) < 2 or not all(n.isdecimal() and len(n) < 10 for n in offsets):
                expected = "an id, a tab, type, start and end, a tab, and the text"
                raise wrong(f"line {number}", shown(line), expected)
            start, end = map(int, offsets)
            written = " ".join(parts[1:])
            mentions[name] = mention(text, start, end, head, f"line {number}", reading, written)
        elif name.startswith(("R", "E")):
            relation, _, trigger = head.partition(":")
            triggers.add(trigger)
            # The object is last; a file may have it first.
            roles = sorted(rest, key=lambda role: role.startswith(("Theme", "Arg2")))
            if len(roles) != 2:
                reading.count("events-without-two-arguments", line)
                continue
            facts.append((roles[0].partition(":")[2], relation, roles[1].partition(":")[2]))
        elif line.strip() and not line.startswith(_OTHERS):
            reading.count("other-lines", line)
    return {name: m for name, m in mentions.items() if name not in triggers}, facts
