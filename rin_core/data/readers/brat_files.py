"""Records of a folder of brat files, and the content of an ``.ann`` file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
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

#: Lines are joined if more than this share of entities cross a line end, as in wrapped text.
_WRAPPED = 0.01
_ENTITY = re.compile(r"^T\w+\t\S+ (\d{1,9}) (?:\d+;\d+ )*(\d{1,9})\t(.*)$", re.MULTILINE)
#: The end of a line that is not blank; the group is the first character of the next one.
_LINE_END = re.compile(r"(?<=\S)[ \t]*\r?\n(?=[ \t]*(\S))")

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


def lines_are_wrapped(records: Sequence[object]) -> bool:
    """Return whether entities cross the line ends of documents. Their own text must agree."""
    total = crossing = 0
    for record in records:
        if isinstance(record, dict) and record.get("source") is BRAT and "ann" in record:
            for start, end, written in _ENTITY.findall(record["ann"]):
                inside = record["text"][int(start) : int(end)].strip()
                total += 1
                crossing += "\n" in inside and inside.split() == written.split()
    return crossing > _WRAPPED * total


def unwrapped(text: str) -> str:
    """Return a text with spaces for the line ends within paragraphs, so that places stay.

    The next line belongs to the same paragraph if it begins in lower case, or if this line is at
    least half as long as the longest: a title or the item of a list is shorter.
    """
    longest = max(map(len, text.split("\n")))

    def joined(end: re.Match[str]) -> str:
        length = end.start() - text.rfind("\n", 0, end.start()) - 1
        return " " * len(end[0]) if end[1].islower() or 2 * length >= longest else end[0]

    return _LINE_END.sub(joined, text)


def read_annotations(ann: str, text: str, reading: Reading) -> tuple[dict[str, Mention], Facts]:
    """Return the entities and the relations of an ``.ann`` file, without triggers of events.

    Raises:
        CorpusError: Names the line that is wrong.
    """
    mentions, facts, triggers = dict[str, Mention](), Facts(), set[str]()
    for number, line in enumerate(ann.split("\n"), 1):
        name, *parts = line.split("\t")
        head, *rest = parts[0].split() if parts and parts[0].strip() else [""]
        parts_of_span = [part.split() for part in " ".join(rest).split(";")]
        if name.startswith("T") and _have_gaps(parts_of_span, text, reading):
            reading.count("entities-with-gaps", line)
        elif name in mentions:
            raise wrong(f"line {number}", name, "an id that no other entity of the file has")
        elif name.startswith("T"):
            offsets = [*parts_of_span[0][:1], *parts_of_span[-1][1:2]]
            if not _are_offsets(offsets):
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


def _have_gaps(parts: Sequence[Sequence[str]], text: str, reading: Reading) -> bool:
    """Return whether more than white space is between the parts of an entity."""
    for before, after in pairwise(parts):
        if not (_are_offsets(before) and _are_offsets(after)):
            return True
        end, start = int(before[1]), int(after[0])
        first, past = reading.unit.characters(text, end, start)
        if first > past or text[first:past].strip():
            return True
    return False


def _are_offsets(numbers: Sequence[str]) -> bool:
    return len(numbers) == 2 and all(n.isdecimal() and len(n) < 10 for n in numbers)
