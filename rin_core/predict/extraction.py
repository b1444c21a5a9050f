"""What a model finds in a sentence, as plain values that a program or a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Mention:
    """A half-open range of words and its text, the words with spaces between."""

    start: int
    end: int
    text: str

    def to_json(self) -> dict[str, Any]:
        """Return the mention in JSON's types."""
        return {"start": self.start, "end": self.end, "text": self.text}


@dataclass(frozen=True, slots=True)
class FoundEntity:
    """An entity that the tagger finds."""

    mention: Mention
    probability: float
    """The product of its words' tag probabilities (Eq. 8 takes words as independent)."""
    type: str | None = None
    """None for a model without entity types; empty for an entity that has none of them."""

    def to_json(self) -> dict[str, Any]:
        """Return the entity in JSON's types, with a type if the model has types."""
        typed = {} if self.type is None else {"type": self.type}
        return self.mention.to_json() | typed | {"probability": round(self.probability, 6)}


@dataclass(frozen=True, slots=True)
class FoundTriple:
    """A triple whose probability reaches 0.5.

    The model relates words (paper §3). An argument is the entity found at its word, where the
    tagger finds one that the word represents, and otherwise the word alone.
    """

    subject: Mention
    relation: str
    object: Mention
    probability: float
    """p of Eq. 10, the sigmoid of the triple's logit."""

    def to_json(self) -> dict[str, Any]:
        """Return the triple in JSON's types."""
        return {
            "subject": self.subject.to_json(),
            "relation": self.relation,
            "object": self.object.to_json(),
            "probability": round(self.probability, 6),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What a model finds in one sentence."""

    words: tuple[str, ...]
    pos: tuple[str, ...] | None
    """The tags that the model was given, None where it takes none or had none."""
    entities: tuple[FoundEntity, ...]
    """In order of position."""
    triples: tuple[FoundTriple, ...]
    """In order of subject, object, relation."""

    def to_json(self) -> dict[str, Any]:
        """Return the extraction in JSON's types; ``tokens`` and ``pos`` can be read again."""
        pos = {} if self.pos is None else {"pos": list(self.pos)}
        return {"tokens": list(self.words), **pos, **self.found_json()}

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
        Mention(start=0, end=2, text='Ann Lee')
    """
    return Mention(start, end, " ".join(words[start:end]))
