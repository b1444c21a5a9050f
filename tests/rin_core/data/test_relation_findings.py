"""The direction of relations, by the types and the names of their arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from rin_core.data.corpus import Corpus, Sentence, Span, Triple
from rin_core.data.relation_findings import (
    merged_triples,
    reversed_relations,
    self_relations,
    turned_relations,
)

PEOPLE, FIRMS = ("Ann", "Bob", "Eve", "Zoe", "Tim"), ("Acme", "Brix")


def sentences(
    pairs: Iterable[tuple[int, int]], types: tuple[str, ...] = ("PER", "ORG"), name: str = "for"
) -> tuple[Sentence, ...]:
    """Return sentences of a person and a firm, for the places of subject and object."""
    ends = (Span(0, 1), Span(2, 3))
    return tuple(
        Sentence(
            words=(PEOPLE[k % 5], "at", FIRMS[k % 2], str(k)),
            pos=None,
            entities=ends,
            triples=(Triple(ends[subject], name, ends[object_]),),
            types=types,
        )
        for k, (subject, object_) in enumerate(pairs)
    )


def corpus(*train: Sentence) -> Corpus:
    return Corpus(name="x", train=train, dev=(), test=())


RIGHT, WRONG = (0, 1), (1, 0)


@pytest.mark.parametrize(
    ("right", "wrong", "count", "level"),
    [(20, 1, 1, "note"), (20, 5, 5, "warning"), (5, 20, 5, "warning"), (20, 0, 0, "")],
)
def test_the_rare_direction_between_two_types(
    right: int, wrong: int, count: int, level: str
) -> None:
    found = list(reversed_relations(corpus(*sentences([RIGHT] * right + [WRONG] * wrong))))
    assert [(f.count, f.level) for f in found] == ([(count, level)] if count else [])


def test_relations_without_a_direction_have_none_that_is_wrong() -> None:
    assert not list(reversed_relations(corpus(*sentences([RIGHT, WRONG] * 10)))), "both ways"
    mixed = sentences([RIGHT] * 10 + [WRONG]) + sentences([RIGHT] * 10, ("LOC", "ORG"))
    assert not list(reversed_relations(corpus(*mixed))), "of many types"
    assert not list(reversed_relations(corpus(*sentences([RIGHT, WRONG] * 5, ()))))


@pytest.mark.parametrize("types", [("PER", "ORG"), ("THING", "THING"), ()])
def test_a_split_in_the_other_direction(types: tuple[str, ...]) -> None:
    train = sentences([RIGHT] * 20, types)
    (finding,) = turned_relations("dev", sentences([WRONG] * 6, types), train)
    assert (finding.code, finding.split, finding.count) == ("turned-relations", "dev", 6)
    assert "('Acme', 'for', 'Ann')" in finding.text
    assert not list(turned_relations("dev", sentences([RIGHT] * 6, types), train))
    assert not list(turned_relations("dev", sentences([WRONG] * 4, types), train)), "too few"
    half = sentences([RIGHT, WRONG] * 5, types)
    assert not list(turned_relations("dev", half, train)), "reversed-relations has these"
    assert not list(turned_relations("dev", sentences([WRONG] * 6, types), half)), "symmetric"


def test_only_a_relation_that_is_turned_is_counted() -> None:
    train = sentences([RIGHT] * 20) + sentences([RIGHT] * 20, name="of")
    dev = sentences([WRONG] * 7) + sentences([RIGHT] * 7, name="of")
    (finding,) = turned_relations("dev", dev, train)
    assert finding.count == 7
    assert "most of them of 'for'" in finding.text


def test_an_entity_with_itself() -> None:
    (finding,) = self_relations(corpus(*sentences([RIGHT] * 10 + [(0, 0)] * 2)))
    assert (finding.code, finding.count, finding.level) == ("self-relations", 2, "warning")
    assert "('Ann', 'for', 'Ann')" in finding.text


UNIVERSITY, OSLO, NORWAY = Span(1, 4), Span(3, 4), Span(6, 7)


@pytest.mark.parametrize(
    ("pairs", "count", "remedy"),
    [
        # A word with itself, and two triples that are one.
        (
            [(UNIVERSITY, OSLO), (UNIVERSITY, NORWAY), (OSLO, NORWAY)],
            2,
            "same last word: train 2, .*; with data.entity_word=first, none",
        ),
        (
            [(UNIVERSITY, OSLO), (Span(1, 2), NORWAY), (UNIVERSITY, NORWAY), (Span(1, 2), OSLO)],
            2,
            "same first word: train 2, .*; with data.entity_word=last, train 1",
        ),
        (
            [(UNIVERSITY, OSLO), (Span(1, 2), NORWAY), (UNIVERSITY, NORWAY)],
            1,
            "; as many with the other word",
        ),
        ([(OSLO, OSLO), (UNIVERSITY, NORWAY)], 0, ""),
    ],
)
def test_entities_that_share_a_word_lose_triples(
    pairs: list[tuple[Span, Span]], count: int, remedy: str
) -> None:
    words = ("The", "University", "of", "Oslo", "is", "in", "Norway")
    triples = tuple(Triple(subject, "in", object_) for subject, object_ in pairs)
    nested = Sentence(words=words, pos=None, entities=(), triples=triples)
    found = list(merged_triples(corpus(nested)))
    assert [(f.code, f.count) for f in found] == [("merged-triples", count)] * bool(count)
    assert all(re.search(remedy, f.text) for f in found)
