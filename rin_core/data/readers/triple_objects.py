"""Triples as objects: ``text``, ``relations`` of ``subject``, ``relation`` and ``object`` as text.

People and language models write this form, with other names for the fields, and with a list in
place of the object. Types, and a list ``entities`` without offsets, are optional.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence, shown
from rin_core.data.readers.fields import items, label_of, text_of, wrong
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.sentences import locate_all, read_text

_TEXT, _TRIPLES = ("text", "sentence"), ("relations", "triples", "triplets")
_PARTS = (("subject", "head"), ("relation", "predicate", "type", "label"), ("object", "tail"))
_TYPE, _OFFSETS = ("type", "label"), ("start", "start_offset", "begin", "offset", "offsets", "span")


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format: doccano's entities have offsets."""
    if not _key(record, _TEXT) or not _key(record, _TRIPLES) or "tokens" in record:
        return False
    entities = record.get("entities", [""])
    if entities == []:  # doccano has no relations then
        return bool(record[_key(record, _TRIPLES)])
    return isinstance(entities, list) and all(map(_is_text, entities))


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read a record. Arguments and entities are located by their text."""
    words, pos = read_text(record, _key(record, _TEXT), reading)
    facts, mentions, types = [], [], dict[str, str]()
    for at, triple in items(record, _key(record, _TRIPLES)):
        named = dict(enumerate(triple)) if isinstance(triple, list) else triple
        names = [*named] if isinstance(triple, list) else [_key(triple, x) for x in _PARTS]
        if len(names) != 3 or "" in names:
            raise wrong(at, shown(triple), "subject, relation and object: an object or a list")
        subject, relation, object_ = (text_of(named[name], f"{at}.{name}") for name in names)
        facts.append((subject, relation, object_))
        for text, key in ((subject, f"{names[0]}_type"), (object_, f"{names[2]}_type")):
            if kind := named.get(key):
                reading.add_type(types, text, label_of(kind, f"{at}.{key}"))
    for at, entity in items(record, "entities") if "entities" in record else ():
        mentions.append(text_of(entity["text"] if isinstance(entity, dict) else entity, at))
        if key := _key(entity, _TYPE):
            reading.add_type(types, mentions[-1], label_of(entity[key], f"{at}.{key}"))
    yield locate_all(words, pos, facts, mentions, reading, types=types)


def _key(value: object, names: tuple[str, ...]) -> str:
    """Return the first of some fields that an object has, empty text for none."""
    return next((name for name in names if isinstance(value, dict) and name in value), "")


def _is_text(entity: object) -> bool:
    """Return whether an entity is given by its text alone."""
    return isinstance(entity, str) or bool(_key(entity, ("text",)) and not _key(entity, _OFFSETS))
