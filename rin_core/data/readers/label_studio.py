"""Label Studio: ``data`` with a text, ``annotations`` with ``result``: labels and relations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence
from rin_core.data.readers.character_spans import Mention, align, mention
from rin_core.data.readers.fields import field, items, text_of, wrong
from rin_core.data.readers.reading import Reading


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "data" in record and "annotations" in record


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read the first annotation of a task; a relation without a label is named ``related``."""
    data = record["data"]
    text = text_of(data.get("text") if isinstance(data, dict) else None, "data.text")
    annotations = list(items(record, "annotations"))
    for at, other in annotations[1:]:
        reading.count("further-annotations", (at, other))
    results = field(annotations[0][1], "result", list, "annotations[0]") if annotations else []
    mentions, facts = dict[str, Mention](), []
    for index, item in enumerate(results):
        at = f"annotations[0].result[{index}]"
        kind = field(item, "type", str, at)
        if kind == "relation":
            label = _label(item) or "related"
            head, tail = (field(item, key, str, at) for key in ("from_id", "to_id"))
            if item.get("direction") == "left":
                head, tail = tail, head
            facts.append((head, label, tail))
        elif isinstance(value := item.get("value"), dict) and "start" in value:
            found = mention(text, value["start"], value.get("end"), _label(value), f"{at}.value")
            mentions[field(item, "id", str, at)] = found
        else:
            reading.count("other-results", (at, kind))
    for head, _, tail in facts:
        if unknown := {head, tail} - mentions.keys():
            raise wrong("annotations[0].result", f"a relation with {unknown}", "ids of labels")
    yield align(reading.split(text), mentions, facts, reading)


def _label(item: dict[str, Any]) -> str:
    """Return the first label, empty text for none."""
    labels = item.get("labels")
    first = labels[0] if isinstance(labels, list) and labels else ""
    return first if isinstance(first, str) else ""
