"""Triple lists: ``text``, ``triple_list`` of [subject, relation, object], optional ``pos``."""

from __future__ import annotations

from typing import Any

from rin_core.data.corpus import Sentence, shown
from rin_core.data.readers.fields import items, read_pos, split_words, text_of, wrong
from rin_core.data.readers.sentences import locate_all


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "text" in record


def read(record: dict[str, Any]) -> Sentence:
    """Read a record."""
    words = split_words(record, "text")
    facts = []
    for at, triple in items(record, "triple_list"):
        if not isinstance(triple, list) or len(triple) != 3:
            raise wrong(at, shown(triple), "[subject, relation, object]")
        subject, relation, object_ = (text_of(part, f"{at}[{i}]") for i, part in enumerate(triple))
        facts.append((subject, relation, object_))
    return locate_all(words, read_pos(record, words), facts, ())
