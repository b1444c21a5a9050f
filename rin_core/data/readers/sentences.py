"""Sentences from what a format has: spans, or arguments given as text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rin_core.data.corpus import CorpusError, Sentence, Span, Triple

#: Most words of a sentence to train on: a batch of 50 such sentences still fits in memory.
LONGEST_SENTENCE = 2000
#: Most words of a text to annotate, which needs no memory for a backward pass.
LONGEST_TEXT = 20_000


def locate_all(
    words: tuple[str, ...],
    pos: tuple[str, ...] | None,
    facts: Iterable[tuple[str, str, str]],
    mentions: Iterable[str],
) -> Sentence:
    """Turn arguments and entity mentions given as text into spans, the first that fits."""
    facts = list(facts)
    texts = [*mentions, *(text for subject, _, object_ in facts for text in (subject, object_))]
    found = {text: _locate(words, text) for text in texts}
    triples, missing = [], []
    for subject, relation, object_ in facts:
        first, second = found[subject], found[object_]
        if first and second:
            triples.append(Triple(first, relation, second))
        else:
            missing.append((subject, relation, object_))
    # One text, however its words are spaced.
    absent = (" ".join(text.split()) for text, span in found.items() if not span)
    sentence = build_sentence(words, pos, filter(None, found.values()), triples, missing)
    return replace(sentence, missing_entities=tuple(dict.fromkeys(absent)))


def _locate(words: tuple[str, ...], text: str) -> Span | None:
    """Find the first occurrence of a sequence of words."""
    target = tuple(text.split())
    start = -1
    while target:
        try:
            start = words.index(target[0], start + 1)
        except ValueError:
            break
        if words[start : start + len(target)] == target:
            return Span(start, start + len(target))
    return None


def build_sentence(
    words: tuple[str, ...],
    pos: tuple[str, ...] | None,
    spans: Iterable[Span],
    triples: Iterable[Triple],
    missing: Iterable[tuple[str, str, str]],
    longest: int = LONGEST_SENTENCE,
) -> Sentence:
    """Build a sentence, its entities in order and its triples a set."""
    if len(words) > longest:
        raise CorpusError(
            f"a sentence of {len(words)} words, expected at most {longest}: "
            "split the text into sentences"
        )
    return Sentence(
        words=words,
        pos=pos,
        entities=tuple(sorted(set(spans))),
        triples=tuple(dict.fromkeys(triples)),
        missing=tuple(dict.fromkeys(missing)),
    )
