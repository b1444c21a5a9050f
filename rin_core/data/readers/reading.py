"""The reading of one corpus: how its text is split, and what its readers leave out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property

from rin_core.data.corpus import Span, shown
from rin_core.data.tokenizer import word_offsets

#: Entities whose characters start or end within a word.
WIDENED = "widened to whole words, entities that cut one"
_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Text:
    """A text and its words, each with its start and end in characters."""

    text: str
    offsets: tuple[tuple[int, int], ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The words as written."""
        return tuple(self.text[start:end] for start, end in self.offsets)

    def around(self, start: int, end: int) -> Span:
        """Return the words that have any of the characters, of which one is not a space."""
        inside = [k for k, (a, b) in enumerate(self.offsets) if a < end and start < b]
        return Span(inside[0], inside[-1] + 1)

    def span(self, start: int, end: int) -> Span | None:
        """Return the words from one character to another; None if they cut a word."""
        first, last = self._starts.get(start), self._ends.get(end)
        return None if first is None or last is None or last < first else Span(first, last + 1)

    @cached_property
    def _starts(self) -> dict[int, int]:
        return {start: k for k, (start, _) in enumerate(self.offsets)}

    @cached_property
    def _ends(self) -> dict[int, int]:
        return {end: k for k, (_, end) in enumerate(self.offsets)}


@dataclass(slots=True)
class Reading:
    """Options of one reading, and its notes. Readers change nothing but the notes."""

    tokenizes: bool = False
    """Split text with the tokenizer, not at spaces only."""
    character_spans: bool = False
    """Spans of SpERT files count the characters of the tokens joined by spaces."""
    inclusive_spans: bool = False
    """The end of a token span in a triple list is its last token."""
    counts: dict[str, tuple[int, str]] = field(default_factory=dict)
    """What was left out or changed: how many, and the first."""
    remarks: dict[str, None] = field(default_factory=dict)
    """Further notes, in order."""

    def remark(self, text: str) -> None:
        """Add a note, once."""
        self.remarks.setdefault(text)

    def split(self, text: str) -> Text:
        """Split a text into words."""
        if self.tokenizes:
            return Text(text, word_offsets(text))
        return Text(text, tuple(match.span() for match in _WORD.finditer(text)))

    def tokenizing(self) -> Reading:
        """Return this reading for a format whose text is never split already; notes are shared."""
        return replace(self, tokenizes=True)

    def leave_out(self, what: str, example: object) -> None:
        """Count something that cannot be represented, and keep the first example."""
        self.count(f"left out {what}", example)

    def count(self, what: str, example: object) -> None:
        """Count something, and keep the first example."""
        count, first = self.counts.get(what, (0, shown(example)))
        self.counts[what] = (count + 1, first)

    def notes(self) -> list[str]:
        """Return a line for each remark and for each kind of thing that was counted."""
        counts = self.counts.items()
        return [
            *self.remarks,
            *(f"{what}: {count}, the first is {first}" for what, (count, first) in counts),
        ]
