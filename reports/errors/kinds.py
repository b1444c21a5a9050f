"""What a wrong triple and a missed one have in common: the kinds of error.

Errors are told from what they nearly were. A missed gold triple is compared with the wrong
triples of its sentence and a wrong triple with the missed ones, so that a triple that is right
explains no error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum

from reports.frames.predictions import Answer
from rin_core.data.corpus import Fact, Sentence


class Likeness(StrEnum):
    """What a triple shares with another, the nearest first."""

    RELATION = "other relation"
    """Subject and object word; the relation differs."""
    REVERSED = "arguments reversed"
    """The relation, with subject and object exchanged."""
    ARGUMENT = "one argument wrong"
    """The relation and one of the two words."""
    NOTHING = "nothing alike"
    """None of these with any triple."""


#: Fate of a gold triple that no model can find, because an argument is not in its sentence.
UNREACHABLE = "not in the sentence"


def likeness(fact: Fact, others: Collection[Fact]) -> Likeness:
    """Return the nearest likeness of a triple to any of some others."""
    found = {_shared(fact, other) for other in others}
    return next((kind for kind in Likeness if kind in found), Likeness.NOTHING)


def _shared(fact: Fact, other: Fact) -> Likeness:
    subject, relation, object_ = fact
    if (subject, object_) == (other[0], other[2]):
        return Likeness.RELATION
    if relation != other[1]:
        return Likeness.NOTHING
    if (object_, subject) == (other[0], other[2]):
        return Likeness.REVERSED
    return Likeness.ARGUMENT if subject == other[0] or object_ == other[2] else Likeness.NOTHING


def fates(sentences: Sequence[Sentence], answers: Sequence[Answer]) -> Counter[str]:
    """Count what became of the gold triples of test: ``found``, a likeness, or unreachable."""
    counts: Counter[str] = Counter()
    for sentence, (gold, said) in zip(sentences, answers, strict=True):
        counts["found"] += len(gold & said)
        counts[UNREACHABLE] += len(sentence.missing)
        counts.update(likeness(fact, said - gold) for fact in gold - said)
    return counts


def inventions(answers: Iterable[Answer]) -> Counter[str]:
    """Count the wrong triples of a trial by their likeness to the gold triples it missed."""
    return Counter(
        str(likeness(fact, gold - said)) for gold, said in answers for fact in said - gold
    )


def confusions(answers: Iterable[Answer]) -> Counter[tuple[str, str]]:
    """Count, for pairs of words that miss a gold relation, what was said of them instead.

    Returns:
        Counts by gold relation and relation said.
    """
    return Counter(pair for answer in answers for pair in _confused(answer))


def _confused(answer: Answer) -> Iterator[tuple[str, str]]:
    wrong = sorted(answer.said - answer.gold)
    for subject, relation, object_ in sorted(answer.gold - answer.said):
        for other in wrong:
            if (other[0], other[2]) == (subject, object_):
                yield relation, other[1]
