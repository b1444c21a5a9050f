"""The reading of one corpus: how its text is split, and what its readers leave out."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Literal, TypeVar

from rin_core.data.corpus import Finding, Span, shown
from rin_core.data.finding_texts import MANY
from rin_core.data.readers.offset_units import CHARACTERS, Evidence, Placed, Unit
from rin_core.data.tokenizer import space_offsets, word_offsets

#: What a reader leaves out, changes or chooses, by the code of its finding.
COUNTED = {
    "entities-with-gaps": "left out entities with gaps",
    "entities-across-sentences": "left out entities that are not in one sentence",
    "relations-with-gaps": "left out relations of entities with gaps",
    "relations-across-sentences": "left out relations between sentences",
    "relations-without-entity": "left out relations with an argument that is not an entity",
    "events-without-two-arguments": "left out events that do not have two arguments",
    "none-relations": "left out relations named None (no relation)",
    "object-slots": "left out slots of objects other than @value",
    "further-annotations": "left out annotations after the first of a task or text",
    "unannotated-tasks": "left out tasks and texts without an annotation (they may have entities)",
    "rejected-answers": "left out examples that the annotator rejected or ignored",
    "other-results": "left out results that are neither spans nor relations",
    "other-lines": "left out lines that are not annotations",
    "blank-records": "left out records without words and entities",
    "blank-words": "left out words that are empty or white space (spans keep their other words)",
    "inside-without-begin": "entities that begin with an I, E or L tag (right in IOB1 alone)",
    "further-types": "entities with several types, of which the first is read",
    "relations-without-name": "relations without a label, named related",
    "relations-both-ways": "relations in both directions, read as two triples",
    "moved-entities": "moved entities with wrong offsets to the nearest occurrence of their text",
    "other-text": "entities whose text differs from the one at their offsets (check them)",
    "blanks-at-ends": "entities with blanks at their ends, which are not read",
    "cut-words": "entities that start or end inside a word, widened to the whole word",
    "widened-entities": "widened entities whose ends are inside a word",
    "repeated-arguments": "arguments located at the first of several occurrences (give spans)",
}
_HARMLESS = (
    "none-relations",
    "blank-records",
    "blank-words",
    "relations-both-ways",
    "repeated-arguments",
)
_OFFSETS = "check the offsets; they count characters of the text, from 0"
#: Harmless where few entities have it; the remedy where many have.
_GRADED = {
    "cut-words": f"{_OFFSETS}. If they are right, the rest of the word, such as an ending, is "
    "read as part of the entity; give tokens to leave it out",
    "blanks-at-ends": _OFFSETS,
    "widened-entities": "put spaces at both ends of the entities, or give tokens",
}
#: The name of a relation without a label.
UNNAMED = "related"
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Text:
    """A text and its words."""

    text: str
    offsets: tuple[tuple[int, int], ...]
    """Where each word starts and ends, in characters; in order of position."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words as written."""
        return tuple(self.text[start:end] for start, end in self.offsets)

    def around(self, start: int, end: int) -> Span | None:
        """Return the words that have any of the characters; None if no word has."""
        first = bisect_right(self.offsets, start, key=itemgetter(1))
        past = bisect_left(self.offsets, end, key=itemgetter(0))
        return Span(first, past) if first < past else None

    def span(self, start: int, end: int) -> Span | None:
        """Return the words from one character to another; None if they cut a word."""
        words = self.around(start, end)
        return words if words and self.characters(words) == (start, end) else None

    def characters(self, words: Span) -> tuple[int, int]:
        """Return the characters from the first of some words to the last."""
        return self.offsets[words.start][0], self.offsets[words.end - 1][1]


@dataclass(slots=True)
class Reading:
    """How a corpus or one of its files is read, and what was found on the way.

    A reader adds findings. What offsets and spans mean is set for each file by
    :mod:`rin_core.data.readers.split`.
    """

    tokenizes: bool = False
    """Split text with the tokenizer, not at spaces only."""
    character_spans: bool = False
    """Spans of SpERT files count the characters of the tokens joined by spaces."""
    inclusive_spans: bool = False
    """The end of a token span in a triple list is its last token."""
    sentence_offsets: bool = False
    """Token offsets of documents count from the start of their sentence."""
    is_split_later: bool = False
    """Records are split into sentences, so they may be as long as texts to annotate."""
    joins_lines: bool = False
    """A line end within a paragraph of brat's text ends no sentence."""
    counts: dict[str, tuple[int, str]] = field(default_factory=dict)
    """How many of each of :data:`COUNTED`, and the first."""
    remarks: dict[str, str] = field(default_factory=dict)
    """Further notes, by the code of their finding."""
    mentions: int = 0
    """How many entities were given by their characters, or by those of tokens."""
    unit: Unit = CHARACTERS
    """What character offsets count."""
    has_text: bool = True
    """Whether the text that a file gives for its entities tells where they are."""
    placed: list[Placed] = field(default_factory=list)
    """The character offsets of one file, as it has them."""
    units: dict[Unit, Evidence] = field(default_factory=dict)
    """Other units than characters that offsets count in some files, and what shows it."""
    place: str = ""
    """The file and the line or record that is being read."""

    def remark(self, code: str, text: str) -> None:
        """Add a note, once."""
        self.remarks.setdefault(code, text)

    def split(self, text: str) -> Text:
        """Split a text into words."""
        return Text(text, word_offsets(text) if self.tokenizes else space_offsets(text))

    def add_type(self, types: dict[K, str], entity: K, kind: str) -> None:
        """Add the type of an entity, the first of several."""
        if (first := types.setdefault(entity, kind)) != kind:
            self.count("further-types", (first, kind))

    def count(self, code: str, example: object) -> None:
        """Count one of :data:`COUNTED`, and keep the first example."""
        where = f" in {self.place}" if self.place else ""
        count, first = self.counts.get(code, (0, shown(example) + where))
        self.counts[code] = (count + 1, first)

    def of_file(self) -> Reading:
        """Return a reading of one file with these options; see :meth:`add`.

        It has the remarks on the files before it, because they show what a file with few spans
        means.
        """
        remarks = dict(self.remarks)
        return replace(self, counts={}, remarks=remarks, mentions=0, placed=[], units={})

    def add(self, file: Reading) -> None:
        """Add the findings of a file."""
        for code, (count, first) in file.counts.items():
            before, example = self.counts.get(code, (0, first))
            self.counts[code] = (before + count, example)
        for code, text in file.remarks.items():
            self.remark(code, text)
        self.mentions += file.mentions
        for unit, evidence in file.units.items():
            known = self.units.get(unit)
            self.units[unit] = known.plus(evidence) if known else evidence

    def findings(self) -> list[Finding]:
        """Return a finding for each remark and for each kind of thing that was counted."""
        found = [Finding(code=code, level="note", text=text) for code, text in self.remarks.items()]
        found += [evidence.finding(unit) for unit, evidence in self.units.items()]
        for code, (count, first) in self.counts.items():
            many = f"{count} of {self.mentions}" if code in _GRADED else str(count)
            text = f"{COUNTED[code]}: {many}, the first is {first}"
            is_harmless = code in _HARMLESS or (code in _GRADED and count < MANY * self.mentions)
            level: Literal["note", "warning"] = "note" if is_harmless else "warning"
            if code in _GRADED and not is_harmless:
                text += f": {_GRADED[code]}"
            found.append(Finding(code=code, level=level, text=text, count=count))
        return found
