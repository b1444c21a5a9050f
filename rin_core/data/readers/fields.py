"""Fields of a JSON record, checked.

Each function raises a ``CorpusError`` that names the field, what it has and what it must have.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from rin_core.data.corpus import CorpusError, shown

_T = TypeVar("_T")
_LABELS = ("type", "label", "predicate")
_CLASS_NAME = (
    "a name; write the names of classes in place of their numbers, or put the dataset_info.json "
    "of Hugging Face, which has the names, beside the file"
)
_A_KIND = {
    str: "text",
    int: "a whole number",
    list: "a list ([] for none)",
    dict: "an object with fields",
}


def field(record: object, key: str, kind: type[_T], at: str = "") -> _T:
    """Return a field of a record, or of the object at ``at`` within it; it must be of a type.

    Args:
        record: The record, or the object.
        key: The field.
        kind: Its type.
        at: The name of the object, such as ``entities[2]``; empty for the record.
    """
    if not isinstance(record, dict):
        raise wrong(at, shown(record), "an object with fields")
    name = f"{at}.{key}" if at else key
    if key not in record:
        raise wrong(name, f"only the fields {shown(list(record))}", _A_KIND[kind])
    value = record[key]
    # Not isinstance: true is no index, although a bool is an int.
    if type(value) is not kind:
        is_class = type(value) is int and kind is str and key in _LABELS
        raise wrong(name, shown(value), _CLASS_NAME if is_class else _A_KIND[kind])
    return value


def text_of(value: object, at: str) -> str:
    """Return a value, which must be text that is not blank and that UTF-8 can encode."""
    if not isinstance(value, str) or not value.strip():
        raise wrong(at, shown(value), "text that is not empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise wrong(at, f"an unpaired surrogate in {shown(value)}", "valid text") from None
    return value


def word_of(value: object, at: str) -> str:
    """Return a token. Blank ones are left out later, when the spans are known."""
    return value if isinstance(value, str) and not value.strip() else text_of(value, at)


def label_of(value: object, at: str) -> str:
    """Return the name of a relation or a type; the number of a class is none."""
    if type(value) is int:
        raise wrong(at, str(value), _CLASS_NAME)
    return text_of(value, at)


def wrong(at: str, found: str, expected: str) -> CorpusError:
    """Return the error of a field that has something else than expected."""
    return CorpusError(f"field {at}: found {found}, expected {expected}")


def split_words(record: dict[str, Any], key: str) -> tuple[str, ...]:
    """Return the words of a text field, which has spaces between them."""
    return tuple(text_of(record[key], key).split())


def read_tokens(record: dict[str, Any], key: str) -> tuple[str, ...]:
    """Return the words of a list field, at least one that is not blank."""
    words = tuple(word_of(word, at) for at, word in items(record, key))
    if not any(map(str.strip, words)):
        raise wrong(key, shown(list(words)), "at least one word")
    return words


def items(record: dict[str, Any], key: str) -> Iterator[tuple[str, Any]]:
    """Yield the items of a list field, each with its own name, such as ``entities[2]``."""
    for index, item in enumerate(field(record, key, list)):
        yield f"{key}[{index}]", item


def index_in(text: str, count: int) -> int | None:
    """Return an index from 0 to below ``count``, written in decimal digits; None if it is none."""
    # int refuses very many digits.
    number = int(text) if text.isdecimal() and len(text) < 10 else count
    return number if number < count else None


def read_pos(record: dict[str, Any], words: tuple[str, ...]) -> tuple[str, ...] | None:
    """Read tags, a list or a space-separated string, where the record has them."""
    if record.get("pos") is None:
        return None
    if isinstance(record["pos"], str):
        tags = tuple(split_words(record, "pos"))
    else:
        tags = tuple(text_of(tag, at) for at, tag in items(record, "pos"))
    if len(tags) != len(words):
        raise wrong("pos", f"{len(tags)} tags", f"{len(words)}, one per word")
    return tags
