"""Rows of entities and relations in DyGIE++, and what their offsets count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from rin_core.data.corpus import CorpusError, Span, shown
from rin_core.data.readers.fields import wrong


def count_in_sentences(records: Iterable[object]) -> bool:
    """Return whether the offsets of most documents fit only if they count in their sentence."""
    fits = [_fits(record) for record in records if isinstance(record, dict)]
    return fits.count((False, True)) > fits.count((True, False))


def _fits(record: dict[str, Any]) -> tuple[bool, bool]:
    """Return whether all offsets of a document fit in it, and whether they do in sentences."""
    sentences = record.get("sentences")
    if not isinstance(sentences, list) or not all(isinstance(words, list) for words in sentences):
        return False, False
    lengths = [len(words) for words in sentences]
    places = list(accumulate(lengths, initial=0))
    try:
        ends = [
            (index, row[k], row[k + 1])
            for index in range(len(lengths))
            for key, size in (("ner", 3), ("relations", 5))
            for _, row in rows_of(record, key, index, size)
            for k in range(0, size - 1, 2)
        ]
    except CorpusError:  # the reader names it
        return False, False
    return (
        all(places[k] <= start <= end < places[k + 1] for k, start, end in ends),
        all(0 <= start <= end < lengths[k] for k, start, end in ends),
    )


def rows_of(record: dict[str, Any], key: str, index: int, size: int) -> Iterator[tuple[str, Any]]:
    """Yield the rows of a sentence, each with its name: offsets, a label, possibly more.

    Args:
        record: A document.
        key: ``ner`` or ``relations``.
        index: The sentence.
        size: Number of offsets, and one for the label.

    Raises:
        CorpusError: There is not one list per sentence, or a row is not of this form.
    """
    rows, count = record.get(key, []), len(record["sentences"])
    listed = isinstance(rows, list) and all(isinstance(row, list) for row in rows)
    if not listed or (rows and len(rows) != count):
        raise wrong(key, shown(rows), f"{count} lists, one per sentence")
    for k, row in enumerate(rows[index] if rows else ()):
        at = f"{key}[{index}][{k}]"
        numbers = row[: size - 1] if isinstance(row, list) and len(row) >= size else [None]
        if not all(type(number) is int for number in numbers):
            raise wrong(at, shown(row), f"{size - 1} offsets and a label")
        yield at, row


def span_of(ends: list[int], offset: int, words: tuple[str, ...]) -> Span | None:
    """Return the words of an inclusive range, None if they are in another sentence."""
    start, end = ends[0] - offset, ends[1] - offset + 1
    return Span(start, end) if 0 <= start < end <= len(words) else None
