"""Sentences from what a format has: spans, or arguments given as text."""

from __future__ import annotations

import itertools
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from rin_core.data.corpus import CorpusError, Sentence, Span, Triple
from rin_core.data.readers.fields import field, items, read_pos, split_words, text_of, wrong
from rin_core.data.readers.reading import Reading, Text

#: Most words of a sentence to train on: a batch of 50 such sentences still fits in memory.
LONGEST_SENTENCE = 2000
#: Most words of a text to annotate, which needs no memory for a backward pass.
LONGEST_TEXT = 20_000
_NO_TYPES: Mapping[Any, str] = MappingProxyType({})


def read_text(
    record: dict[str, Any], key: str, reading: Reading
) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Return the words of a text field and their tags; a text with tags is split at spaces."""
    if record.get("pos") is not None or not reading.tokenizes:
        words = split_words(record, key)
    else:
        words = reading.split(text_of(record[key], key)).words
    return words, read_pos(record, words)


def locate_all(
    words: tuple[str, ...],
    pos: tuple[str, ...] | None,
    facts: Iterable[tuple[str, str, str]],
    mentions: Iterable[str],
    reading: Reading,
    *,
    types: Mapping[str, str] = _NO_TYPES,
    located: Iterable[Triple] = (),
) -> Sentence:
    """Turn arguments and entity mentions given as text into spans, the first that fits.

    Args:
        words: The sentence.
        pos: Tags of the words.
        facts: Subject, relation and object, as text.
        mentions: Entities, as text.
        reading: Whether the words come from the tokenizer; spaces then need not agree.
        types: Types of arguments and mentions that have one.
        located: Triples that were given as spans.
    """
    facts = list(facts)
    texts = [*mentions, *(text for subject, _, object_ in facts for text in (subject, object_))]
    occurrences = _occurrences_without_spaces if reading.tokenizes else _occurrences
    composed = words if all(map(str.isascii, words)) else tuple(map(_composed, words))
    found = dict[str, Span | None]()
    for text in dict.fromkeys(texts):
        spans = occurrences(composed, _composed(text))
        found[text] = next(spans, None)
        if next(spans, None):
            reading.count("repeated-arguments", text)
    triples, missing = list(located), []
    for subject, relation, object_ in facts:
        first, second = found[subject], found[object_]
        if first and second:
            triples.append(Triple(first, relation, second))
        else:
            missing.append((subject, relation, object_))
    return build_sentence(
        words,
        pos,
        filter(None, found.values()),
        triples,
        types={span: types[text] for text, span in found.items() if span and text in types},
        missing=missing,
        # One text, however its words are spaced.
        missing_entities=(" ".join(text.split()) for text, span in found.items() if not span),
    )


def _composed(text: str) -> str:
    """Return a text with each accent in its letter, so that two ways to write it are equal."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _occurrences(words: tuple[str, ...], text: str) -> Iterator[Span]:
    """Yield where a sequence of words occurs."""
    target = tuple(text.split())
    start = -1
    while target:
        try:
            start = words.index(target[0], start + 1)
        except ValueError:
            return
        if words[start : start + len(target)] == target:
            yield Span(start, start + len(target))


def _occurrences_without_spaces(words: tuple[str, ...], text: str) -> Iterator[Span]:
    """Yield where a text occurs that starts and ends with a word."""
    whole, target = "".join(words), "".join(text.split())
    places = {at: k for k, at in enumerate(itertools.accumulate(map(len, words), initial=0))}
    start = whole.find(target) if target else -1
    while start >= 0:
        if start in places and start + len(target) in places:
            yield Span(places[start], places[start + len(target)])
        start = whole.find(target, start + 1)


def joined(words: tuple[str, ...]) -> Text:
    """Return words joined by spaces, with the place of each."""
    ends = list(itertools.accumulate((len(word) + 1 for word in words), initial=0))
    return Text(" ".join(words), tuple((a, b - 1) for a, b in itertools.pairwise(ends)))


def indexed_triples(record: dict[str, Any], spans: Sequence[Span]) -> list[Triple]:
    """Read ``relations``: ``type``, ``head`` and ``tail``, indices into the entities.

    Raises:
        CorpusError: A relation is of another form, or an index is outside the entities.
    """
    triples = []
    for at, relation in items(record, "relations"):
        label = text_of(field(relation, "type", str, at), f"{at}.type")
        ends = []
        for key in ("head", "tail"):
            index = field(relation, key, int, at)
            if not 0 <= index < len(spans):
                expected = f"an index into {len(spans)} entities, from 0"
                raise wrong(f"{at}.{key}", str(index), expected)
            ends.append(spans[index])
        triples.append(Triple(ends[0], label, ends[1]))
    return triples


def build_sentence(
    words: tuple[str, ...],
    pos: tuple[str, ...] | None,
    entities: Iterable[Span],
    triples: Iterable[Triple],
    *,
    types: Mapping[Span, str] = _NO_TYPES,
    missing: Iterable[tuple[str, str, str]] = (),
    missing_entities: Iterable[str] = (),
) -> Sentence:
    """Return a sentence: entities in order of position, and nothing twice.

    Args:
        words: Its words.
        pos: Tags of the words.
        entities: Spans; the arguments of triples are added.
        triples: Triples between spans.
        types: Types of the entities that have one.
        missing: Triples, as text, with an argument that is not in the sentence.
        missing_entities: Entities, as text, that are not in the sentence.
    """
    distinct = tuple(dict.fromkeys(triples))
    arguments = (span for triple in distinct for span in (triple.subject, triple.object))
    spans = tuple(sorted({*entities, *arguments}))
    return Sentence(
        words=words,
        pos=pos,
        entities=spans,
        triples=distinct,
        missing=tuple(dict.fromkeys(missing)),
        missing_entities=tuple(dict.fromkeys(missing_entities)),
        types=tuple(types.get(span, "") for span in spans) if types else (),
    )


def check_length(words: Sequence[str], longest: int, how: str = "into sentences") -> None:
    """Refuse a sentence that is too long.

    Args:
        words: Its words.
        longest: Most words.
        how: How to split it, for the message.

    Raises:
        CorpusError: There are more words.
    """
    if len(words) > longest:
        raise CorpusError(
            f"a sentence of {len(words)} words, expected at most {longest}: split the text {how}"
        )


def without_blanks(sentence: Sentence, reading: Reading) -> Sentence:
    """Return a sentence without its blank words, which are counted. Spans keep their other words.

    Raises:
        CorpusError: An entity has no other word.
    """
    kept = [k for k, word in enumerate(sentence.words) if word.strip()]
    if len(kept) == len(sentence.words):
        return sentence
    for k in set(range(len(sentence.words))).difference(kept):
        reading.count("blank-words", sentence.words[k])
    moved = {span: Span(*(bisect_left(kept, end) for end in span)) for span in sentence.entities}
    if blank := next((span for span, to in moved.items() if to.start == to.end), None):
        text = f"the entity of token {blank.start} is blank: remove it, or correct its span"
        raise CorpusError(text)
    types = dict[Span, str]()
    for span, kind in zip(sentence.entities, sentence.types, strict=False):
        if kind:
            reading.add_type(types, moved[span], kind)
    return build_sentence(
        tuple(sentence.words[k] for k in kept),
        sentence.pos and tuple(sentence.pos[k] for k in kept),
        moved.values(),
        [Triple(moved[t.subject], t.relation, moved[t.object]) for t in sentence.triples],
        types=types,
        missing=sentence.missing,
        missing_entities=sentence.missing_entities,
    )
