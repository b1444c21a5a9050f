"""Parts of a task of Label Studio: its text, the annotation that is read, and its results."""

from __future__ import annotations

from typing import Any

from rin_core.data.corpus import shown
from rin_core.data.readers.fields import field, items, text_of, wrong
from rin_core.data.readers.reading import UNNAMED, Reading


def text_of_task(data: object) -> str:
    """Return the text of a task: the field ``text``, or else the only field that is text.

    Raises:
        CorpusError: There is none, or several may be it.
    """
    fields = data if isinstance(data, dict) else {}
    if "text" in fields:
        return text_of(fields["text"], "data.text")
    texts = [key for key, value in fields.items() if isinstance(value, str) and " " in value]
    if len(texts) == 1:
        return text_of(fields[texts[0]], f"data.{texts[0]}")
    found = f"only the fields {shown(list(fields))}"
    raise wrong("data.text", found, "text; rename the field that has the annotated text")


def annotation_of(record: dict[str, Any], reading: Reading) -> tuple[str, Any]:
    """Return the name of the annotation that is read, and the annotation; None if there is none.

    It is the first that was not cancelled, or the first of those marked as ground truth. A task
    without one was not annotated: it is no example of a sentence without entities.
    """
    done = [
        (at, found)
        for at, found in items(record, "annotations")
        if not (isinstance(found, dict) and found.get("was_cancelled") is True)
    ]
    truth = [pair for pair in done if isinstance(pair[1], dict) and pair[1].get("ground_truth")]
    first = next(iter([*truth, *done]), None)
    if first is None:
        reading.count("unannotated-tasks", record.get("id", "a task"))
        return "", None
    for other in done:
        if other is not first:
            reading.count("further-annotations", record.get("id", other[0]))
    return first


def labels_of(item: dict[str, Any]) -> list[str]:
    """Return the labels of a relation or of the value of a region."""
    labels = item.get("labels")
    return [x for x in labels if isinstance(x, str) and x] if isinstance(labels, list) else []


def relations_of(item: dict[str, Any], at: str, reading: Reading) -> list[tuple[str, str, str]]:
    """Return head, label and tail of a relation, for each label and each direction."""
    head, tail = (field(item, key, str, at) for key in ("from_id", "to_id"))
    labels, direction = labels_of(item), item.get("direction")
    if not labels:
        reading.count("relations-without-name", (head, tail))
    ends = [(tail, head)] if direction == "left" else [(head, tail)]
    if direction == "bi":
        reading.count("relations-both-ways", (head, tail))
        ends.append((tail, head))
    return [(first, label, last) for label in labels or [UNNAMED] for first, last in ends]


def region_of(value: dict[str, Any], at: str) -> tuple[object, object, object]:
    """Return start, end and text of a region.

    Raises:
        CorpusError: It is a region of HTML.
    """
    if "globalOffsets" in value:
        raise wrong(at, "a place in HTML", "one in text: label with the tag Text, not HyperText")
    return value["start"], value.get("end"), value.get("text")
