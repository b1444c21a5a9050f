"""What spans count, as the first records of a file show."""

from __future__ import annotations

from rin_core.data.readers.sentences import joined


def spans_are_characters(records: list[object], enough: int) -> bool:
    """Return whether no span of SpERT cuts a word, if it counts characters of the joined tokens.

    Args:
        records: The first of a file.
        enough: Sentences that must have such spans; a few may have them by chance.
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
    return len(sentences) >= enough


def token_spans(records: list[object]) -> list[list[object]]:
    """Return the token spans of triple lists."""
    found = (r.get("triple_list") for r in records if isinstance(r, dict))
    triples = (triple for listed in found if isinstance(listed, list) for triple in listed)
    parts = (part for triple in triples if isinstance(triple, list) for part in triple)
    return [part for part in parts if isinstance(part, list) and len(part) == 2]
