"""Sentences, entities and gold triples, read from the formats such corpora come in.

Words are split at spaces and never re-tokenised. An argument given as text is located at
its first occurrence (as in the released preprocessing), and an argument is an entity.
Whatever is wrong with a file ends as one :class:`CorpusError` that says where and why.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import math
import os
import reprlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

SPLITS = ("train", "dev", "test")

_FILE_STEMS = {
    "train": ("train",),
    "dev": ("dev", "valid", "validation", "val"),
    "test": ("test",),
}
_SUFFIXES = (".json", ".jsonl")


class CorpusError(ValueError):
    """A corpus that cannot be read: names the file, the place, what is wrong and the fix."""


class Span(NamedTuple):
    """A half-open range of word positions."""

    start: int
    end: int


class Triple(NamedTuple):
    """One gold relation between two spans of a sentence."""

    subject: Span
    relation: str
    object: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One annotated sentence."""

    words: tuple[str, ...]
    """The words, as written."""
    pos: tuple[str, ...] | None
    """One part-of-speech tag a word, where the corpus has them."""
    entities: tuple[Span, ...]
    """Distinct entity spans in order of position; every argument of a triple is one."""
    triples: tuple[Triple, ...]
    """Distinct gold triples, in the order of the file."""
    missing: tuple[tuple[str, str, str], ...] = ()
    """Gold triples, as text, of which an argument does not occur in the sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The three splits of a corpus."""

    name: str
    """What results call it; no part of its identity."""
    train: tuple[Sentence, ...]
    """Sentences to learn from, and the only source of vocabularies."""
    dev: tuple[Sentence, ...]
    """Sentences that select the epoch."""
    test: tuple[Sentence, ...]
    """Sentences scored once."""

    def splits(self) -> dict[str, tuple[Sentence, ...]]:
        """Return the splits under their names, in the order of :data:`SPLITS`."""
        return {"train": self.train, "dev": self.dev, "test": self.test}

    def digest(self) -> str:
        """Identify the content, whatever file format, folder or name it came under.

        Returns:
            16 hexadecimal digits.
        """
        content = hashlib.sha256()
        for sentences in self.splits().values():
            rows = [[s.words, s.pos, s.entities, s.triples, s.missing] for s in sentences]
            content.update(json.dumps(rows, separators=(",", ":")).encode())
        return content.hexdigest()[:16]

    def missing_report(self) -> list[str]:
        """Return one line for each split with triples that could not be located."""
        return [
            f"{name}: {_missing_summary(sentences)}"
            for name, sentences in self.splits().items()
            if any(s.missing for s in sentences)
        ]


def load_corpus(name: str, data_root: Path | None = None, max_missing: float = 0.01) -> Corpus:
    """Load a corpus by name or folder.

    Args:
        name: ``"demo"``, a folder under the data root, or the path of a folder.
        data_root: Folder of corpora; without it, the environment variable RIN_DATA_ROOT.
        max_missing: Largest share of a split's triples that may be impossible to locate.

    Raises:
        CorpusError: No such corpus, a split is missing, or a file cannot be read.
    """
    if name == "demo":
        from rin_core.demo import demo_corpus

        return demo_corpus()
    folder = find_corpus(name, data_root)
    files = _split_files(folder)
    splits = {split: read_split(path) for split, path in files.items()}
    for split, sentences in splits.items():
        _check_missing(files[split], sentences, max_missing)
    if not any(s.triples for s in splits["train"]):
        raise CorpusError(f"{files['train']}: no sentence has a triple, so nothing can be learned")
    return Corpus(name=folder.resolve().name, **splits)


def find_corpus(name: str, data_root: Path | None) -> Path:
    """Return the folder of a corpus: a name under the data root, or else a path.

    Args:
        name: Name or path of the folder.
        data_root: Folder of corpora; without it, the environment variable RIN_DATA_ROOT.

    Raises:
        CorpusError: There is no such folder; lists the corpora that are there.
    """
    from_environment = os.environ.get("RIN_DATA_ROOT")
    root = data_root or (Path(from_environment) if from_environment else None)
    candidates = [root / name] if root else []
    for folder in (*candidates, Path(name)):
        if name and folder.is_dir():
            return folder
    raise CorpusError(f"corpus {name!r}: no such folder; {_available(root)}")


