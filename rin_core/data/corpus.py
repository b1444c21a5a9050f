"""Sentences with entities and gold triples: what every reader returns."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import reprlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

SPLITS = ("train", "dev", "test")

#: Shell-style patterns of the names of the paper's corpora and their parts.
PAPER_CORPORA = ("webnlg*", "nyt*")


def is_paper_corpus(name: str) -> bool:
    """Return whether a corpus is one of the paper's or a part of one, by its name."""
    return any(fnmatch.fnmatch(name, pattern) for pattern in PAPER_CORPORA)


class CorpusError(ValueError):
    """A corpus that cannot be read. The message names file, place, problem and remedy."""


class Span(NamedTuple):
    """A half-open range of word positions."""

    start: int
    end: int


class Triple(NamedTuple):
    """One gold relation between two spans of a sentence."""

    subject: Span
    relation: str
    object: Span


Fact = tuple[int, str, int]
"""A triple by its words: subject word, relation, object word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a person should know about a corpus or how it was read."""

    code: str
    """A stable name for programs, such as ``repeated-sentences``."""
    level: Literal["note", "warning"]
    """A warning needs a decision; a note says how something was read."""
    text: str
    """One line: what was found, how often, the first example and the remedy."""
    split: str = ""
    """The split; empty for the whole corpus."""
    count: int = 0
    """How often it was found; 0 where nothing is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One annotated sentence."""

    words: tuple[str, ...]
    """The words, as written."""
    pos: tuple[str, ...] | None
    """One part-of-speech tag a word, where the corpus has them."""
    entities: tuple[Span, ...]
    """Distinct entity spans in order of position; every argument of a triple is one."""
    triples: tuple[Triple, ...]
    """Distinct gold triples, in the order of the file."""
    missing: tuple[tuple[str, str, str], ...] = ()
    """Gold triples, as text, with an argument that does not occur in the sentence."""
    missing_entities: tuple[str, ...] = ()
    """Distinct gold entities, as text, that do not occur in it: arguments and others."""
    types: tuple[str, ...] = ()
    """The type of each of ``entities``, empty text for one without; no items if none has a type."""
    place: str = field(default="", compare=False)
    """The file and the line or record that it is from; sentences of a document share it."""

    @property
    def entity_types(self) -> tuple[str, ...]:
        """The type of each of ``entities``, empty text for one without."""
        return self.types or ("",) * len(self.entities)

    def text(self, span: Span) -> str:
        """Return the words of a span, with spaces between them."""
        return " ".join(self.words[span.start : span.end])


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The three splits of a corpus."""

    name: str
    """Its name in results; not part of its digest."""
    train: tuple[Sentence, ...]
    """Sentences to learn from, and the only source of vocabularies."""
    dev: tuple[Sentence, ...]
    """Sentences that select the epoch."""
    test: tuple[Sentence, ...]
    """Sentences scored once."""
    findings: tuple[Finding, ...] = ()
    """How the files were read, and what was left out."""

    def splits(self) -> dict[str, tuple[Sentence, ...]]:
        """Return the splits under their names, in the order of :data:`SPLITS`."""
        return {"train": self.train, "dev": self.dev, "test": self.test}

    def sentences(self) -> tuple[Sentence, ...]:
        """Return the sentences of all splits, in the order of :data:`SPLITS`."""
        return (*self.train, *self.dev, *self.test)

    def digest(self) -> str:
        """Identify the content, independent of file format, folder and name.

        Missing entities and types do not count: older digests, made without them, stay valid.

        Returns:
            16 hexadecimal digits.
        """
        content = hashlib.sha256()
        for sentences in self.splits().values():
            rows = [[s.words, s.pos, s.entities, s.triples, s.missing] for s in sentences]
            content.update(json.dumps(rows, separators=(",", ":")).encode())
        return content.hexdigest()[:16]

    def type_digest(self) -> str:
        """Identify the types of all entities, which :meth:`digest` leaves out.

        Returns:
            16 hexadecimal digits.
        """
        rows = [[s.types for s in sentences] for sentences in self.splits().values()]
        text = json.dumps(rows, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def count_missing(sentences: Iterable[Sentence]) -> tuple[int, int]:
    """Return how many triples cannot be located, and how many there are."""
    missing = located = 0
    for sentence in sentences:
        missing += len(sentence.missing)
        located += len(sentence.triples)
    return missing, missing + located


def count_relations(sentences: Iterable[Sentence]) -> Counter[str]:
    """Return the number of triples of each relation, including those that cannot be located."""
    counts = Counter[str]()
    for sentence in sentences:
        counts.update(triple.relation for triple in sentence.triples)
        counts.update(relation for _, relation, _ in sentence.missing)
    return counts


def shown(value: object) -> str:
    """Write a value from a file, cut to a length that fits in a message."""
    return reprlib.repr(value)


def entity_place(span: Span, entity_word: str) -> tuple[int, int]:
    """Return the word that stands for a span, and the word at the span's other end."""
    first, last = span.start, span.end - 1
    return (first, last) if entity_word == "first" else (last, first)


def word_facts(triples: Iterable[Triple], entity_word: str) -> frozenset[Fact]:
    """Return triples by the words that stand for their arguments.

    Args:
        triples: Triples between spans.
        entity_word: ``first`` or ``last``, as ``data.entity_word``.
    """

    def word(span: Span) -> int:
        return entity_place(span, entity_word)[0]

    return frozenset((word(t.subject), t.relation, word(t.object)) for t in triples)
