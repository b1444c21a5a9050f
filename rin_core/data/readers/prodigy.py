"""Prodigy: ``text``, ``tokens`` with characters, ``spans``, and ``relations`` between spans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence, shown
from rin_core.data.readers.character_spans import Mention, align, mention
from rin_core.data.readers.fields import field, items, label_of, text_of, wrong
from rin_core.data.readers.reading import Reading, Text


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format: tokens have places. ``spans`` is optional."""
    tokens = record.get("tokens")
    has_places = isinstance(tokens, list) and all(isinstance(token, dict) for token in tokens)
    return {"text", "tokens", "relations"} <= record.keys() and has_places


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read a record, split into its tokens. What the annotator did not accept is left out."""
    text = text_of(field(record, "text", str), "text")
    if record.get("answer", "accept") != "accept":
        reading.count("rejected-answers", text)
        return
    mentions, facts = dict[tuple[int, int], Mention](), []
    for at, span in items(record, "spans") if "spans" in record else ():
        _add(mentions, text, span, at, reading)
    for at, relation in items(record, "relations"):
        # A head or child may be a token outside all spans.
        subject, object_ = (
            _add(mentions, text, field(relation, key, dict, at), f"{at}.{key}", reading)
            for key in ("head_span", "child_span")
        )
        facts.append((subject, label_of(field(relation, "label", str, at), f"{at}.label"), object_))
    yield align(Text(text, tuple(_offsets(record, text))), mentions, facts, reading)


def _add(
    mentions: dict[tuple[int, int], Mention], text: str, span: Any, at: str, reading: Reading
) -> tuple[int, int]:
    """Add the mention of a span, unless it is there, and return its key."""
    start, end = field(span, "start", int, at), field(span, "end", int, at)
    if (start, end) not in mentions:
        mentions[start, end] = mention(text, start, end, span.get("label"), at, reading)
    return start, end


def _offsets(record: dict[str, Any], text: str) -> Iterator[tuple[int, int]]:
    """Yield the characters of each token that is no white space."""
    last = 0
    for at, token in items(record, "tokens"):
        start, end = field(token, "start", int, at), field(token, "end", int, at)
        if not last <= start < end <= len(text):
            expected = f"{last} <= start < end <= {len(text)}, after the token before"
            raise wrong(at, f"start {start} and end {shown(end)}", expected)
        last = end
        if not text[start:end].isspace():
            yield start, end
