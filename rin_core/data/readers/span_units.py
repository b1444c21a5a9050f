"""What spans count, as the first records of a file show."""

from __future__ import annotations

from rin_core.data.readers.sentences import joined


def spans_are_characters(records: list[object]) -> bool:
    """Return whether no span of SpERT cuts a word, if it counts characters of the joined tokens.

    Few spans may do so by chance: at least four sentences must have such spans.
    """
    sentences = set()
    for record in records:
        if not (isinstance(record, dict) and {"tokens", "entities"} <= record.keys()):
            return False
        tokens, entities = record["tokens"], record["entities"]
        if not isinstance(entities, list) or not isinstance(tokens, list):
            return False
        text = joined(tuple(map(str, tokens)))
        for entity in entities:
            fields = entity if isinstance(entity, dict) else {}
            start, end = fields.get("start"), fields.get("end")
            if type(start) is not int or type(end) is not int or text.span(start, end) is None:
                return False
            sentences.add(text.text)
    return len(sentences) >= 4


def ends_are_inclusive(records: list[object]) -> bool:
    """Return whether triple lists write a span of one word as ``[i, i]``, not ``[i, i + 1]``."""
    found = (r.get("triple_list") for r in records if isinstance(r, dict))
    triples = (triple for listed in found if isinstance(listed, list) for triple in listed)
    parts = (part for triple in triples if isinstance(triple, list) for part in triple)
    return any(isinstance(p, list) and len(p) == 2 and p[0] == p[1] for p in parts)
