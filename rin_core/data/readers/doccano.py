"""doccano and its like: ``text``, ``entities`` with characters, ``relations`` by id or index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence, shown
from rin_core.data.readers.character_spans import Mention, align, mention
from rin_core.data.readers.fields import field, items, label_of, text_of, wrong
from rin_core.data.readers.reading import Reading

_START, _END = ("start_offset", "start"), ("end_offset", "end")
_TYPE, _HEAD, _TAIL = ("type", "label"), ("from_id", "head"), ("to_id", "tail")


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "text" in record and "entities" in record and "tokens" not in record


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read a record. An entity without ``id`` has its index as one."""
    text = text_of(field(record, "text", str), "text")
    mentions, facts = dict[str, Mention](), []
    for index, (at, entity) in enumerate(items(record, "entities")):
        start, end, kind = (_first(entity, keys, at) for keys in (_START, _END, _TYPE))
        given = entity.get("id")
        key = _key(index if given is None else given)
        if key in mentions:
            raise wrong(f"{at}.id", key, "an id that no other entity of the record has")
        mentions[key] = mention(text, start, end, kind, at, reading)
    for at, relation in items(record, "relations"):
        label = label_of(_first(relation, _TYPE, at), f"{at}.type")
        head, tail = (_key(_first(relation, keys, at)) for keys in (_HEAD, _TAIL))
        for key in (head, tail):
            if key not in mentions:
                raise wrong(
                    at, f"the entity {key}", f"one of the ids {', '.join(list(mentions)[:5])}"
                )
        facts.append((head, label, tail))
    yield align(reading.split(text), mentions, facts, reading)


def _first(record: object, keys: tuple[str, ...], at: str) -> Any:
    """Return the first of some fields that a record has."""
    if isinstance(record, dict):
        for key in keys:
            if key in record:
                return record[key]
    raise wrong(at, shown(record), f"an object with {' or '.join(keys)}")


def _key(value: object) -> str:
    """Return an id as text, because a file may have any value there; never shortened."""
    return repr(value)
