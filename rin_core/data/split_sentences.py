"""Records of several sentences to one record a sentence, as ``predict`` splits a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from rin_core.data.corpus import Finding, Sentence, Span, Triple
from rin_core.data.finding_texts import sentence_text, warning
from rin_core.data.readers.sentences import LONGEST_SENTENCE, check_length
from rin_core.data.sentence_splitter import sentence_offsets

#: Marks with no space before them.
_ATTACHED = frozenset((*".,;:!?)]}", "...", "…", "''", "”", "’"))


def split_sentences(
    sentences: Iterable[Sentence], split: str = ""
) -> tuple[tuple[Sentence, ...], tuple[Finding, ...]]:
    """Split sentences, and return them with findings on what is not in one part.

    Args:
        sentences: Records with one or more sentences each.
        split: Their split, for the findings; empty for a corpus without splits.

    Raises:
        CorpusError: A part is too long.
    """
    parts = list[Sentence]()
    lost = dict[str, list[tuple[Sentence, int]]]()
    for sentence in sentences:
        inside = [_part(sentence, span) for span in sentence_spans(sentence.words)]
        for part in inside:
            check_length(part.words, LONGEST_SENTENCE, f"by hand: {sentence_text(part)}")
        parts += inside
        for what, of_whole, of_parts in (
            ("entities", len(sentence.entities), sum(len(p.entities) for p in inside)),
            ("relations", len(sentence.triples), sum(len(p.triples) for p in inside)),
        ):
            if of_parts < of_whole:
                lost.setdefault(what, []).append((sentence, of_whole - of_parts))
    findings = []
    for what, found in lost.items():
        count, first = sum(number for _, number in found), sentence_text(found[0][0])
        where = f"{split}: " if split else ""
        text = f"{where}left out {what} between sentences: {count}, the first in {first}"
        findings.append(warning(f"{what}-across-sentences", text, split, count))
    return tuple(parts), tuple(findings)


def sentence_spans(words: Sequence[str]) -> list[Span]:
    """Return the words of each sentence.

    Examples:
        >>> sentence_spans(["Dr", ".", "Ann", "left", ".", "So", "did", "Bob", "."])
        [Span(start=0, end=5), Span(start=5, end=9)]
    """
    places, text = dict[int, int](), ""
    for number, word in enumerate(words):
        text += " " * (bool(text) and word not in _ATTACHED)  # the splitter knows "Dr."
        places[len(text)] = number
        text += word
    starts = [places[start] for start, _ in sentence_offsets(text) if start in places]
    firsts = sorted({0, *starts})
    return [Span(a, b) for a, b in pairwise([*firsts, len(words)])]


def _part(sentence: Sentence, part: Span) -> Sentence:
    """Return the words from one to another, with what is between them."""

    def moved(span: Span) -> Span:
        return Span(span.start - part.start, span.end - part.start)

    def is_inside(span: Span) -> bool:
        return part.start <= span.start and span.end <= part.end

    kept = [k for k, span in enumerate(sentence.entities) if is_inside(span)]
    return replace(
        sentence,
        words=sentence.words[slice(*part)],
        pos=sentence.pos and sentence.pos[slice(*part)],
        entities=tuple(moved(sentence.entities[k]) for k in kept),
        types=tuple(sentence.types[k] for k in kept) if sentence.types else (),
        triples=tuple(
            Triple(moved(t.subject), t.relation, moved(t.object))
            for t in sentence.triples
            if is_inside(t.subject) and is_inside(t.object)
        ),
        missing=sentence.missing if part.start == 0 else (),
        missing_entities=sentence.missing_entities if part.start == 0 else (),
    )
