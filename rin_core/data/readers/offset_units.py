"""What the character offsets of a file count, as its entities show.

Programs count in other units than Python: UTF-16 in a browser, bytes, or a text that was changed
afterwards. Others count from 1, or give the last character as the end. With the right unit, nearly
all entities are whole words, or equal the text that the file gives for them.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from rin_core.data.corpus import Finding, shown
from rin_core.data.span_findings import MARKS_AFTER, MARKS_BEFORE

# A mark over a letter belongs to its word. Between characters of languages without spaces, a name
# may begin anywhere.
_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u31f0-\u9fff\uf900-\ufaff"
_INSIDE = re.compile(rf"(?![{_SPACELESS}])[\w\u0300-\u036f](?![{_SPACELESS}])[\w\u0300-\u036f]")
_HTML_END = re.compile(r"&#?\w{2,8};$")
#: Entities that must show another unit by their words, which may fit by chance. Text does not.
_ENOUGH = 4
#: Entities that must show that all are off by one.
_ENOUGH_SHIFTED = 10
#: Different letters that such a shift must add: some languages have endings or prefixes of one.
_ENOUGH_LETTERS = 5
#: Syllables of Korean, which has many endings of one: how many differ shows nothing.
_KOREAN = re.compile("[\uac00-\ud7a3]")


class Placed(NamedTuple):
    """Offsets as a file has them."""

    text: str
    """What they count in."""
    start: int
    end: int
    written: str
    """The text of the entity, which some formats have, too; else empty."""
    place: str
    """The record."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What offsets count. The default is characters, from 0, the end after the last."""

    name: str = "characters"
    pieces: re.Pattern[str] | None = None
    """Finds the pieces of a text that are not one unit a character."""
    width: Callable[[re.Match[str]], int] = lambda _: 0
    """How many units such a piece is."""
    start_shift: int = 0
    """What is added to a start."""
    end_shift: int = 0
    """What is added to an end."""

    def count(self, text: str) -> int:
        """Return the units of a text."""
        return _bounds(self, text)[0][-1] if self._differs(text) else len(text)

    def characters(self, text: str, start: int, end: int) -> tuple[int, int]:
        """Return offsets as characters; what has no width is left out at both ends."""
        start, end = start + self.start_shift, end + self.end_shift
        if start < 0 or not self._differs(text):
            return start, end
        units, characters = _bounds(self, text)
        if end > units[-1]:
            return start, len(text) + 1
        return characters[bisect_right(units, start) - 1], characters[bisect_left(units, end)]

    def _differs(self, text: str) -> bool:
        return self.pieces is not None and self.pieces.search(text) is not None


@lru_cache(maxsize=64)
def _bounds(unit: Unit, text: str) -> tuple[list[int], list[int]]:
    """Return the places between characters and between pieces, in units and in characters."""
    units, characters = [0], [0]
    for match in unit.pieces.finditer(text) if unit.pieces else ():
        single = range(1, match.start() - characters[-1] + 1)
        units += [units[-1] + k for k in single]
        characters += [characters[-1] + k for k in single]
        units.append(units[-1] + unit.width(match))
        characters.append(match.end())
    rest = range(1, len(text) - characters[-1] + 1)
    units += [units[-1] + k for k in rest]
    characters += [characters[-1] + k for k in rest]
    return units, characters


def cuts_word(text: str, place: int) -> bool:
    """Return whether a place is between two letters or digits of one word."""
    return _INSIDE.match(text, max(place - 1, 0), place + 1) is not None


def whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the characters of an entity with all letters of its first and its last word."""
    while cuts_word(text, start):
        start -= 1
    while cuts_word(text, end):
        end += 1
    return start, end


def find_unit(placed: Sequence[Placed]) -> tuple[Unit, Evidence] | None:
    """Return the unit that the offsets of a file count, and what shows it; None for characters.

    The text of entities shows nothing if a program took it from wrong offsets; the words do then.
    """
    return _best(placed) or _best([item._replace(written="") for item in placed])


def _best(placed: Sequence[Placed]) -> tuple[Unit, Evidence] | None:
    plain = [_fits(item, item.start, item.end) for item in placed]
    if all(plain):
        return None
    found = [(unit, Evidence.of(unit, placed, plain)) for unit in UNITS]
    good = [
        (unit, evidence)
        for unit, evidence in found
        if evidence.is_enough(unit)
        and (unit.pieces or evidence.has_text or not _adds_endings(unit, placed))
    ]
    # Of equal ones, the first.
    return max(good, key=lambda pair: pair[1].good - pair[1].before, default=None)


def _adds_endings(unit: Unit, placed: Sequence[Placed]) -> bool:
    """Return whether what a shift adds to words may be their endings or prefixes."""
    added = "".join(
        item.text[max(item.start + unit.start_shift, 0) : item.start]
        + item.text[item.end : item.end + unit.end_shift]
        for item in placed
    )
    letters = {letter for letter in added if letter.isalnum() and not _KOREAN.match(letter)}
    return added != "" and len(letters) < _ENOUGH_LETTERS


@dataclass(frozen=True, slots=True)
class Evidence:
    """How well another unit fits the entities whose characters it changes."""

    changed: int
    good: int
    """Of these, those that fit with the unit."""
    before: int
    """Of these, those that fit as characters."""
    has_text: bool
    """Whether the file gives their text."""
    example: str
    """The first that does not fit as characters."""

    @classmethod
    def of(cls, unit: Unit, placed: Sequence[Placed], plain: Sequence[bool]) -> Evidence:
        """Count it for a unit, given how the entities fit as characters."""
        changed = [
            (item, places, fits)
            for item, fits in zip(placed, plain, strict=True)
            if (places := unit.characters(item.text, item.start, item.end))
            != (item.start, item.end)
        ]
        examples = (
            f"{_shown(item, *places)}, not {_shown(item, item.start, item.end)}, in {item.place}"
            for item, places, fits in changed
            if not fits
        )
        return cls(
            changed=len(changed),
            good=sum(_fits(item, *places) for item, places, _ in changed),
            before=sum(fits for _, _, fits in changed),
            has_text=all(item.written for item, _, _ in changed),
            example=next(examples, ""),
        )

    def is_enough(self, unit: Unit) -> bool:
        """Return whether nearly all fit with the unit, and half at most as characters."""
        enough = _ENOUGH if unit.pieces else _ENOUGH_SHIFTED
        share = self.good >= 0.9 * self.changed and self.before <= 0.5 * self.changed
        return self.changed >= (1 if self.has_text else enough) and share

    def plus(self, other: Evidence) -> Evidence:
        """Return the evidence of several files."""
        return Evidence(
            self.changed + other.changed,
            self.good + other.good,
            self.before + other.before,
            self.has_text and other.has_text,
            self.example,
        )

    def finding(self, unit: Unit) -> Finding:
        """Return a note where the text of entities proves the unit, a warning where words do."""
        how = "have their own text" if self.has_text else "are whole words"
        text = (
            f"offsets count {unit.name}: read like this, {self.good} of {self.changed} entities "
            f"{how}, otherwise {self.before}; the first is {self.example}"
        )
        level: Literal["note", "warning"] = "note" if self.has_text else "warning"
        text += "" if self.has_text else ": check it, and correct the file if it is wrong"
        return Finding(code="offset-units", level=level, text=text, count=self.changed)


def _shown(item: Placed, start: int, end: int) -> str:
    return shown(item.text[max(start, 0) : max(end, 0)])


def _fits(item: Placed, start: int, end: int) -> bool:
    """Return whether characters are the text of an entity, or else whole words without marks."""
    text = item.text
    if not 0 <= start < end <= len(text):
        return False
    inside = text[start:end]
    if item.written:
        is_bare = inside == item.written or inside == inside.strip()
        return is_bare and inside.split() == item.written.split()
    ends = inside[0], inside[-1]
    if any(map(str.isspace, ends)) or ends[0] in MARKS_BEFORE:
        return False
    if ends[1] in MARKS_AFTER and not _HTML_END.search(inside):
        return False
    return not (cuts_word(text, start) or cuts_word(text, end))


CHARACTERS = Unit()
#: Units besides characters; of equally good ones, the first.
UNITS = (
    Unit(
        "a line end as one character, and no byte order mark",
        re.compile(r"\r(?=\n)|\A\ufeff"),
    ),
    Unit("a line end as two characters", re.compile(r"(?<!\r)\n"), lambda _: 2),
    Unit("UTF-16 units, as JavaScript does", re.compile("[\U00010000-\U0010ffff]"), lambda _: 2),
    Unit("bytes of UTF-8", re.compile(r"[^\x00-\x7f]"), lambda piece: len(piece[0].encode())),
    Unit(
        "a letter and its accent as one character",
        re.compile(r".[\u0300-\u036f]+", re.DOTALL),
        lambda piece: len(unicodedata.normalize("NFC", piece[0])),
    ),
    Unit(
        "a letter and its accent as two characters",
        re.compile(r"[^\x00-\x7f]"),
        lambda piece: len(unicodedata.normalize("NFD", piece[0])),
    ),
    Unit("no invisible characters", re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]")),
    Unit(
        "an HTML entity such as &amp; as one character",
        re.compile(r"&#?\w{2,8};"),
        lambda piece: len(html.unescape(piece[0])),
    ),
    Unit(
        "several blanks as one",
        re.compile(r"\A\s+|\s{2,}"),
        lambda piece: min(piece.start(), 1),
    ),
    Unit("characters from 0, the end is the last one", end_shift=1),
    Unit("characters from 1, the end is the last one", start_shift=-1),
    Unit("characters from 1", start_shift=-1, end_shift=-1),
    Unit("one character too few", start_shift=1, end_shift=1),
    Unit("one character before the entity, too", start_shift=1),
    Unit("one character after the entity, too", end_shift=-1),
)
