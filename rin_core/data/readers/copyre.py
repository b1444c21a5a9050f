"""CopyRE: ``sentText``, ``relationMentions``, ``entityMentions`` (its start is no offset)."""

from __future__ import annotations

from typing import Any

from rin_core.data.corpus import Sentence
from rin_core.data.readers.fields import field, items, read_pos, split_words, text_of
from rin_core.data.readers.sentences import locate_all


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "sentText" in record


def read(record: dict[str, Any]) -> Sentence:
    """Read a record."""
    words = split_words(record, "sentText")
    facts = []
    for at, mention in items(record, "relationMentions"):
        subject, object_, relation = (
            text_of(field(mention, key, str, at), f"{at}.{key}")
            for key in ("em1Text", "em2Text", "label")
        )
        facts.append((subject, relation, object_))
    mentions = [field(m, "text", str, at) for at, m in items(record, "entityMentions")]
    return locate_all(words, read_pos(record, words), facts, mentions)
