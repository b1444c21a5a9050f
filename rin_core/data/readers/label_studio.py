"""Label Studio: ``data`` with a text, ``annotations`` with ``result``: labels and relations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence
from rin_core.data.readers.character_spans import Mention, align, mention
from rin_core.data.readers.fields import field, wrong
from rin_core.data.readers.label_studio_tasks import (
    annotation_of,
    labels_of,
    region_of,
    relations_of,
    text_of_task,
)
from rin_core.data.readers.reading import Reading


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "data" in record and "annotations" in record


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read one annotation of a task; a relation without a label is named ``related``."""
    text = text_of_task(record["data"])
    name, annotation = annotation_of(record, reading)
    if annotation is None:
        return
    mentions, facts = dict[str, Mention](), list[tuple[str, str, str]]()
    for index, item in enumerate(field(annotation, "result", list, name)):
        at = f"{name}.result[{index}]"
        kind = field(item, "type", str, at)
        if kind == "relation":
            facts += relations_of(item, at, reading)
        elif isinstance(value := item.get("value"), dict) and "start" in value:
            region, labels, place = field(item, "id", str, at), labels_of(value), f"{at}.value"
            if len(labels) > 1:
                reading.count("further-types", (value.get("text"), labels))
            label = labels[0] if labels else ""
            # Choices and comments on a region repeat its id and its span, without labels.
            if region not in mentions or not mentions[region].type:
                start, end, written = region_of(value, place)
                mentions[region] = mention(text, start, end, label, place, reading, written)
        else:
            reading.count("other-results", (at, kind))
    for head, _, tail in facts:
        if unknown := {head, tail} - mentions.keys():
            raise wrong(f"{name}.result", f"a relation with {unknown}", "ids of labels")
    yield align(reading.split(text), mentions, facts, reading)
