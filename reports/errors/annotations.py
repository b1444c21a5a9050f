"""Annotations to check: triples of test that nearly all runs predict and that are not annotated.

Runs with other seeds, numbers of rounds or encoders make different mistakes. What nearly all of
them predict can be a missing annotation, or one that contradicts others of its kind. It can also be
a mistake that all models make, so a person must look. :mod:`benchmarks.annotations` measures how
many removed annotations are found again. Klie, Webber and Gurevych (2023,
doi:10.1162/coli_a_00464) compare methods to find errors of annotation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from reports.frames.predictions import Answer
from reports.frames.studies import StudyData
from rin_core.data.corpus import Fact, Sentence, Span, entity_place

#: Fewer runs cannot tell a mistake of one model from one of the annotation.
FEWEST_RUNS = 3
#: Share of the runs that must predict a triple.
SHARE = 0.9


class Kind(StrEnum):
    """How a triple is annotated; the first that applies."""

    RELATION = "with another relation"
    """From the same subject to the same object."""
    REVERSED = "in the other direction"
    """From the object to the subject, with any relation."""
    UNLOCATED = "with words that are not in the sentence"
    """With the same relation and one of the arguments."""
    ABSENT = "not at all"
    """None of these."""
    PLACE = "at another place of the sentence"
    """The same words and relation. It applies before all others, and is listed last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A triple that most runs predict, and that is not annotated."""

    sentence: int
    """Index in the test split."""
    fact: Fact
    runs: int
    """How many runs predict it."""
    kind: Kind
    annotated: tuple[Fact, ...]
    """The annotated triples that the kind is about; none if they could not be located."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The triples of a test split to check."""

    found: tuple[Candidate, ...]
    """By kind: the same words at another place last. Then those of most runs first."""
    runs: int
    """How many runs were asked."""
    left_out: int
    """How many runs with predictions were not asked."""
    needed: int
    """How many of those asked must predict a triple."""
    annotated: int
    """How many triples are annotated."""
    sentences: tuple[Sentence, ...]
    entity_word: str
    """Which word stands for an entity: ``first`` or ``last``."""


def find_candidates(study: StudyData, share: float = SHARE) -> Candidates | None:
    """Return what the runs of a study and the annotation disagree on; None with too few runs.

    Not asked are runs that predict nothing, runs on fewer training sentences than others, and runs
    with another ``data.entity_word`` than most.

    Args:
        study: The study, with its predictions.
        share: Which part of the runs must predict a triple, above 0.5 and at most 1.

    Raises:
        ValueError: The share is not in this range.
    """
    if not 0.5 < share <= 1:
        raise ValueError(f"share {share:g}: must be above 0.5 and at most 1")
    frame, counts = study.frame, study.counts
    whole = frame["train_share"] == frame["train_share"].max()
    words = {
        name: word
        for name, word in frame.loc[whole, ["fingerprint", "entity_word"]].itertuples(index=False)
        if any(answer.predicted for answer in counts.answers.get(name, ()))
    }
    if not words:
        return None
    entity_word = Counter(words.values()).most_common(1)[0][0]
    answers = [counts.answers[name] for name, word in words.items() if word == entity_word]
    if len(answers) < FEWEST_RUNS:
        return None
    needed = math.ceil(share * len(answers) - 1e-9)
    located = sum(len(answer.gold) for answer in answers[0])
    return Candidates(
        found=tuple(compare(counts.sentences, answers, needed, entity_word)),
        runs=len(answers),
        left_out=len(counts.answers) - len(answers),
        needed=needed,
        annotated=located + sum(len(sentence.missing) for sentence in counts.sentences),
        sentences=counts.sentences,
        entity_word=entity_word,
    )


def compare(
    sentences: Sequence[Sentence],
    answers: Sequence[Sequence[Answer]],
    needed: int,
    entity_word: str,
) -> list[Candidate]:
    """Return the triples that at least ``needed`` runs predict and that are not annotated.

    Args:
        sentences: The N sentences of the test split.
        answers: The N answers of each run.
        needed: How many runs must predict a triple.
        entity_word: ``first`` or ``last``, as ``data.entity_word``.
    """
    found = []
    for number, own in enumerate(zip(*answers, strict=True)):
        sentence, gold = sentences[number], own[0].gold
        votes: Counter[Fact] = Counter()
        for answer in own:
            # A word in the middle of an annotated entity means that entity.
            votes.update(
                {
                    (_head(sentence, s, entity_word), r, _head(sentence, o, entity_word))
                    for s, r, o in answer.predicted
                }
            )
        for fact, runs in votes.items():
            if runs >= needed and fact not in gold:
                kind, annotated = _annotated(fact, gold, sentence, entity_word)
                found.append(
                    Candidate(sentence=number, fact=fact, runs=runs, kind=kind, annotated=annotated)
                )
    return sorted(found, key=_order)


def _order(candidate: Candidate) -> tuple[bool, int, int, Fact]:
    is_place = candidate.kind is Kind.PLACE
    return is_place, -candidate.runs, candidate.sentence, candidate.fact


def entity_at(sentence: Sentence, word: int, entity_word: str) -> Span:
    """Return the shortest annotated entity for which a word stands, or else the word."""
    spans = [s for s in sentence.entities if entity_place(s, entity_word)[0] == word]
    return min(spans, key=lambda span: span.end - span.start, default=Span(word, word + 1))


def _head(sentence: Sentence, word: int, entity_word: str) -> int:
    """Return the word that stands for the annotated entity that has a word, or else the word."""
    around = [span for span in sentence.entities if span.start <= word < span.end]
    heads = {entity_place(span, entity_word)[0]: span for span in around}
    if not heads or word in heads:
        return word
    return min(heads, key=lambda head: heads[head].end - heads[head].start)


def _annotated(
    fact: Fact, gold: frozenset[Fact], sentence: Sentence, entity_word: str
) -> tuple[Kind, tuple[Fact, ...]]:
    """Return how a triple is annotated, and as which triples."""
    subject, relation, object_ = fact

    def text(word: int) -> str:
        span = entity_at(sentence, word, entity_word)
        return " ".join(sentence.words[span.start : span.end])

    said = text(subject), relation, text(object_)
    located = {
        Kind.PLACE: [g for g in gold if (text(g[0]), g[1], text(g[2])) == said],
        Kind.RELATION: [g for g in gold if (g[0], g[2]) == (subject, object_)],
        Kind.REVERSED: [g for g in gold if (g[2], g[0]) == (subject, object_)],
    }
    for kind, annotated in located.items():
        if annotated:
            return kind, tuple(sorted(annotated))
    for s, r, o in sentence.missing:
        if r == relation and (s == said[0] or o == said[2]):
            return Kind.UNLOCATED, ()
    return Kind.ABSENT, ()
