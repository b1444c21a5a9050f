"""Corpora on disk for tests, cut from the demo corpus or written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rin_core.data.corpus import SPLITS, Sentence
from rin_core.data.demo import demo_corpus

Record = dict[str, Any]

TRIPLES: Record = {"text": "Bean left Apollo 12 .", "triple_list": [["Bean", "crew", "Apollo 12"]]}
SPERT: Record = {
    "tokens": ["Bean", "left", "Apollo", "12"],
    "entities": [{"type": "A", "start": 0, "end": 1}, {"type": "B", "start": 2, "end": 4}],
    "relations": [{"type": "crew", "head": 0, "tail": 1}],
}
COPYRE: Record = {
    "sentText": "Bean left Apollo 12 .",
    "relationMentions": [{"em1Text": "Bean", "em2Text": "Apollo 12", "label": "crew"}],
    "entityMentions": [{"start": 7, "text": "Apollo 12", "label": "None-label"}],
}


def write_lines(path: Path, records: list[Record]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path


def write_list(path: Path, records: list[Record]) -> Path:
    path.write_text(json.dumps(records, indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def changed(record: Record, **fields: object) -> Record:
    return {**record, **fields}


def as_spert(sentence: Sentence) -> Record:
    """Return a sentence as SpERT writes it."""
    place = {span: k for k, span in enumerate(sentence.entities)}
    return {
        "tokens": sentence.words,
        "pos": sentence.pos,
        "entities": [{"type": "thing", "start": s, "end": e} for s, e in sentence.entities],
        "relations": [
            {"type": t.relation, "head": place[t.subject], "tail": place[t.object]}
            for t in sentence.triples
        ],
    }


def write_corpus(folder: Path, sizes: tuple[int, int, int] = (120, 30, 30)) -> Path:
    """Write the first sentences of the demo corpus as a person's own, and return the folder.

    Args:
        folder: Must not exist; its name is the corpus's.
        sizes: Sentences of train, dev and test.
    """
    folder.mkdir(parents=True)
    splits = demo_corpus().splits()
    for split, count in zip(SPLITS, sizes, strict=True):
        untagged = [as_spert(sentence) | {"pos": None} for sentence in splits[split][:count]]
        write_list(folder / f"{split}.json", untagged)
    return folder
