"""Entities from BIO, BIOES and BILOU tags."""

from __future__ import annotations

from collections.abc import Sequence

from rin_core.data.corpus import Span
from rin_core.data.readers.fields import wrong
from rin_core.data.readers.reading import Reading


def tagged_spans(tags: Sequence[str], at: str, reading: Reading) -> dict[Span, str]:
    """Return the type of each entity, in order of position.

    Args:
        tags: ``O``, or a letter and a type, as in ``B-Loc``; one a word.
        at: The field, for messages.
        reading: Gets the counts.

    Raises:
        CorpusError: A tag is of another form.
    """
    spans, start, open_type = dict[Span, str](), 0, ""
    for place, tag in enumerate([*tags, "O"]):
        letter, _, kind = tag.partition("-")
        if letter not in ("B", "I", "O", "E", "S", "L", "U") or (letter != "O") != bool(kind):
            raise wrong(f"{at}[{place}]", repr(tag), "O, or a tag such as B-Loc")
        continues = letter in ("I", "E", "L") and kind == open_type
        if open_type and not continues:
            spans[Span(start, place)] = open_type
        if not continues:
            if letter in ("I", "E", "L"):
                reading.count("inside-without-begin", tags[max(place - 1, 0) : place + 1])
            start, open_type = place, kind
        if letter in ("E", "L", "S", "U"):
            spans[Span(start, place + 1)] = kind
            open_type = ""
    return spans
