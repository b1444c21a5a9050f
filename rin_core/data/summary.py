"""The sizes of a corpus's splits, and the words that training does not know."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from rin_core.data.corpus import (
    Corpus,
    Sentence,
    count_missing,
    count_relations,
    entity_place,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Words that the training split does not have."""

    total: int
    """Words, those that training has too."""
    unknown: int
    with_vector: int | None
    """Unknown words that have a pretrained vector; None without vectors."""

    @property
    def share(self) -> float:
        """Return the share of unknown words."""
        return self.unknown / self.total if self.total else 0.0

    @property
    def share_with_vector(self) -> float | None:
        """Return the share of the unknown words that have a vector."""
        return None if self.with_vector is None else self.with_vector / max(self.unknown, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSummary:
    """One split; lengths are in words."""

    sentences: int
    triples: int
    """Distinct triples of each sentence, those that cannot be located too."""
    relations: int
    """Distinct relations."""
    entities: int
    entity_types: int
    """Distinct types; 0 if no entity has one."""
    mean_length: float
    longest: int
    mean_entity: float
    longest_entity: int
    words: Unknown
    """Words of all sentences."""
    arguments: Unknown
    """Words that stand for the arguments of triples, see ``data.entity_word``."""


def summarise(
    corpus: Corpus,
    *,
    lowercase: bool,
    entity_word: str,
    with_vector: Collection[str] | None = None,
) -> dict[str, SplitSummary]:
    """Return the summary of each split.

    Args:
        corpus: The sentences.
        lowercase: Take words that differ only in case for one, as ``data.lowercase``.
        entity_word: Which word stands for an argument.
        with_vector: Words that have a pretrained vector, in lower case with ``lowercase``; None
            without vectors.
    """

    def form(word: str) -> str:
        return word.lower() if lowercase else word

    known = {form(word) for sentence in corpus.train for word in sentence.words}

    def unknown(words: Sequence[str]) -> Unknown:
        unseen = [word for word in map(form, words) if word not in known]
        found = None if with_vector is None else sum(word in with_vector for word in unseen)
        return Unknown(total=len(words), unknown=len(unseen), with_vector=found)

    return {
        split: SplitSummary(
            sentences=len(sentences),
            triples=count_missing(sentences)[1],
            relations=len(count_relations(sentences)),
            entities=sum(len(s.entities) for s in sentences),
            entity_types=len({kind for s in sentences for kind in s.types if kind}),
            mean_length=_mean([len(s.words) for s in sentences]),
            longest=max((len(s.words) for s in sentences), default=0),
            mean_entity=_mean([end - start for s in sentences for start, end in s.entities]),
            longest_entity=max(
                (end - start for s in sentences for start, end in s.entities), default=0
            ),
            words=unknown([word for s in sentences for word in s.words]),
            arguments=unknown([word for s in sentences for word in _arguments(s, entity_word)]),
        )
        for split, sentences in corpus.splits().items()
    }


def unseen_words(corpus: Corpus, *, lowercase: bool) -> frozenset[str]:
    """Return the words of dev and test that train does not have."""

    def forms(sentences: Sequence[Sentence]) -> set[str]:
        return {word.lower() if lowercase else word for s in sentences for word in s.words}

    return frozenset((forms(corpus.dev) | forms(corpus.test)) - forms(corpus.train))


def _arguments(sentence: Sentence, entity_word: str) -> Iterator[str]:
    """Yield the word that stands for each distinct argument of the triples."""
    spans = {span for t in sentence.triples for span in (t.subject, t.object)}
    for span in sorted(spans):
        yield sentence.words[entity_place(span, entity_word)[0]]


def _mean(lengths: Sequence[int]) -> float:
    return sum(lengths) / len(lengths) if lengths else 0.0
