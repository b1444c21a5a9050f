"""TPLinker: ``text``, ``relation_list``, ``entity_list``, with or without character spans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence, shown
from rin_core.data.readers.character_spans import Mention, align, mention
from rin_core.data.readers.fields import field, items, text_of, wrong
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.sentences import locate_all, read_text


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return "text" in record and "relation_list" in record


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read a record. Without character spans, arguments are located by their text."""
    text = text_of(field(record, "text", str), "text")
    relations = list(items(record, "relation_list"))
    entities = list(items(record, "entity_list")) if "entity_list" in record else []
    if any(isinstance(r, dict) and "subj_char_span" in r for _, r in relations):
        mentions, facts = dict[object, Mention](), []
        for at, entity in entities:
            mentions[at] = _mention(entity, "char_span", "text", at, text, reading)
        for at, relation in relations:
            label = text_of(field(relation, "predicate", str, at), f"{at}.predicate")
            ends = []
            for span, name in (("subj_char_span", "subject"), ("obj_char_span", "object")):
                ends.append(_mention(relation, span, name, at, text, reading))
                mentions.setdefault(ends[-1], ends[-1])
            facts.append((ends[0], label, ends[1]))
        yield align(reading.split(text), mentions, facts, reading)
        return
    words, pos = read_text(record, "text", reading)
    triples = []
    for at, relation in relations:
        subject, label, object_ = (
            text_of(field(relation, key, str, at), f"{at}.{key}")
            for key in ("subject", "predicate", "object")
        )
        triples.append((subject, label, object_))
    texts = [text_of(field(entity, "text", str, at), f"{at}.text") for at, entity in entities]
    yield locate_all(words, pos, triples, texts, reading)


def _mention(
    record: dict[str, Any], key: str, name: str, at: str, text: str, reading: Reading
) -> Mention:
    """Return the mention at a character span, or else the nearest place of its text."""
    span, written = field(record, key, list, at), field(record, name, str, at)
    if len(span) != 2:
        raise wrong(f"{at}.{key}", shown(span), "start and end")
    kind = record.get("type") if key == "char_span" else ""
    return mention(text, span[0], span[1], kind, f"{at}.{key}", reading, written)
