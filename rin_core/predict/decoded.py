"""The predictions for one sentence as triples between words, and their conversion to mentions.

Evaluation counts triples between words (:mod:`rin_core.train.metrics`), and models vote on these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rin_core.data.corpus import Sentence, Span, entity_place
from rin_core.data.vocabulary import Vocabulary
from rin_core.predict.extraction import Extraction, FoundEntity, FoundTriple, Mention, mention


class WordTriple(NamedTuple):
    """A triple by the words that stand for its arguments."""

    subject: int
    relation: str
    object: int


class Confidence(NamedTuple):
    """How sure a triple is."""

    probability: float
    """p of Eq. 10; in a vote, the mean over the models that find the triple."""
    votes: int | None = None
    """How many models find it; None without a vote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedSentence:
    """The entities and word triples that are found in one sentence."""

    entities: tuple[FoundEntity, ...] = ()
    """In order of position."""
    triples: Mapping[WordTriple, Confidence]


def word_of(found: Mention, entity_word: str) -> int:
    """Return the word that stands for a mention."""
    return entity_place(Span(found.start, found.end), entity_word)[0]


def to_extraction(
    sentence: Sentence, found: DecodedSentence, vocabulary: Vocabulary, entity_word: str
) -> Extraction:
    """Convert word triples to triples between mentions.

    With entity types, as in :mod:`rin_core.train.metrics`, a word stands for the entity that it is
    in, and a triple without two entities is left out. Of several triples that become one, the most
    probable counts. Without types, an argument without an entity is its word alone.

    Args:
        sentence: Its words, and the tags that were read.
        found: What was found in it.
        vocabulary: The model's: types, and the order of relations.
        entity_word: ``first`` or ``last``, as ``data.entity_word``.
    """
    mentions = [entity.mention for entity in found.entities]
    triples = dict(found.triples)
    if vocabulary.entity_types:
        inside = {word: span for span in mentions for word in range(span.start, span.end)}
        triples = {}
        for triple, confidence in found.triples.items():
            if triple.subject in inside and triple.object in inside:
                between = triple._replace(
                    subject=word_of(inside[triple.subject], entity_word),
                    object=word_of(inside[triple.object], entity_word),
                )
                known = triples.get(between, confidence)
                triples[between] = max(known, confidence, key=lambda c: c.probability)
    at_word = {word_of(span, entity_word): span for span in mentions}

    def argument(word: int) -> Mention:
        return at_word.get(word) or mention(sentence.words, word, word + 1)

    def order(triple: WordTriple) -> tuple[int, int, int]:
        return triple.subject, triple.object, vocabulary.relation_ids[triple.relation]

    return Extraction(
        words=sentence.words,
        pos=sentence.pos,
        entities=found.entities,
        triples=tuple(
            FoundTriple(
                argument(triple.subject),
                triple.relation,
                argument(triple.object),
                triples[triple].probability,
                triples[triple].votes,
            )
            for triple in sorted(triples, key=order)
        ),
    )
