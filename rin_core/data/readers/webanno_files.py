"""Records of WebAnno TSV 3, which INCEpTION exports: layers, and a row for each token.

A layer has a column for each feature. A relation is in the row of its target; the last column of
its layer has the row of its source. Numbers in brackets tell annotations of one layer apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rin_core.data.corpus import shown
from rin_core.data.readers.fields import wrong
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.text_files import documents, read_text

#: Marks the records of this module: no JSON record has it.
WEBANNO = object()
_FIRST = b"#FORMAT=WebAnno TSV 3"
#: Names of the file that is read of a document, and of the one that is read without another.
_RANKS = {"CURATION_USER": 0, "INITIAL_CAS": 2}
#: Names of the feature that is the type of an entity or the name of a relation, first choice.
_LABELS = ("value", "label", "type", "entity", "relation", "category", "class")
_SEPARATOR = re.compile(r"(?<!\\)\|")
_ITEM = re.compile(r"(.*?)(?<!\\)(?:\[(\d+)\])?", re.DOTALL)
_SOURCE = re.compile(r"(\d+-\d+(?:\.\d+)?)(?:\[(\d+)_(\d+)\])?")

Key = tuple[str, str]
"""A layer, and the number of an annotation, or its row if it has no number."""
Place = tuple[str, int]
"""A sentence and the index of a word."""


class Layer(NamedTuple):
    """A layer of spans or of relations, and its columns of a row."""

    name: str
    label: int
    """The column that has the type of an entity or the name of a relation."""
    base: str
    """The layer that relations connect; empty for a layer of spans."""
    source: int
    """The column with the row of a relation's source."""


@dataclass(slots=True)
class Document:
    """The words of each sentence, the words and types of spans, and the relations between them."""

    words: dict[str, list[str]]
    spans: dict[Key, list[Place]]
    types: dict[Key, str]
    relations: list[tuple[Key, str, Key]]


def is_webanno(first: bytes) -> bool:
    """Return whether the first line of a file is that of this format."""
    return first.startswith(_FIRST)


def webanno_files(folder: Path) -> list[Path]:
    """Return the files of this format in a folder and below, each curation before the others."""
    found = []
    for path in documents(folder, ".tsv"):
        with path.open("rb") as file:
            if is_webanno(file.readline(100).removeprefix(b"\xef\xbb\xbf")):
                found.append(path)
    return sorted(found, key=lambda path: (path.parent, _RANKS.get(path.stem, 1), path))


def webanno_records(paths: Iterable[Path]) -> Iterator[tuple[str, object]]:
    """Yield the ``lines`` of each document, after its place.

    INCEpTION exports a file for each annotator. Without its lines, a record is a further one.
    """
    texts = set[tuple[Path, tuple[str, ...]]]()
    for path in paths:
        lines = [line.rstrip("\r") for line in read_text(path).removeprefix("\ufeff").split("\n")]
        text = path.parent, tuple(line for line in lines if line.startswith("#Text="))
        if text[1] and text in texts:
            yield str(path), {"source": WEBANNO}
            continue
        texts.add(text)
        yield str(path), {"lines": lines, "source": WEBANNO}


def read_document(lines: list[str], reading: Reading) -> Document:
    """Read the rows of a document.

    Raises:
        CorpusError: It has no layer of relations between spans, or a row does not fit.
    """
    layers = list(_layers(lines))
    names = {layer.name for layer in layers if not layer.base}
    arcs = [x for x in layers if x.base in names and not x.name.endswith(".Dependency")]
    if not arcs:
        raise wrong("#T_RL", f"the layers {shown([x.name for x in layers])}", "one of relations")
    bases = {layer.base for layer in arcs}
    document, places = Document({}, {}, {}, []), dict[str, Place]()
    for row, text, cells in _rows(lines, max(max(x.label, x.source) for x in layers)):
        sentence, (token, part, _) = row.partition("-")[0], row.partition(".")
        if not part and text.strip():
            words = document.words.setdefault(sentence, [])
            places[row] = (sentence, len(words))
            words.append(text)
        for layer in layers if token in places else ():  # else it is a blank
            for kind, number in _items(cells[layer.label]) if layer.name in bases else ():
                key = (layer.name, number or row)
                document.spans.setdefault(key, []).append(places[token])
                document.types[key] = kind
                if part:
                    reading.count("widened-entities", (text, token))
        for layer in arcs:
            document.relations += _relations(layer, row, cells)
    return document


def _layers(lines: Iterable[str]) -> Iterator[Layer]:
    """Yield the layers of spans and of relations; chains have columns, too."""
    column = 3
    for line in lines:
        kind, _, rest = line.partition("=")
        if kind in ("#T_SP", "#T_RL", "#T_CH"):
            name, *features = rest.split("|")
            base = features.pop().removeprefix("BT_") if kind == "#T_RL" and features else ""
            features = features or [""]  # a layer without features has a column, too
            label = next((features.index(known) for known in _LABELS if known in features), 0)
            if kind != "#T_CH":
                yield Layer(name, column + label, base, column + len(features) - (not base))
            column += len(features) + bool(base)


def _rows(lines: Iterable[str], last_column: int) -> Iterator[tuple[str, str, list[str]]]:
    """Yield row, text and cells of each token, and of each part of one that is annotated."""
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            cells = line.split("\t")
            if len(cells) <= last_column:
                raise wrong(f"line {number}", f"{len(cells)} columns", f"{last_column + 1}")
            yield cells[0], cells[2], cells


def _items(cell: str) -> Iterator[tuple[str, str]]:
    """Yield value and number of each annotation of a cell; ``_`` is none, ``*`` has no value."""
    for item in _SEPARATOR.split(cell) if cell != "_" else ():
        match = _ITEM.fullmatch(item)
        value, number = match.groups("") if match else (item, "")
        yield ("" if value == "*" else re.sub(r"\\(.)", r"\1", value)), number


def _relations(layer: Layer, row: str, cells: list[str]) -> Iterator[tuple[Key, str, Key]]:
    """Yield source, name and target of the relations whose target is in a row."""
    names = [name for name, _ in _items(cells[layer.label])]
    sources = cells[layer.source].split("|") if cells[layer.source] != "_" else []
    if len(names) != len(sources):
        raise wrong(f"row {row}", f"{names} and {sources}", "a source for each relation")
    for name, source in zip(names, sources, strict=True):
        match = _SOURCE.fullmatch(source)
        if match is None:
            raise wrong(f"row {row}", shown(source), "the row of a source, as in 1-3[2_1]")
        other, number, own = match.groups("0")
        head = (layer.base, other if number == "0" else number)
        yield head, name, (layer.base, row if own == "0" else own)
