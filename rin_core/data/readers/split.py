"""A corpus file, in any of the formats of :mod:`rin_core.data.readers.formats`.

Words are split at spaces. Text that has punctuation attached to words, or no spaces, is split with
the tokenizer. An argument given as text is located at its first occurrence, as in the released
preprocessing, and every argument is an entity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from rin_core.data.corpus import CorpusError, Finding, Sentence, shown
from rin_core.data.readers.brat_files import brat_records, lines_are_wrapped
from rin_core.data.readers.class_labels import features_beside, with_names
from rin_core.data.readers.dygie_rows import count_in_sentences
from rin_core.data.readers.formats import READERS, format_of_record
from rin_core.data.readers.json_records import filled_lines, json_records
from rin_core.data.readers.offset_units import find_unit
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.sentences import (
    LONGEST_SENTENCE,
    LONGEST_TEXT,
    check_length,
    without_blanks,
)
from rin_core.data.readers.span_units import spans_are_characters, token_spans
from rin_core.data.readers.tables import MARK, is_table, table_records
from rin_core.data.readers.text_files import documents
from rin_core.data.readers.text_rows import looks_like_rows, row_records
from rin_core.data.readers.webanno_files import is_webanno, webanno_files, webanno_records
from rin_core.plural import plural

#: A place with a line needs no number of the record.
_LINE = re.compile(r"(:\d+): record \d+$")
_SPLIT = "into sentences, as 'rin-study convert --split-sentences IN OUT' does"
#: Records from which the meaning of spans is decided.
_SAMPLE = 200
#: Text is split with the tokenizer if more than this share of arguments are no words without it.
_ATTACHED = 0.01


def read_files(
    files: Mapping[str, Sequence[Path]], *, is_split_later: bool = False
) -> tuple[dict[str, tuple[Sentence, ...]], tuple[Finding, ...]]:
    """Read the splits of a corpus, and return them with findings on how they were read.

    Args:
        files: The files of each split.
        is_split_later: Whether records may be as long as texts.

    Raises:
        CorpusError: Names the file, the line or record and the field that is wrong.
    """
    plain = Reading(is_split_later=is_split_later)
    splits = {split: _read_all(paths, plain) for split, paths in files.items()}
    if {"inclusive-spans", "exclusive-spans"} <= plain.remarks.keys():  # one split shows it
        plain = Reading(inclusive_spans=True, is_split_later=is_split_later)
        splits = {split: _read_all(paths, plain) for split, paths in files.items()}
    if "wrapped-lines" in plain.remarks:  # also in the splits before the one that shows it
        plain = Reading(
            joins_lines=True, inclusive_spans=plain.inclusive_spans, is_split_later=is_split_later
        )
        splits = {split: _read_all(paths, plain) for split, paths in files.items()}
    absent, total = _absent(splits, plain)
    if absent <= _ATTACHED * total:
        return splits, tuple(plain.findings())
    other = Reading(
        tokenizes=True,
        joins_lines=plain.joins_lines,
        inclusive_spans=plain.inclusive_spans,
        is_split_later=is_split_later,
    )
    try:
        tokenized = {split: _read_all(paths, other) for split, paths in files.items()}
    except CorpusError:  # such as one tag a word, where the words are now others
        return splits, tuple(plain.findings())
    still, _ = _absent(tokenized, other)
    if 2 * still > absent:
        return splits, tuple(plain.findings())
    why = (
        f"without it, {absent} of {total} arguments and entities are not whole words; with it, "
        f"{still}"
    )
    text = f"text: split into words by the tokenizer ({why})"
    return tokenized, (Finding(code="tokenized", level="note", text=text), *other.findings())


def _absent(splits: Mapping[str, Sequence[Sentence]], reading: Reading) -> tuple[int, int]:
    """Return how many entities are no words of their sentence, and how many there are."""
    sentences = list(chain.from_iterable(splits.values()))
    absent = sum(len(s.missing_entities) for s in sentences)
    # Without spaces, several entities may be in one word.
    located = reading.mentions or sum(len(s.entities) for s in sentences)
    total = absent + located
    widened, _ = reading.counts.get("widened-entities", (0, ""))
    return absent + widened, total


def _read_all(paths: Sequence[Path], reading: Reading) -> tuple[Sentence, ...]:
    return tuple(sentence for path in paths for sentence in read_split(path, reading))


def read_split(path: Path, reading: Reading | None = None) -> tuple[Sentence, ...]:
    """Read one file, or a folder of brat or WebAnno files, in any of the formats.

    Args:
        path: The file. Its content shows its format, not its name.
        reading: How to read it; gets findings on what is left out.

    Raises:
        CorpusError: Names the file, the line or record and the field that is wrong.
    """
    reading = reading or Reading()
    file = reading.of_file()
    sentences, faults = _read_records(path, file)
    if found := find_unit(file.placed):
        unit, evidence = found
        file = reading.of_file()
        file.unit, file.units, file.has_text = unit, {unit: evidence}, evidence.has_text
        sentences, faults = _read_records(path, file)
    if faults:
        raise _first_of(faults)
    if not sentences:
        left_out = "".join(f"; {finding.text}" for finding in file.findings() if finding.count)
        why = "no sentence is left" if left_out else "the file has no sentences"
        raise CorpusError(f"{path}: {why}{left_out}")
    reading.add(file)
    return tuple(sentences)


def _read_records(path: Path, reading: Reading) -> tuple[list[Sentence], dict[str, CorpusError]]:
    """Return the sentences of a file, and the faults of its records by their place."""
    sentences, faults = list[Sentence](), dict[str, CorpusError]()
    try:
        records = _records(path)
        first = list(islice(records, _SAMPLE))
        _find_options(reading, [record for _, record in first])
        for place, record in chain(first, records):
            short = place.removeprefix(f"{path.parent}/")
            reading.place = _LINE.sub(r"\1", short)
            try:
                sentences += _sentences(record, reading)
            except CorpusError as fault:  # the others tell whether it is one record or all
                faults[place] = fault
    except OSError as error:
        raise CorpusError(f"{error.filename or path}: cannot be read ({error.strerror})") from None
    except CorpusError:
        if not faults:
            raise
    return sentences, faults


def _first_of(faults: Mapping[str, CorpusError]) -> CorpusError:
    """Return the first fault of a file, with its place, and how many records have others."""
    (place, fault), *others = faults.items()
    more = ""
    if others:
        more = f"; {plural(len(others), 'further record')} cannot be read, next {others[0][0]}"
    return CorpusError(f"{place}: {fault}{more}")


def _sentences(record: object, reading: Reading) -> list[Sentence]:
    """Read one record."""
    if not isinstance(record, dict):
        raise CorpusError(f"found {shown(record)}, expected an object with fields")
    reader = READERS[format_of_record(record)]
    if _is_blank(record):
        reading.count("blank-records", record)
        return []
    longest = LONGEST_TEXT if reading.is_split_later else LONGEST_SENTENCE
    found = []
    for sentence in reader.read(record, reading):
        check_length(sentence.words, longest, _SPLIT)
        shorter = without_blanks(sentence, reading)
        if shorter.words or not sentence.words:
            found.append(replace(shorter, place=reading.place))
    return found


def _is_blank(record: Mapping[str, object]) -> bool:
    """Return whether a record has no words and no annotations, as tools export an empty line."""
    keys = [key for key in ("text", "sentText", "tokens") if key in record]
    lists = [x for key, x in record.items() if isinstance(x, list) and key not in keys]
    values = [record[key] for key in keys]
    texts = [x for value in values for x in (value if isinstance(value, list) else [value])]
    has_words = any(text.strip() if isinstance(text, str) else text for text in texts)
    return bool(keys) and not has_words and not any(lists)


def _find_options(reading: Reading, sample: list[object]) -> None:
    """Set what the spans of a file mean, as its first records show."""
    # A file with few spans means what the files before it mean.
    enough = 1 if "character-spans" in reading.remarks else 4
    reading.character_spans = spans_are_characters(sample, enough)
    if reading.character_spans:
        text = "start and end of entities count characters, not tokens"
        reading.remark("character-spans", text)
    if spans := token_spans(sample):
        reading.inclusive_spans |= any(start == end for start, end in spans)
        if reading.inclusive_spans:
            reading.remark("inclusive-spans", "the end of a token span is its last token")
        else:
            text = "the end of a token span is the token after its last"
            reading.remark("exclusive-spans", text)
    reading.sentence_offsets = count_in_sentences(sample)
    if reading.sentence_offsets:
        text = "token offsets count from the start of their sentence, not of the document"
        reading.remark("sentence-offsets", text)

    reading.joins_lines |= lines_are_wrapped(sample)
    if reading.joins_lines:
        text = (
            "text: the lines of a paragraph are joined, because entities cross line ends; join "
            "them in texts for predict, too, where each line end ends a sentence"
        )
        reading.remark("wrapped-lines", text)


def _records(path: Path) -> Iterator[tuple[str, object]]:
    """Yield the records of a file, each after its place for messages."""
    if path.is_dir() and documents(path, ".ann"):
        yield from brat_records(path)
        return
    if path.is_dir() and (exported := webanno_files(path)):
        yield from webanno_records(exported)
        return
    with path.open("rb") as file:
        start = file.read(MARK)
        file.seek(0)
        first = b"" if is_table(start) else next(filled_lines(file), (0, b""))[1]
    if is_table(start):
        yield from table_records(path)
    elif is_webanno(first):
        yield from webanno_records([path])
    elif looks_like_rows(first):
        yield from row_records(path)
    else:
        features = features_beside(path)
        for place, record in json_records(path):
            yield place, with_names(record, features)


def format_of(path: Path) -> str:
    """Return the name of a file's format, by its first record.

    Raises:
        CorpusError: The file is empty or in no format that is read.
    """
    for _, record in _records(path):
        if isinstance(record, dict):
            return format_of_record(record)
    raise CorpusError(f"{path}: the file has no sentences")
