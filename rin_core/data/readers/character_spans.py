"""Sentences from spans that count characters: they become spans of words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

from rin_core.data.corpus import Sentence, Span, Triple, shown
from rin_core.data.readers.fields import label_of, wrong
from rin_core.data.readers.reading import Reading, Text
from rin_core.data.readers.sentences import build_sentence

K = TypeVar("K")


class Mention(NamedTuple):
    """An entity: its characters, and its type, empty where it has none."""

    start: int
    end: int
    type: str = ""


def mention(text: str, start: object, end: object, kind: object, at: str) -> Mention:
    """Return a mention, checked. Spaces at its ends do not count, nor a type that is no text."""
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
        expected = f"0 <= start < end <= {len(text)}, the number of characters"
        raise wrong(at, f"start {shown(start)} and end {shown(end)}", expected)
    if type(kind) is int:
        label_of(kind, f"{at}.type")
    inside = text[start:end]
    if not inside.strip():
        found = f"only blanks from start {start} to end {end}"
        raise wrong(at, found, "an entity with a letter or a sign")
    start += len(inside) - len(inside.lstrip())
    return Mention(start, start + len(inside.strip()), kind if isinstance(kind, str) else "")


def mention_of_text(
    text: str, start: object, end: object, kind: object, at: str, written: object, reading: Reading
) -> Mention:
    """Return a mention of a format that also has the text of each entity.

    Offsets that hold another text are wrong, as after a change of line ends, or where a browser
    counted an emoji as two characters. The nearest place of the entity's own text is then read.
    Where its text is nowhere, the offsets count.
    """
    words = written.split() if isinstance(written, str) else []
    if not words or type(start) is not int or type(end) is not int:
        return mention(text, start, end, kind, at)
    pattern = re.compile(r"\s+".join(map(re.escape, words)))
    if 0 <= start < end <= len(text) and pattern.fullmatch(text[start:end].strip()):
        return mention(text, start, end, kind, at)
    places = [found.span() for found in pattern.finditer(text)]
    there = text[max(start, 0) : max(end, 0)]
    if not places:
        reading.count("other-text", (written, there))
        return mention(text, start, end, kind, at)
    reading.count("moved-entities", (written, there))
    nearest = min(places, key=lambda place: abs(place[0] - start))
    return mention(text, *nearest, kind, at)


def align(
    text: Text,
    mentions: Mapping[K, Mention],
    relations: Iterable[tuple[K, str, K]],
    reading: Reading,
) -> Sentence:
    """Return the sentence. An entity that cuts a word is widened to it, and counted.

    Args:
        text: The text and its words.
        mentions: The entities, by any key.
        relations: Subject, relation and object, by the keys of the entities.
        reading: Gets the counts.
    """
    spans, types = dict[K, Span](), dict[Span, str]()
    for key, found in mentions.items():
        span = text.span(found.start, found.end)
        if span is None:
            span = text.around(found.start, found.end)
            first, last = text.offsets[span.start], text.offsets[span.end - 1]
            wider = text.text[first[0] : last[1]]
            reading.count("widened-entities", (text.text[found.start : found.end], wider))
        spans[key] = span
        if found.type:
            types.setdefault(span, found.type)
    reading.spans.append(len(mentions))
    triples = [Triple(spans[head], label, spans[tail]) for head, label, tail in relations]
    return build_sentence(text.words, None, spans.values(), triples, (), types=types)
