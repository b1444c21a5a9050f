"""What is said of the entity types of a corpus."""

from __future__ import annotations

import pytest

from rin_core.data.corpus import Corpus, Sentence, Span
from rin_core.data.entity_types import type_notes
from rin_core.data.vocabulary import build_vocabulary


def part(*types: str) -> tuple[Sentence, ...]:
    """Write a split with one sentence, which has an entity of each of the types."""
    entities = tuple(Span(n, n + 1) for n in range(len(types)))
    sentence = Sentence(
        words=("a",) * len(types), pos=None, entities=entities, triples=(), types=types
    )
    return (sentence,)


@pytest.mark.parametrize(
    ("train", "dev", "notes"),
    [
        (("", ""), ("X",), [("none",)]),
        (("X", "Y"), ("Y",), [("2", "X", "Y")]),
        (("X", "X", ""), ("", "X"), [("1", "X"), ("1 of 3", "train")]),
        (("X",), ("Y", "X", ""), [("1", "X")]),  # unseen types are findings
        (tuple("abcdefghij"), ("a",), [("10", "a, b, c, d, e, f, g, h, …")]),
    ],
)
def test_notes(train: tuple[str, ...], dev: tuple[str, ...], notes: list[tuple[str, ...]]) -> None:
    corpus = Corpus(name="c", train=part(*train), dev=part(*dev), test=part(*train))
    vocabulary = build_vocabulary(corpus.train, lowercase=True, use_pos=False, use_types=True)
    found = type_notes(corpus, vocabulary)
    assert len(found) == len(notes)
    for note, words in zip(found, notes, strict=True):
        assert all(word in note for word in words), note
