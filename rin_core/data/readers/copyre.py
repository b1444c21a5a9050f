"""CopyRE: ``sentText``, ``relationMentions``, ``entityMentions`` (its start is no offset)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence
from rin_core.data.readers.fields import field, items, text_of
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.sentences import locate_all, read_text


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "sentText" in record


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read a record. The relation ``None`` means that there is no relation.

    Without ``entityMentions``, as in published files of NYT, the entities are the arguments.
    """
    words, pos = read_text(record, "sentText", reading)
    facts = []
    for at, mention in items(record, "relationMentions"):
        subject, object_, relation = (
            text_of(field(mention, key, str, at), f"{at}.{key}")
            for key in ("em1Text", "em2Text", "label")
        )
        if relation == "None":
            reading.count("none-relations", (subject, object_))
        else:
            facts.append((subject, relation, object_))
    mentions = []
    if "entityMentions" in record:
        mentions = [field(m, "text", str, at) for at, m in items(record, "entityMentions")]
    yield locate_all(words, pos, facts, mentions, reading)