def _available(root: Path | None) -> str:
    """Say which corpora could have been asked for."""
    how = "--data-root or RIN_DATA_ROOT"
    if root is None:
        return f"only 'demo' is built in; for others, say where they are with {how}"
    try:
        names = sorted(f.name for f in root.iterdir() if f.is_dir() and any(_candidates(f)))
    except OSError as error:
        return f"the data root {root} cannot be read ({error.strerror}); set {how}"
    return f"there are {', '.join(['demo', *names])}; the data root is {root} ({how})"


def _candidates(folder: Path) -> Iterator[tuple[str, Path]]:
    """Find the files of a folder that are named as a split."""
    for split, stems in _FILE_STEMS.items():
        for path in (folder / f"{stem}{suffix}" for stem in stems for suffix in _SUFFIXES):
            if path.is_file():
                yield split, path


def _split_files(folder: Path) -> dict[str, Path]:
    """Return the one file of each split."""
    files: dict[str, Path] = {}
    for split, path in _candidates(folder):
        if split in files:
            both = f"both {files[split].name} and {path.name}"
            raise CorpusError(f"{folder}: {both} could be the {split} split; keep one of them")
        files[split] = path
    absent = [f"{split}{_SUFFIXES[0]}" for split in SPLITS if split not in files]
    if absent:
        found = ", ".join(path.name for path in files.values()) or "no split at all"
        raise CorpusError(
            f"{folder}: missing {' and '.join(absent)} (found {found}); "
            f"put the missing split there, as .json or .jsonl"
        )
    return files


def _missing_summary(sentences: tuple[Sentence, ...]) -> str:
    """Say how many triples of a split cannot be located, with the first of them."""
    missing, total = _count_missing(sentences)
    first = next(s for s in sentences if s.missing)
    text = " ".join(first.words)
    return (
        f"{missing} of {total} triples ({missing / total:.2%}) have an argument that is not in "
        f"their sentence, first {first.missing[0]} in {_show(text)}"
    )


def _count_missing(sentences: tuple[Sentence, ...]) -> tuple[int, int]:
    missing = sum(len(s.missing) for s in sentences)
    return missing, missing + sum(len(s.triples) for s in sentences)


def _check_missing(path: Path, sentences: tuple[Sentence, ...], max_missing: float) -> None:
    missing, total = _count_missing(sentences)
    if missing <= max_missing * total:
        return
    enough = math.ceil(100 * missing / total) / 100
    raise CorpusError(
        f"{path}: {_missing_summary(sentences)}; at most {max_missing:.2%} may be: "
        f"correct the file, or allow it with --set data.max_missing={enough:g}"
    )


def read_split(path: Path) -> tuple[Sentence, ...]:
    """Read one file, a JSON list or JSON lines, in any of the three formats.

    Args:
        path: The file. Its name says nothing about its format.

    Raises:
        CorpusError: Names the file, the line or record and the field that is wrong.
    """
    sentences = []
    try:
        for place, record in _records(path):
            sentences.append(_read_record(record, place))
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from None
    if not sentences:
        raise CorpusError(f"{path}: holds no sentences")
    return tuple(sentences)


def _records(path: Path) -> Iterator[tuple[str, object]]:
    """Yield each record of a file with the place it stands at."""
    with path.open("rb") as file:
        is_list = _opens_list(file)
        file.seek(0)
        if is_list:
            for number, record in enumerate(_parse(file.read(), path, first_line=1), 1):
                yield f"{path}: record {number}", record
            return
        lines = enumerate((raw.removeprefix(codecs.BOM_UTF8) for raw in file), 1)
        filled = ((line, raw) for line, raw in lines if raw.strip())
        for number, (line, raw) in enumerate(filled, 1):
            yield f"{path}:{line}: record {number}", _parse(raw, path, first_line=line)


