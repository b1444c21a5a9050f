"""Sentences from spans that count characters: they become spans of words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from rin_core.data.corpus import CorpusError, Sentence, Span, Triple, shown
from rin_core.data.readers.fields import label_of, wrong
from rin_core.data.readers.offset_units import Placed, cuts_word, whole_words
from rin_core.data.readers.reading import Reading, Text
from rin_core.data.readers.sentences import build_sentence

K = TypeVar("K")


class Mention(NamedTuple):
    """An entity: its characters, and its type, empty where it has none."""

    start: int
    end: int
    type: str


def mention(
    text: str,
    start: object,
    end: object,
    kind: object,
    at: str,
    reading: Reading,
    written: object = None,
) -> Mention:
    """Return a mention, checked. Spaces at its ends do not count, nor a type that is no text.

    Args:
        text: The text that its offsets count in.
        start: Where it starts.
        end: The place after its end.
        kind: Its type, if it is text.
        at: Its field, for messages.
        reading: What offsets count; gets the counts.
        written: The text of the entity, if the format has it. Where the offsets hold another text,
            the nearest place of this one is read. Where it is nowhere, the offsets count.

    Raises:
        CorpusError: The offsets are outside the text or have only blanks, or the type is a number.
    """
    if type(start) is not int or type(end) is not int:
        raise wrong(at, f"start {shown(start)} and end {shown(end)}", "two whole numbers")
    unit = reading.unit
    own = written if isinstance(written, str) and written.strip() else ""
    words = own.split() if reading.has_text else []
    reading.placed.append(Placed(text, start, end, own, reading.place))
    first, past = unit.characters(text, start, end)
    is_inside = 0 <= first < past <= len(text)
    if words and not (is_inside and text[first:past].split() == words):
        first, past = _nearest(text, first, past, words, reading)
    if not 0 <= first < past <= len(text):
        expected = f"0 <= start < end <= {unit.count(text)}, the number of characters"
        raise wrong(at, f"start {start} and end {end}", expected)
    if type(kind) is int:
        label_of(kind, f"{at}.type")
    inside = text[first:past]
    if not (bare := inside.strip()):
        found = f"only blanks from start {start} to end {end}"
        raise wrong(at, found, "an entity with a letter or a sign")
    if bare != inside:
        reading.count("blanks-at-ends", inside)
    first += len(inside) - len(inside.lstrip())
    return Mention(first, first + len(bare), kind if isinstance(kind, str) else "")


def _nearest(
    text: str, start: int, end: int, words: Sequence[str], reading: Reading
) -> tuple[int, int]:
    """Return the nearest place of the words of an entity, whole ones first, and count it."""
    pattern = re.compile(r"\s+".join(map(re.escape, words)))
    places = [found.span() for found in pattern.finditer(text)]
    whole = [place for place in places if not any(cuts_word(text, end) for end in place)]
    example = (" ".join(words), text[max(start, 0) : max(end, 0)])
    reading.count("moved-entities" if places else "other-text", example)
    return min(whole or places, key=lambda place: abs(place[0] - start), default=(start, end))


def align(
    text: Text,
    mentions: Mapping[K, Mention],
    relations: Iterable[tuple[K, str, K]],
    reading: Reading,
) -> Sentence:
    """Return the sentence. An entity that cuts a word is widened to all its letters, and counted.

    Args:
        text: The text and its words.
        mentions: The entities, by any key.
        relations: Subject, relation and object, by the keys of the entities.
        reading: Gets the counts.

    Raises:
        CorpusError: No word has a character of an entity.
    """
    spans, types = dict[K, Span](), dict[Span, str]()
    for key, found in mentions.items():
        start, end = found.start, found.end
        if text.span(start, end) is None:
            start, end = whole_words(text.text, start, end)
        if (start, end) != (found.start, found.end):
            cut = text.text[found.start : found.end], text.text[start:end]
            reading.count("cut-words", cut)
        span = text.around(start, end)
        if span is None:  # the file's own tokens may leave out a word
            raise CorpusError(
                f"the entity {shown(text.text[start:end])} is in no word: correct its offsets, or "
                "the tokens"
            )
        first, last = text.characters(span)
        if (first, last) != (start, end):
            reading.count("widened-entities", (text.text[start:end], text.text[first:last]))
        spans[key] = span
        if found.type:
            reading.add_type(types, span, found.type)
    reading.mentions += len(mentions)
    triples = [Triple(spans[head], label, spans[tail]) for head, label, tail in relations]
    return build_sentence(text.words, None, spans.values(), triples, types=types)
