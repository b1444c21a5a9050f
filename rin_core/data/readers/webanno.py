"""WebAnno TSV 3 (INCEpTION): relations, and spans of the layers that they connect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rin_core.data.corpus import Sentence, Span, Triple
from rin_core.data.readers.fields import wrong
from rin_core.data.readers.reading import UNNAMED, Reading
from rin_core.data.readers.sentences import build_sentence
from rin_core.data.readers.webanno_files import WEBANNO, Key, read_document


def recognise(record: dict[str, Any]) -> bool:
    """Return whether a record is in this format."""
    return record.get("source") is WEBANNO


def read(record: dict[str, Any], reading: Reading) -> Iterator[Sentence]:
    """Read the sentences of a document; what is in several sentences is left out."""
    if "lines" not in record:
        reading.count("further-annotations", "another file of the same text")
        return
    document = read_document(record["lines"], reading)
    reading.mentions += len(document.spans)
    spans = {sentence: dict[Key, Span]() for sentence in document.words}
    for key, places in document.spans.items():
        words = [word for _, word in places]
        if len({sentence for sentence, _ in places}) > 1:
            reading.count("entities-across-sentences", document.types[key] or key)
        else:
            spans[places[0][0]][key] = Span(min(words), max(words) + 1)
    triples = {sentence: list[Triple]() for sentence in document.words}
    for source, name, target in document.relations:
        if unknown := {source, target} - document.spans.keys():
            raise wrong("#T_RL", f"a relation with {unknown.pop()}", "an annotation of the layer")
        here = [sentence for sentence, found in spans.items() if {source, target} <= found.keys()]
        if not here:
            reading.count("relations-across-sentences", (source, name, target))
            continue
        if not name:
            reading.count("relations-without-name", (source, target))
        found = spans[here[0]]
        triples[here[0]].append(Triple(found[source], name or UNNAMED, found[target]))
    for sentence, written in document.words.items():
        types = dict[Span, str]()
        for key, span in spans[sentence].items():
            if kind := document.types[key]:
                reading.add_type(types, span, kind)
        entities = spans[sentence].values()
        yield build_sentence(tuple(written), None, entities, triples[sentence], types=types)
