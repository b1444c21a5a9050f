"""Annotations to check: triples of test that nearly all runs predict and that are not annotated.

Runs with other seeds, numbers of rounds or encoders make different mistakes. What nearly all of
them predict is often a missing annotation, or one that contradicts others of its kind. It can also
be a mistake that all models make, so a person must look. :mod:`benchmarks.annotations` measures how
many removed annotations are found again. Klie, Webber and Gurevych (2023,
doi:10.1162/coli_a_00464) compare methods to find errors of annotation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reports.frames.predictions import Answer
from reports.frames.studies import StudyData
from rin_core.data.corpus import Fact, Sentence, Span

#: Fewer runs cannot tell a mistake of one model from one of the annotation.
FEWEST_RUNS = 3
#: Share of the runs that must predict a triple.
SHARE = 0.9


class Kind(StrEnum):
    """How a triple is annotated; the first that applies."""

    PLACE = "at another place"
    """The same words and relation, at another place of the sentence."""
    RELATION = "with another relation"
    """The same two words with another relation."""
    REVERSED = "with reversed arguments"
    """The same relation from object to subject."""
    ABSENT = "not at all"
    """None of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A triple that most runs predict, and that is not annotated."""

    sentence: int
    """Index in the test split."""
    fact: Fact
    runs: int
    """How many runs predict it."""
    kind: Kind
    annotated: tuple[Fact, ...]
    """The annotated triples that the kind is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """The triples of a test split to check."""

    found: tuple[Doubt, ...]
    """The same words at another place last, then those of most runs first."""
    runs: int
    """How many runs were asked."""
    needed: int
    """How many of them must predict a triple."""
    annotated: int
    """How many triples are annotated."""
    sentences: tuple[Sentence, ...]


def find_doubts(study: StudyData, share: float = SHARE) -> Doubts | None:
    """Return what the runs of a study and the annotation disagree on; None with too few runs.

    Runs without any prediction, and runs whose triples stand for other words of the entities than
    those of the first run, are not asked.

    Args:
        study: The study, with its predictions.
        share: Which part of the runs must predict a triple, above 0.5 and at most 1.

    Raises:
        ValueError: The share is not in this range.
    """
    if not 0.5 < share <= 1:
        raise ValueError(f"--share {share:g}: must be above 0.5 and at most 1")
    counts = study.counts
    words = dict(zip(study.frame["fingerprint"], study.frame["entity_word"], strict=True))
    asked = {n: own for n, own in counts.answers.items() if any(a.predicted for a in own)}
    first = next((words[name] for name in asked), "")
    answers = [own for name, own in asked.items() if words[name] == first]
    if len(answers) < FEWEST_RUNS:
        return None
    needed = math.ceil(share * len(answers) - 1e-9)
    return Doubts(
        found=tuple(doubts(counts.sentences, answers, needed)),
        runs=len(answers),
        needed=needed,
        annotated=sum(len(answer.gold) for answer in answers[0]),
        sentences=counts.sentences,
    )


def doubts(
    sentences: Sequence[Sentence], answers: Sequence[Sequence[Answer]], needed: int
) -> list[Doubt]:
    """Return the triples that at least ``needed`` runs predict and that are not annotated.

    Args:
        sentences: The N sentences of the test split.
        answers: The N answers of each run.
        needed: How many runs must predict a triple.
    """
    found = []
    for number, own in enumerate(zip(*answers, strict=True)):
        gold, words = own[0].gold, sentences[number].words
        votes = Counter(fact for answer in own for fact in answer.predicted)
        for fact, runs in votes.items():
            if runs >= needed and fact not in gold:
                kind, annotated = _compare(fact, gold, words)
                found.append(
                    Doubt(sentence=number, fact=fact, runs=runs, kind=kind, annotated=annotated)
                )
    # At another place, the annotation is right, and the same names occur twice.
    return sorted(
        found,
        key=lambda doubt: (doubt.kind is Kind.PLACE, -doubt.runs, doubt.sentence, doubt.fact),
    )


def span_at(sentence: Sentence, word: int) -> Span:
    """Return the shortest annotated entity that has a word, or else the word."""
    spans = [span for span in sentence.entities if span.start <= word < span.end]
    return min(spans, key=lambda span: span.end - span.start, default=Span(word, word + 1))


def _compare(
    fact: Fact, gold: frozenset[Fact], words: Sequence[str]
) -> tuple[Kind, tuple[Fact, ...]]:
    """Return how a triple is annotated, and as which triples."""
    subject, relation, object_ = fact
    said = words[subject], relation, words[object_]
    alike: Mapping[Kind, list[Fact]] = {
        Kind.PLACE: [g for g in gold if (words[g[0]], g[1], words[g[2]]) == said],
        Kind.RELATION: [g for g in gold if (g[0], g[2]) == (subject, object_)],
        Kind.REVERSED: [g for g in gold if g == (object_, relation, subject)],
    }
    for kind, annotated in alike.items():
        if annotated:
            return kind, tuple(sorted(annotated))
    return Kind.ABSENT, ()