def _opens_list(file: BinaryIO) -> bool:
    for raw in file:
        if text := raw.removeprefix(codecs.BOM_UTF8).strip():
            return text.startswith(b"[")
    return False


def _parse(raw: bytes, path: Path, first_line: int) -> Any:
    """Parse JSON; any failure names the line of the file."""
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = first_line + raw.count(b"\n", 0, error.start)
        raise CorpusError(f"{path}:{line}: not UTF-8 text ({error.reason})") from None
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        why = f"{error.msg} at column {error.colno}"
        raise CorpusError(f"{path}:{line}: not valid JSON ({why}); is it cut short?") from None
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{path}:{first_line}: not readable as JSON ({error})") from None


def _read_record(record: object, place: str) -> Sentence:
    """Read a record in the format that its fields show."""
    try:
        if not isinstance(record, dict):
            raise CorpusError(f"found {_show(record)}, wanted an object with fields")
        for key, reader in _READERS.items():
            if key in record:
                return reader(record)
        raise CorpusError(
            f"found the fields {_show(list(record))}, wanted {', '.join(_READERS)}: "
            "one of them tells the format"
        )
    except CorpusError as fault:
        raise CorpusError(f"{place}: {fault}") from None


def _read_copyre(record: dict[str, Any]) -> Sentence:
    """CopyRE: ``sentText``, ``relationMentions``, ``entityMentions`` (its start is no offset)."""
    words = _split_words(record, "sentText")
    facts = []
    for at, mention in _items(record, "relationMentions"):
        subject, object_, relation = (
            _text(_get(mention, key, str, at), f"{at}.{key}")
            for key in ("em1Text", "em2Text", "label")
        )
        facts.append((subject, relation, object_))
    mentions = [_get(m, "text", str, at) for at, m in _items(record, "entityMentions")]
    return _locate_all(words, _read_pos(record, words), facts, mentions)


def _read_triple_list(record: dict[str, Any]) -> Sentence:
    """Triple lists: ``text``, ``triple_list`` of [subject, relation, object], maybe ``pos``."""
    words = _split_words(record, "text")
    facts = []
    for at, triple in _items(record, "triple_list"):
        if not isinstance(triple, list) or len(triple) != 3:
            raise _wrong(at, _show(triple), "[subject, relation, object]")
        subject, relation, object_ = (_text(part, f"{at}[{i}]") for i, part in enumerate(triple))
        facts.append((subject, relation, object_))
    return _locate_all(words, _read_pos(record, words), facts, ())


def _read_spert(record: dict[str, Any]) -> Sentence:
    """SpERT: ``tokens``, ``entities`` with spans, ``relations`` between entities by index."""
    words = tuple(_text(word, at) for at, word in _items(record, "tokens"))
    if not words:
        raise _wrong("tokens", "[]", "at least one word")
    spans = [_read_span(entity, at, len(words)) for at, entity in _items(record, "entities")]
    triples = []
    for at, relation in _items(record, "relations"):
        label = _text(_get(relation, "type", str, at), f"{at}.type")
        head, tail = (_read_index(relation, key, at, len(spans)) for key in ("head", "tail"))
        triples.append(Triple(spans[head], label, spans[tail]))
    return _sentence(words, _read_pos(record, words), spans, triples, ())


_READERS: dict[str, Callable[[dict[str, Any]], Sentence]] = {
    "tokens": _read_spert,
    "sentText": _read_copyre,
    "text": _read_triple_list,
}


def _read_span(entity: object, at: str, length: int) -> Span:
    span = Span(_get(entity, "start", int, at), _get(entity, "end", int, at))
    if not 0 <= span.start < span.end <= length:
        found = f"start {span.start} and end {span.end}"
        raise _wrong(at, found, f"0 <= start < end <= {length}, the number of tokens")
    return span


