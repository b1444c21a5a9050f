"""What a model finds in a sentence, as plain values that a program or a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Mention:
    """A half-open range of words of a sentence, and its text."""

    start: int
    end: int
    text: str
    """As written; the words with spaces between them if words were given."""
    characters: tuple[int, int] | None = None
    """Its start and end in the given text; None if words were given."""

    def to_json(self) -> dict[str, Any]:
        """Return the mention in JSON's types."""
        place = {"start": self.start, "end": self.end}
        return place | _characters_json(self.characters) | {"text": self.text}

    def located(self, text: str, offsets: Sequence[tuple[int, int]]) -> Mention:
        """Return the mention as a text has it; see :meth:`Extraction.located`."""
        start, end = offsets[self.start][0], offsets[self.end - 1][1]
        return replace(self, text=text[start:end], characters=(start, end))


def _characters_json(characters: tuple[int, int] | None) -> dict[str, int]:
    if characters is None:
        return {}
    return {"start_char": characters[0], "end_char": characters[1]}


@dataclass(frozen=True, slots=True)
class FoundEntity:
    """An entity that the tagger finds."""

    mention: Mention
    probability: float
    """The product of its words' tag probabilities (Eq. 8 takes words as independent). In a vote,
    the mean over the models that find it."""
    type: str | None = None
    """None for a model without entity types; empty for an entity that has none of them."""
    votes: int | None = None
    """How many models find it; None without a vote."""

    def to_json(self) -> dict[str, Any]:
        """Return the entity in JSON's types, with a type if the model has types."""
        typed = {} if self.type is None else {"type": self.type}
        return self.mention.to_json() | typed | _confidence_json(self)


@dataclass(frozen=True, slots=True)
class FoundTriple:
    """A triple whose probability reaches 0.5.

    The model relates words (paper §3). An argument is the entity found at its word, where the
    tagger finds one that the word represents, and otherwise the word alone. With entity types, an
    argument is the entity that its word is in, and a triple without two entities is left out.
    """

    subject: Mention
    relation: str
    object: Mention
    probability: float
    """p of Eq. 10, the sigmoid of the triple's logit. In a vote, the mean over the models that
    find it."""
    votes: int | None = None
    """How many models find it; None without a vote."""

    def to_json(self) -> dict[str, Any]:
        """Return the triple in JSON's types."""
        return {
            "subject": self.subject.to_json(),
            "relation": self.relation,
            "object": self.object.to_json(),
            **_confidence_json(self),
        }


def _confidence_json(found: FoundEntity | FoundTriple) -> dict[str, Any]:
    votes = {} if found.votes is None else {"votes": found.votes}
    return {"probability": round(found.probability, 6)} | votes


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What a model finds in one sentence."""

    words: tuple[str, ...]
    """As given, or as written in the text."""
    pos: tuple[str, ...] | None
    """The tags that the model read; None if it was trained without tags, or there were none."""
    entities: tuple[FoundEntity, ...]
    """In order of position."""
    triples: tuple[FoundTriple, ...]
    """In order of subject, object, relation."""
    text: str | None = None
    """The sentence as written; None if words were given."""
    offsets: tuple[tuple[int, int], ...] = ()
    """Where each word is in the given text: start and end, in characters. Empty if words were
    given."""

    read_as: tuple[str, ...] | None = None
    """The words as the model read them; None if they are the words."""

    def located(self, text: str, offsets: tuple[tuple[int, int], ...]) -> Extraction:
        """Return the extraction as a text has it: words as written, and places in characters.

        Args:
            text: The text of which the sentence is a part.
            offsets: Where each word of the sentence is in it, at least one.
        """
        triples = (
            replace(
                triple,
                subject=triple.subject.located(text, offsets),
                object=triple.object.located(text, offsets),
            )
            for triple in self.triples
        )
        return replace(
            self,
            words=tuple(text[start:end] for start, end in offsets),
            entities=tuple(
                replace(e, mention=e.mention.located(text, offsets)) for e in self.entities
            ),
            triples=tuple(triples),
            text=text[offsets[0][0] : offsets[-1][1]],
            offsets=offsets,
            read_as=self.words,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the extraction in JSON's types."""
        content: dict[str, Any] = {}
        if self.text is not None:
            content |= _characters_json((self.offsets[0][0], self.offsets[-1][1]))
            content["text"] = self.text
        content["tokens"] = list(self.words)
        if self.offsets:
            content["offsets"] = [list(place) for place in self.offsets]
        if self.pos is not None:
            content["pos"] = list(self.pos)
        return content | self.found_json()

    def found_json(self) -> dict[str, Any]:
        """Return what was found, in JSON's types, without the sentence."""
        return {
            "entities": [entity.to_json() for entity in self.entities],
            "triples": [triple.to_json() for triple in self.triples],
        }


def mention(words: Sequence[str], start: int, end: int) -> Mention:
    """Return the words from ``start`` to before ``end``.

    Examples:
        >>> mention(("Ann", "Lee", "founded", "Acme"), 0, 2)
        Mention(start=0, end=2, text='Ann Lee', characters=None)
    """
    return Mention(start, end, " ".join(words[start:end]))
