"""Types of errors: what a missed or a wrong triple has in common with a triple it resembles.

A missed gold triple is compared with the wrong predictions in its sentence, and a wrong prediction
with the missed gold triples. Correct predictions explain no error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum

from reports.frames.predictions import Answer
from rin_core.data.corpus import Fact, Sentence


class ErrorType(StrEnum):
    """What a triple shares with another, the most similar first."""

    RELATION = "other relation"
    """Subject and object word; the relation differs."""
    REVERSED = "arguments reversed"
    """The relation, with subject and object exchanged."""
    ARGUMENT = "one argument wrong"
    """The relation and one of the two words."""
    UNRELATED = "unrelated"
    """None of these with any triple."""


#: Outcome of a gold triple that no model can find, because an argument is not in its sentence.
UNREACHABLE = "not in the sentence"
#: Outcome of a gold triple that the model predicts.
FOUND = "found"


def error_type(fact: Fact, others: Collection[Fact]) -> ErrorType:
    """Return the first error type that applies to a triple and any of some others."""
    found = {_compare(fact, other) for other in others}
    return next((kind for kind in ErrorType if kind in found), ErrorType.UNRELATED)


def _compare(fact: Fact, other: Fact) -> ErrorType:
    subject, relation, object_ = fact
    if (subject, object_) == (other[0], other[2]):
        return ErrorType.RELATION
    if relation != other[1]:
        return ErrorType.UNRELATED
    if (object_, subject) == (other[0], other[2]):
        return ErrorType.REVERSED
    one_shared = subject == other[0] or object_ == other[2]
    return ErrorType.ARGUMENT if one_shared else ErrorType.UNRELATED


def count_outcomes(sentences: Sequence[Sentence], answers: Sequence[Answer]) -> Counter[str]:
    """Count the outcomes of the gold triples: found, unreachable, or missed with an error type."""
    counts: Counter[str] = Counter()
    for sentence, (gold, predicted) in zip(sentences, answers, strict=True):
        counts[FOUND] += len(gold & predicted)
        counts[UNREACHABLE] += len(sentence.missing)
        counts.update(error_type(fact, predicted - gold) for fact in gold - predicted)
    return counts


def count_wrong(answers: Iterable[Answer]) -> Counter[str]:
    """Count the wrong predictions of a run by error type."""
    counts: Counter[str] = Counter()
    for gold, predicted in answers:
        counts.update(error_type(fact, gold - predicted) for fact in predicted - gold)
    return counts


def count_confusions(answers: Iterable[Answer]) -> Counter[tuple[str, str]]:
    """Count the wrong relations of pairs of words whose gold relation is missed.

    Returns:
        Counts by gold relation and predicted relation.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for gold, predicted in answers:
        for subject, relation, object_ in gold - predicted:
            for other in predicted - gold:
                if (other[0], other[2]) == (subject, object_):
                    counts[relation, other[1]] += 1
    return counts
