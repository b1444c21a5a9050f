"""Records in and out of a model: JSON lines or plain text in, JSON lines out."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from rin_core.data.corpus import CorpusError, Sentence, shown
from rin_core.data.readers.fields import field as checked
from rin_core.data.readers.fields import items, read_pos, text_of
from rin_core.data.readers.json_records import LARGEST_RECORD, parse_line
from rin_core.data.readers.text_files import not_utf8
from rin_core.data.readers.unannotated import unannotated
from rin_core.predict.ensemble import Ensemble
from rin_core.predict.extraction import Extraction
from rin_core.predict.predictor import Predictor
from rin_core.predict.texts import TextSentence, TextSplitter

#: The field of an answer that has what was found.
ANSWER = "sentences"
_HOW_READ = "a file that starts with { is read as JSON, one record per line, other files as text"


@dataclass(frozen=True, slots=True)
class Record:
    """Sentences to annotate, and what the answer repeats."""

    fields: Mapping[str, Any]
    """Every field of the record."""
    sentences: Sequence[Sentence | TextSentence]
    """Words that were given, or sentences of the text; none where there are no words."""


@dataclass(slots=True)
class RecordReader:
    """Read records from lines: JSON if the first line that is not blank is an object, else text.

    Blank lines, and lines that could not be read, are counted.
    """

    splitter: TextSplitter
    skips: bool = False
    """Count a line that cannot be read, instead of raising."""
    blank: int = field(default=0, init=False)
    """How many lines were blank."""
    skipped: int = field(default=0, init=False)
    first_fault: str = field(default="", init=False)
    """What is wrong with the first line that was skipped."""

    def read(self, lines: Iterable[bytes], name: str) -> Iterator[Record]:
        """Yield a record for each line that is not blank.

        Args:
            lines: UTF-8.
            name: Where they are from, for messages.

        Raises:
            CorpusError: A line cannot be read; names line and field.
        """
        is_json: bool | None = None
        for number, raw in enumerate(lines, 1):
            line = raw.removeprefix(codecs.BOM_UTF8).rstrip(b"\r\n")
            if not line.strip():
                self.blank += 1
                continue
            is_first = is_json is None
            if is_json is None:
                is_json = line.lstrip().startswith(b"{")
                if line.strip() == b"[" or line.lstrip().startswith(b"[{"):
                    raise CorpusError(
                        f"{name}:{number}: a JSON list, expected one JSON object per line, or text"
                    )
                if line.strip() == b"{":
                    raise CorpusError(
                        f"{name}:{number}: a record continues on the next line; write one record "
                        "per line"
                    )
            place = f"{name}:{number}"
            try:
                if is_json:
                    record = parse_line(line.strip(), name, number)
                else:
                    record = _text(line, place, number)
                yield record_of(record, self.splitter, f"{place}: ")
            except CorpusError as fault:
                if not self.skips:
                    if is_json and is_first:
                        raise CorpusError(f"{fault}; {_HOW_READ}") from None
                    raise
                self.skipped += 1
                self.first_fault = self.first_fault or str(fault)


def _text(line: bytes, place: str, number: int) -> dict[str, Any]:
    """Read a line of plain text as a record."""
    if len(line) > LARGEST_RECORD:
        raise CorpusError(
            f"{place}: a line of {len(line) / 2**20:.1f} MiB, expected at most "
            f"{LARGEST_RECORD / 2**20:.0f}: one paragraph per line"
        )
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise CorpusError(f"{place}: {not_utf8(line, error)}") from None
    if "\0" in text:
        raise CorpusError(f"{place}: not text, but a binary file")
    return {"line": number, "text": text}


def record_of(record: object, splitter: TextSplitter, place: str = "") -> Record:
    """Read a record: ``tokens``, or ``text`` or ``sentText``, optionally with ``pos``.

    ``sentText``, and text with ``pos``, is one sentence with spaces between its words.

    Args:
        record: Parsed JSON; other fields are not looked at.
        splitter: Splits text.
        place: What an error starts with.

    Raises:
        CorpusError: Names the field that is wrong.
    """
    try:
        if not isinstance(record, dict):
            raise CorpusError(f"found {shown(record)}, expected an object with fields")
        return Record(record, _sentences(record, splitter))
    except CorpusError as fault:
        raise CorpusError(f"{place}{fault}") from None


def _words_of_tokens(record: dict[str, Any]) -> Iterator[str]:
    """Yield the words of a record; Prodigy's tokens are objects, some of them white space."""
    for at, token in items(record, "tokens"):
        word = checked(token, "text", str, at) if isinstance(token, dict) else token
        if word is token or word.strip():
            yield text_of(word, at)


def _sentences(record: dict[str, Any], splitter: TextSplitter) -> Sequence[Sentence | TextSentence]:
    if "tokens" in record:
        words = tuple(_words_of_tokens(record))
        pos = read_pos(record, words)
        return [unannotated(words, pos)] if words else []
    key = next((key for key in ("text", "sentText") if key in record), None)
    if key is None:
        raise CorpusError(f"found the fields {shown(list(record))}, expected text or tokens")
    text = checked(record, key, str)
    if text.strip():
        text_of(text, key)
    if key == "text" and record.get("pos") is None:
        return splitter.split(text)
    spaced = TextSplitter(splitter.vocabulary, one_sentence=True, pretokenized=True).split(text)
    words = spaced[0].words if spaced else ()
    pos = read_pos(record, words)
    return [replace(s, sentence=replace(s.sentence, pos=pos)) for s in spaced]


def extract(
    predictor: Predictor | Ensemble,
    records: Sequence[Record],
    *,
    batch_tokens: int = 2048,
    every_round: bool = False,
) -> list[list[tuple[Extraction, ...]]]:
    """Return for each record the extractions of each of its sentences; the last is the answer.

    Args:
        predictor: The model, or several that vote.
        records: From :class:`RecordReader` or :func:`record_of`.
        batch_tokens: Words computed at once.
        every_round: Return also what was found before the first round and after each.
    """
    sentences = [sentence for record in records for sentence in record.sentences]
    if every_round:
        rounds = iter(predictor.predict_rounds(sentences, batch_tokens=batch_tokens))
    else:
        found = predictor.predict(sentences, batch_tokens=batch_tokens)
        rounds = iter([(extraction,) for extraction in found])
    return [list(islice(rounds, len(record.sentences))) for record in records]


def answer(
    record: Record, found: Sequence[tuple[Extraction, ...]], *, every_round: bool = False
) -> dict[str, Any]:
    """Return a record's fields, and with them what was found in each of its sentences.

    Args:
        record: The record.
        found: Its extractions, from :func:`extract`.
        every_round: Add ``rounds``, what was found before the first round and after each.
    """
    sentences = []
    for rounds in found:
        content = rounds[-1].to_json()
        if every_round:
            content["rounds"] = [{"round": k, **x.found_json()} for k, x in enumerate(rounds)]
        sentences.append(content)
    return {**record.fields, ANSWER: sentences}


def to_line(content: dict[str, Any]) -> bytes:
    """Return an answer as one line of JSON.

    Raises:
        CorpusError: A field that was given is nested too deeply.
    """
    try:
        return json.dumps(content, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # a field may hold half a character pair, which only \u can write
        return json.dumps(content).encode() + b"\n"
    except RecursionError:
        raise CorpusError("a record has too many levels of lists and objects") from None