def _read_index(relation: object, key: str, at: str, count: int) -> int:
    index = _get(relation, key, int, at)
    if not 0 <= index < count:
        raise _wrong(f"{at}.{key}", str(index), f"an index into {count} entities, from 0")
    return index


def _read_pos(record: dict[str, Any], words: tuple[str, ...]) -> tuple[str, ...] | None:
    """Read tags, a list or a space-separated string, where the record has them."""
    if record.get("pos") is None:
        return None
    if isinstance(record["pos"], str):
        tags = tuple(_split_words(record, "pos"))
    else:
        tags = tuple(_text(tag, at) for at, tag in _items(record, "pos"))
    if len(tags) != len(words):
        raise _wrong("pos", f"{len(tags)} tags", f"{len(words)}, one a word")
    return tags


def _locate_all(
    words: tuple[str, ...],
    pos: tuple[str, ...] | None,
    facts: Iterable[tuple[str, str, str]],
    mentions: Iterable[str],
) -> Sentence:
    """Turn arguments and entity mentions given as text into spans."""
    spans = [span for mention in mentions if (span := _locate(words, mention))]
    triples, missing = [], []
    for subject, relation, object_ in facts:
        ends = _locate(words, subject), _locate(words, object_)
        spans += filter(None, ends)
        if ends[0] and ends[1]:
            triples.append(Triple(ends[0], relation, ends[1]))
        else:
            missing.append((subject, relation, object_))
    return _sentence(words, pos, spans, triples, missing)


def _locate(words: tuple[str, ...], text: str) -> Span | None:
    """Find the first occurrence of a sequence of words."""
    target = tuple(text.split())
    start = -1
    while target:
        try:
            start = words.index(target[0], start + 1)
        except ValueError:
            break
        if words[start : start + len(target)] == target:
            return Span(start, start + len(target))
    return None


def _sentence(
    words: tuple[str, ...],
    pos: tuple[str, ...] | None,
    spans: Iterable[Span],
    triples: Iterable[Triple],
    missing: Iterable[tuple[str, str, str]],
) -> Sentence:
    """Build a sentence, its entities in order and its triples a set."""
    return Sentence(
        words=words,
        pos=pos,
        entities=tuple(sorted(set(spans))),
        triples=tuple(dict.fromkeys(triples)),
        missing=tuple(dict.fromkeys(missing)),
    )


def _split_words(record: dict[str, Any], key: str) -> tuple[str, ...]:
    return tuple(_text(record[key], key).split())


def _items(record: dict[str, Any], key: str) -> Iterator[tuple[str, Any]]:
    """Yield the items of a list field, each with its own name, such as ``entities[2]``."""
    for index, item in enumerate(_get(record, key, list)):
        yield f"{key}[{index}]", item


def _get(record: object, key: str, kind: type[_T], at: str = "") -> _T:
    """Return a field of a record, or of the object at ``at`` within it, checked."""
    if not isinstance(record, dict):
        raise _wrong(at, _show(record), "an object with fields")
    name = f"{at}.{key}" if at else key
    if key not in record:
        raise _wrong(name, f"only the fields {_show(list(record))}", _A_KIND[kind])
    value = record[key]
    # Not isinstance: true is no index, although a bool is an int.
    if type(value) is not kind:
        raise _wrong(name, _show(value), _A_KIND[kind])
    return value


def _text(value: object, at: str) -> str:
    """Check that a value is text with something in it that can be written out again."""
    if not isinstance(value, str) or not value.strip():
        raise _wrong(at, _show(value), "text that is not empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _wrong(at, f"half a character pair in {_show(value)}", "valid text") from None
    return value


_T = TypeVar("_T")
_A_KIND = {str: "text", int: "a whole number", list: "a list"}


def _wrong(at: str, found: str, wanted: str) -> CorpusError:
    return CorpusError(f"field {at}: found {found}, wanted {wanted}")


def _show(value: object) -> str:
    """Write a value from a file, cut to a length that fits in a message."""
    return reprlib.repr(value)
