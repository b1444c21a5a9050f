"""DuIE: ``text``, ``spo_list`` of ``subject``, ``predicate``, ``object`` and the types of both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence, shown
from rin_core.data.readers.fields import field, items, text_of, wrong
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.sentences import locate_all, read_text


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "text" in record and "spo_list" in record


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read a record. An object with several slots is its ``@value``, as in DuIE 2.0."""
    words, pos = read_text(record, "text", reading)
    facts, types = [], dict[str, str]()
    for at, spo in items(record, "spo_list"):
        subject = text_of(field(spo, "subject", str, at), f"{at}.subject")
        relation = text_of(field(spo, "predicate", str, at), f"{at}.predicate")
        values = _slots(spo, "object", at)
        for slot in values.keys() - {"@value"}:
            reading.count("object-slots", (relation, slot))
        object_ = text_of(values.get("@value"), f"{at}.object")
        facts.append((subject, relation, object_))
        for text, key in ((subject, "subject_type"), (object_, "object_type")):
            if key in spo and isinstance(kind := _slots(spo, key, at).get("@value"), str):
                reading.add_type(types, text, kind)
    yield locate_all(words, pos, facts, (), reading, types=types)


def _slots(spo: dict[str, Any], key: str, at: str) -> dict[str, Any]:
    value = spo.get(key)
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        return {"@value": value}
    raise wrong(f"{at}.{key}", shown(value), "text, or an object with @value")
