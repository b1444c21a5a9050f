"""What looks wrong in the spans of entities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rin_core.data.corpus import Corpus, Finding, Sentence, Span, shown
from rin_core.data.finding_texts import found_in, graded, sentence_text, warning
from rin_core.data.tags import B_TAG, S_TAG, span_tags

#: Entities with a capital that are needed to tell whether the words after them belong to them.
CAPITALISED = 20
#: Marks that begin or end no name. A period may: of "Inc." the tokenizer splits it off at the end.
MARKS_BEFORE = frozenset(".,;:!?)]}、，。；：")
MARKS_AFTER = frozenset(",;:!?([{、，。；：")


def inclusive_ends(corpus: Corpus) -> Iterator[Finding]:
    """Find names that continue after their span: a word with a capital follows one."""
    names = [
        (s, span)
        for sentences in corpus.splits().values()
        for s in sentences
        for span in s.entities
        if span.end < len(s.words) and s.words[span.end - 1][:1].isupper()
    ]
    cut = [(s, span) for s, span in names if s.words[span.end][:1].isupper()]
    # In corpora with right ends the share is below 0.2, with ends one word short above 0.8.
    if len(names) >= CAPITALISED and 2 * len(cut) > len(names):
        sentence, (start, end) = cut[0]
        text = (
            f"{len(cut)} of {len(names)} entities with a capital are followed by another capital, "
            f"the first is {shown(' '.join(sentence.words[start:end]))} before "
            f"{shown(sentence.words[end])}: if an end is the last word of its span, add 1 to it"
        )
        yield warning("inclusive-ends", text, count=len(cut))


def overlapping_entities(corpus: Corpus) -> Iterator[Finding]:
    """Find entities that tags cannot hold."""
    found = found_in(corpus, lambda s: untagged(s.entities, len(s.words)))
    if found.count:
        text = (
            f"entities inside or across a longer one: {found}: tags hold only the longer one, so "
            "entity F1 counts the others as missed; triples keep both"
        )
        yield warning("overlapping-entities", text, count=found.count)


def punctuation_at_ends(corpus: Corpus) -> Iterator[Finding]:
    """Find entities that start or end with a mark that belongs to no name."""
    found = found_in(corpus, lambda s: sum(_has_mark(s, span) for span in s.entities))
    if found.first:
        sentence = found.first
        span = next(span for span in sentence.entities if _has_mark(sentence, span))
        total = sum(len(s.entities) for split in corpus.splits().values() for s in split)
        text = (
            f"entities that start or end with a punctuation mark: {found.count:,} of {total:,}, "
            f"the first is {shown(' '.join(sentence.words[slice(*span)]))} in "
            f"{sentence_text(sentence)}: if the mark is not part of the name, correct the span"
        )
        yield graded("punctuation-at-ends", text, "", found.count, total)


def _has_mark(sentence: Sentence, span: Span) -> bool:
    return sentence.words[span.start] in MARKS_BEFORE or sentence.words[span.end - 1] in MARKS_AFTER


def untagged(spans: Sequence[Span], length: int) -> int:
    """Return how many entities of a sentence its tags cannot hold.

    Args:
        spans: The entities, in order of position.
        length: Words of the sentence.
    """
    if all(a.end <= b.start for a, b in pairwise(spans)):
        return 0
    return len(spans) - sum(tag in (B_TAG, S_TAG) for tag in span_tags(spans, length))
