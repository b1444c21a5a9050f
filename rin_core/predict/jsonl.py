"""JSON lines in and out of a model: a sentence a line, with an identity that is passed on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rin_core.data.corpus import CorpusError, Sentence, shown
from rin_core.data.readers.json_records import filled_lines, parse_line
from rin_core.data.readers.unannotated import read_unannotated
from rin_core.data.tokenizer import tokenize
from rin_core.predict.extraction import Extraction


@dataclass(frozen=True, slots=True)
class Record:
    """A sentence to annotate."""

    sentence: Sentence
    id: str | int | None
    """The line's ``id``, None where it has none."""


@dataclass(slots=True)
class RecordReader:
    """Read records from lines, and remember those that could not be read."""

    pretokenized: bool = False
    """Split ``text`` at spaces only."""
    skips: bool = False
    """Count a line that cannot be read, instead of raising."""
    skipped: int = field(default=0, init=False)
    first_fault: str = field(default="", init=False)
    """What is wrong with the first line that was skipped."""

    def read(self, lines: Iterable[bytes], name: str) -> Iterator[Record]:
        """Yield a record for each line that is not blank.

        Args:
            lines: JSON lines, UTF-8.
            name: Where they are from, for messages.

        Raises:
            CorpusError: A line cannot be read; names line and field.
        """
        for number, line in filled_lines(lines):
            try:
                parsed = parse_line(line, name, number)
                yield record_of(parsed, pretokenized=self.pretokenized, place=f"{name}:{number}: ")
            except CorpusError as fault:
                if not self.skips:
                    raise
                self.skipped += 1
                self.first_fault = self.first_fault or str(fault)


def record_of(record: object, *, pretokenized: bool, place: str = "") -> Record:
    """Read a record: ``tokens``, ``text`` or ``sentText``, optionally ``pos`` and ``id``.

    Args:
        record: Parsed JSON.
        pretokenized: Split ``text`` at spaces only.
        place: What an error starts with.

    Raises:
        CorpusError: Names the field that is wrong.
    """
    try:
        sentence = read_unannotated(record, str.split if pretokenized else tokenize)
    except CorpusError as fault:
        raise CorpusError(f"{place}{fault}") from None
    identity = record.get("id") if isinstance(record, dict) else None
    # Not isinstance: true is an int.
    if identity is not None and type(identity) not in (str, int):
        raise CorpusError(
            f"{place}field id: found {shown(identity)}, expected text or a whole number"
        )
    return Record(sentence, identity)


def to_line(record: Record, rounds: tuple[Extraction, ...], *, every_round: bool) -> bytes:
    """Write what was found in a record as one line of JSON.

    Args:
        record: Its ``id`` comes first.
        rounds: The extractions; the last is the answer.
        every_round: Add ``rounds``, what was found before the first round and after each.
    """
    content: dict[str, object] = {} if record.id is None else {"id": record.id}
    content |= rounds[-1].to_json()
    if every_round:
        content["rounds"] = [{"round": k, **x.found_json()} for k, x in enumerate(rounds)]
    try:
        return json.dumps(content, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # an id may hold half a character pair, which only \u can write
        return json.dumps(content).encode() + b"\n"
