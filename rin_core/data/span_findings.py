"""What looks wrong in the spans of entities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rin_core.data.corpus import Corpus, Finding, Sentence, Span, shown
from rin_core.data.finding_texts import (
    Sentences,
    counts_by_split,
    found_in,
    graded,
    sentence_text,
    warning,
)
from rin_core.data.tags import B_TAG, S_TAG, span_tags

#: Entities with a capital that are needed to tell whether their spans are one word off.
CAPITALISED = 20
#: Marks among the words that a wrong span has too many.
_MARKS = 0.02
#: Entities that show it.
_SAMPLE = 2000
#: What to add to start and end; of equal ones, a shorter span rather than a longer one.
_SHIFTS = ((0, -1), (1, 0), (1, 1), (-1, -1), (0, 1), (-1, 0))
#: Marks that begin or end no name. A period may: of "Inc." the tokenizer splits it off at the end.
MARKS_BEFORE = frozenset(".,;:!?)]}、，。；：،؛؟۔।॥")
MARKS_AFTER = frozenset(",;:!?([{、，。；：،؛؟۔।॥")


def shifted_spans(corpus: Corpus) -> Iterator[Finding]:
    """Find spans that are one word off: names begin and end with a capital, and not around it."""
    found = {split: _shifted(sentences) for split, sentences in corpus.splits().items()}
    for shift in _SHIFTS:
        if here := {split: names for split, (best, names) in found.items() if best == shift}:
            sentence, span = next(iter(here.values()))[0]
            wrong, right = (shown(sentence.text(s)) for s in (span, _moved(span, shift)))
            ends = zip(shift, ("start", "end"), strict=True)
            changes = " and ".join(f"{by:+d} to each {end}" for by, end in ends if by)
            counts = {split: len(names) for split, names in here.items()}
            text = (
                f"spans that are one word off: {counts_by_split(counts)}, the first is {wrong} for "
                f"{right} in {sentence_text(sentence)}: add {changes}"
            )
            yield warning("shifted-spans", text, count=sum(counts.values()))


def _shifted(sentences: Sentences) -> tuple[tuple[int, int], list[tuple[Sentence, Span]]]:
    """Return what to add to the spans of a split, and the spans that are names only with it."""
    spans = [(s, span) for s in sentences for span in s.entities]
    wrong = [(s, span) for s, span in spans if not _is_name(s, span, (0, 0))]
    sample = wrong[:_SAMPLE]
    if 2 * len(wrong) <= len(spans):
        return (0, 0), []
    fitting = {shift: sum(_is_name(s, x, shift) for s, x in sample) for shift in _SHIFTS}
    enough = max(CAPITALISED, 0.8 * len(sample))
    good = [x for x in _SHIFTS if fitting[x] >= enough and _removes_marks(sample, x)]
    best = max(good, key=lambda shift: fitting[shift], default=(0, 0))
    return best, [(s, span) for s, span in wrong if _is_name(s, span, best)]


def _removes_marks(spans: Sequence[tuple[Sentence, Span]], shift: tuple[int, int]) -> bool:
    """Return whether some words that a shift removes are marks, as wrong ones are at times.

    A name may end in a small word, as "Escherichia coli".
    """
    removed = [
        sentence.words[place]
        for sentence, span in spans
        for place in set(range(*span)).difference(range(*_moved(span, shift)))
    ]
    return sum(not any(map(str.isalnum, word)) for word in removed) >= _MARKS * len(removed)


def _moved(span: Span, shift: tuple[int, int]) -> Span:
    return Span(span.start + shift[0], span.end + shift[1])


def _is_name(sentence: Sentence, span: Span, shift: tuple[int, int]) -> bool:
    """Return whether a moved span has a capital at both ends, and none right outside them."""
    start, end = _moved(span, shift)
    if not 0 <= start < end <= len(sentence.words):
        return False
    is_bounded = _is_capital(sentence, start) and _is_capital(sentence, end - 1)
    # The first word of a sentence has a capital for another reason.
    before = start > 1 and _is_capital(sentence, start - 1)
    return is_bounded and not before and not _is_capital(sentence, end)


def _is_capital(sentence: Sentence, place: int) -> bool:
    return 0 <= place < len(sentence.words) and sentence.words[place][:1].isupper()


def overlapping_entities(corpus: Corpus) -> Iterator[Finding]:
    """Find entities that tags cannot hold."""
    found = found_in(corpus, lambda s: untagged(s.entities, len(s.words)))
    if found.count:
        text = (
            f"entities inside or across a longer one: {found}: tags can represent only the longer "
            "one, so entity F1 counts the others as missed"
        )
        yield warning("overlapping-entities", text, count=found.count)


def punctuation_at_ends(corpus: Corpus) -> Iterator[Finding]:
    """Find entities that start or end with a mark that belongs to no name."""
    found = found_in(corpus, lambda s: sum(_has_mark(s, span) for span in s.entities))
    if found.first:
        sentence = found.first
        span = next(span for span in sentence.entities if _has_mark(sentence, span))
        total = sum(len(s.entities) for s in corpus.sentences())
        text = (
            f"entities that start or end with a punctuation mark: {found.count:,} of {total:,}, "
            f"the first is {shown(sentence.text(span))} in {sentence_text(sentence)}: if the mark "
            "is not part of the name, correct the span"
        )
        yield graded("punctuation-at-ends", text, "", found.count, total)


def _has_mark(sentence: Sentence, span: Span) -> bool:
    """Return whether a mark is a word at an end, or is attached to the last word."""
    first, last = sentence.words[span.start], sentence.words[span.end - 1]
    is_word = first in MARKS_BEFORE or last in MARKS_AFTER
    return is_word or (last[-1] in MARKS_AFTER and last[:-1].isalnum())


def untagged(spans: Sequence[Span], length: int) -> int:
    """Return how many entities of a sentence its tags cannot hold.

    Args:
        spans: The entities, in order of position.
        length: Words of the sentence.
    """
    if all(a.end <= b.start for a, b in pairwise(spans)):
        return 0
    return len(spans) - sum(tag in (B_TAG, S_TAG) for tag in span_tags(spans, length))
