"""Records of a folder of brat files, and the content of an ``.ann`` file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rin_core.data.readers.character_spans import Mention, mention_of_text
from rin_core.data.readers.fields import whole_number, wrong
from rin_core.data.readers.reading import Reading

#: Marks the records of this module: no JSON record has it.
BRAT = object()
#: First characters of lines that are no entity, relation or event: equivalences, attributes,
#: modifications, normalisations and comments.
_OTHERS = ("*", "A", "M", "N", "#")
_MARK = "\ufeff"

Facts = list[tuple[str, str, str]]


def brat_records(folder: Path) -> Iterator[tuple[str, object]]:
    """Yield the ``text`` and ``ann`` of each document, after its place."""
    for annotation in sorted(folder.glob("*.ann")):
        text = annotation.with_suffix(".txt")
        with text.open(encoding="utf-8", newline="") as file:  # offsets count every character
            written = file.read()
        ann = annotation.read_text(encoding="utf-8-sig")
        yield str(annotation), {"text": written, "ann": ann, "source": BRAT}


def annotated_text(text: str, ann: str, reading: Reading) -> str:
    """Return the text whose characters the offsets count.

    An editor or Git may have changed the ends of lines, or added a byte order mark, after the text
    was annotated. The text of each entity, which its line has, shows it.
    """
    bare = text.removeprefix(_MARK)
    text = " " * (len(text) - len(bare)) + bare  # the mark counts, but is no part of a word
    variants = (text, text.replace("\r\n", "\n"), bare, bare.replace("\r\n", "\n"))
    if len(set(variants)) == 1:
        return text
    best = max(variants, key=lambda variant: _fitting(variant, ann))  # the first of equal ones
    if best != text:
        why = "the entities' own text fits so"
        how = "a line end as one character, and no byte order mark"
        reading.remark("line-ends", f"offsets of .ann files count {how} ({why})")
    return best


def _fitting(text: str, ann: str) -> int:
    """Return how many entities have their own text at their offsets."""
    fitting = 0
    for line in ann.split("\n"):
        name, _, rest = line.partition("\t")
        place, _, written = rest.partition("\t")
        start, end = (whole_number(word, len(text)) for word in (*place.split()[1:], "", "")[:2])
        fitting += name.startswith("T") and text[start:end] == written.strip()
    return fitting


def read_annotations(ann: str, text: str, reading: Reading) -> tuple[dict[str, Mention], Facts]:
    """Return the entities and the relations of an ``.ann`` file, without triggers of events."""
    mentions, facts, triggers = dict[str, Mention](), Facts(), set[str]()
    for number, line in enumerate(ann.split("\n"), 1):
        name, *parts = line.split("\t")
        head, *rest = parts[0].split() if parts and parts[0].strip() else [""]
        if name.startswith("T") and ";" in "".join(rest):
            reading.count("entities-with-gaps", line)
        elif name in mentions:
            raise wrong(f"line {number}", name, "an id that no other entity of the file has")
        elif name.startswith("T"):
            start, end = (whole_number(word, len(text) + 1) for word in (*rest, "", "")[:2])
            written = " ".join(parts[1:])
            mentions[name] = mention_of_text(
                text, start, end, head, f"line {number}", written, reading
            )
        elif name.startswith(("R", "E")):
            relation, _, trigger = head.partition(":")
            triggers.add(trigger)
            roles = sorted(rest, key=lambda role: role.startswith("Theme"))  # the object
            if len(roles) != 2:
                reading.count("events-without-two-arguments", line)
                continue
            facts.append((roles[0].partition(":")[2], relation, roles[1].partition(":")[2]))
        elif line.strip() and not line.startswith(_OTHERS):
            reading.count("other-lines", line)
    return {name: m for name, m in mentions.items() if name not in triggers}, facts
