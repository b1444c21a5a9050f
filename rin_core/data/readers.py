"""Readers of the formats that corpora come in: CopyRE, triple lists, SpERT.

Words are split at spaces and never re-tokenised. An argument given as text is located at
its first occurrence (as in the released preprocessing), and an argument is an entity.
Whatever is wrong with a file ends as one :class:`CorpusError` that says where and why.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from rin_core.data.corpus import CorpusError, Sentence, Span, Triple, shown

#: What one record may cost. A sentence of the largest size still trains in a batch of 50.
LONGEST_SENTENCE = 2000  # words
LONGEST_TEXT = 20_000  # words to annotate, which keeps nothing for a backward pass
LARGEST_RECORD = 2**22  # bytes of a line


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
            for number, record in enumerate(parse_json(file.read(), path, first_line=1), 1):
                yield f"{path}: record {number}", record
            return
        for number, (line, raw) in enumerate(filled_lines(file), 1):
            yield f"{path}:{line}: record {number}", parse_line(raw, path, line)


def filled_lines(file: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers from 1.

    Without its end, a line that is cut short has its fault in this line and not in the next.
    """
    for number, raw in enumerate(file, 1):
        if line := raw.removeprefix(codecs.BOM_UTF8).strip():
            yield number, line


def _opens_list(file: BinaryIO) -> bool:
    for raw in file:
        if text := raw.removeprefix(codecs.BOM_UTF8).strip():
            return text.startswith(b"[")
    return False


def parse_line(raw: bytes, path: Path | str, line: int) -> Any:
    """Parse one line of JSON; raises as :func:`parse_json`, and for a line that is too large."""
    if len(raw) > LARGEST_RECORD:
        raise CorpusError(
            f"{path}:{line}: a record of {len(raw) / 2**20:.1f} MiB, wanted at most "
            f"{LARGEST_RECORD / 2**20:.0f}: one sentence a line"
        )
    return parse_json(raw, path, first_line=line)


def parse_json(raw: bytes, path: Path | str, first_line: int) -> Any:
    """Parse JSON; any failure names the line of the file.

    Args:
        raw: The text.
        path: The file it is from, for the message.
        first_line: The line it starts at.

    Raises:
        CorpusError: It is not JSON.
    """
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
            raise CorpusError(f"found {shown(record)}, wanted an object with fields")
        for key, reader in _READERS.items():
            if key in record:
                return reader(record)
        raise CorpusError(
            f"found the fields {shown(list(record))}, wanted {', '.join(_READERS)}: "
            "one of them tells the format"
        )
    except CorpusError as fault:
        raise CorpusError(f"{place}: {fault}") from None


def read_unannotated(record: object, tokenize: Callable[[str], Iterable[str]]) -> Sentence:
    """Read no more of a record than its words and tags, for a model to annotate.

    Args:
        record: In any of the formats; its annotation is not looked at. No words are legal.
        tokenize: Splits ``text`` that comes without tags; ``text`` with tags, one a word, and
            ``sentText`` are split at spaces.

    Raises:
        CorpusError: Names the field that is wrong.
    """
    if not isinstance(record, dict):
        raise CorpusError(f"found {shown(record)}, wanted an object with fields")
    if "tokens" in record:
        words = tuple(_text(word, at) for at, word in _items(record, "tokens"))
    else:
        key = next((key for key in ("text", "sentText") if key in record), None)
        if key is None:
            raise CorpusError(f"found the fields {shown(list(record))}, wanted text or tokens")
        text = _get(record, key, str)
        split = tokenize if key == "text" and record.get("pos") is None else str.split
        words = tuple(split(_text(text, key))) if text.strip() else ()
    return unannotated(words, _read_pos(record, words))


def unannotated(words: Iterable[str], pos: tuple[str, ...] | None = None) -> Sentence:
    """Return a sentence without entities or triples."""
    return _sentence(tuple(words), pos, (), (), (), LONGEST_TEXT)


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
            raise _wrong(at, shown(triple), "[subject, relation, object]")
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
    """Turn arguments and entity mentions given as text into spans, the first that fits."""
    facts = list(facts)
    texts = [*mentions, *(text for subject, _, object_ in facts for text in (subject, object_))]
    found = {text: _locate(words, text) for text in texts}
    triples, missing = [], []
    for subject, relation, object_ in facts:
        first, second = found[subject], found[object_]
        if first and second:
            triples.append(Triple(first, relation, second))
        else:
            missing.append((subject, relation, object_))
    # One text, however its words are spaced.
    absent = (" ".join(text.split()) for text, span in found.items() if not span)
    sentence = _sentence(words, pos, filter(None, found.values()), triples, missing)
    return replace(sentence, missing_entities=tuple(dict.fromkeys(absent)))


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
    longest: int = LONGEST_SENTENCE,
) -> Sentence:
    """Build a sentence, its entities in order and its triples a set."""
    if len(words) > longest:
        raise CorpusError(
            f"a sentence of {len(words)} words, wanted at most {longest}: "
            "split the text into sentences"
        )
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
        raise _wrong(at, shown(record), "an object with fields")
    name = f"{at}.{key}" if at else key
    if key not in record:
        raise _wrong(name, f"only the fields {shown(list(record))}", _A_KIND[kind])
    value = record[key]
    # Not isinstance: true is no index, although a bool is an int.
    if type(value) is not kind:
        raise _wrong(name, shown(value), _A_KIND[kind])
    return value


def _text(value: object, at: str) -> str:
    """Check that a value is text with something in it that can be written out again."""
    if not isinstance(value, str) or not value.strip():
        raise _wrong(at, shown(value), "text that is not empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _wrong(at, f"half a character pair in {shown(value)}", "valid text") from None
    return value


_T = TypeVar("_T")
_A_KIND = {str: "text", int: "a whole number", list: "a list"}


def _wrong(at: str, found: str, wanted: str) -> CorpusError:
    return CorpusError(f"field {at}: found {found}, wanted {wanted}")
