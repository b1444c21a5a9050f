"""Targets for files of other formats: packed text, tables of vectors, encoders, case studies."""

from __future__ import annotations

import contextlib
import hashlib
import json

import numpy as np

from reports.cases.page import render_page
from reports.cases.views import CaseView, case_view, read_cases
from rin_core.data.pretrained import PretrainedError, load_pretrained
from rin_core.data.vectors import VectorsError, load_vectors, read_every_vector
from rin_core.data.vocabulary import SPECIAL, Vocabulary
from rin_core.data.word_table import load_word_table
from study.ledger.corpus_schema import Cases
from study.ledger.exported import read_exported
from study.ledger.files import LedgerError, parse_object
from study.ledger.ledger import Ledger
from tests.fuzz import files
from tests.fuzz.target import FOLDER, Target, WrongNumber

WORDS = Vocabulary(words=(*SPECIAL, "ann", "bob"), pos=(), relations=("met",), lowercase=True)
VECTORS = np.array([[0.1, 0.2, 0.3], [1, 2, 3]], np.float32).tolist()


def packed_vectors(data: bytes) -> None:
    """Read packed word vectors; a checksum tells whether they are those that were packed."""
    for suffix in (".gz", ".zip"):
        path = FOLDER / f"vectors{suffix}"
        path.write_bytes(data)
        with contextlib.suppress(VectorsError):
            load_vectors(path, WORDS, 3)
            words, matrix = read_every_vector(path, 3)
            if (words, matrix.tolist()) != (["ann", "bob"], VECTORS):
                raise WrongNumber(f"other vectors: {words} {matrix}")


def word_table(data: bytes) -> None:
    """Read the table of all word vectors; a checksum tells whether it is as it was written.

    Atheris finds the checksum of other words, too, because it sees what is compared.
    """
    path = FOLDER / "table.safetensors"
    path.write_bytes(data)
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    digest = hashlib.sha256(b"ann\nbob" + matrix.tobytes()).hexdigest().encode()
    with contextlib.suppress(VectorsError):
        words, read = load_word_table(path)
        if digest in data and (words, read.tolist()) != (("ann", "bob"), matrix.tolist()):
            raise WrongNumber(f"other vectors: {words} {read}")


def encoder(data: bytes) -> None:
    """Read a pretrained encoder of which a file is damaged: its name, a line end, its content."""
    name, _, content = data.partition(b"\n")
    if name.decode(errors="replace") not in files.OF_ENCODER:
        return
    path = files.encoder() / name.decode()
    before = path.read_bytes()
    try:
        path.write_bytes(content)
        with contextlib.suppress(PretrainedError):
            weights = load_pretrained(str(path.parent), 40).weights
            if content == before and not weights:
                raise AssertionError("has no weights")
    finally:
        path.write_bytes(before)


def packed_export(data: bytes) -> None:
    """Read a packed export."""
    path = FOLDER / "ledger.jsonl.xz"
    path.write_bytes(data)
    try:
        read_exported(path)
    except ValueError as error:
        if path.name not in str(error) or "\n" in str(error):
            raise AssertionError(f"does not name the file in one line: {error}") from error


def case(data: bytes) -> None:
    """Show the record of a case study."""
    ledger = Ledger(FOLDER / "cases of a ledger")
    path = ledger.root / "cases" / "some.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    with contextlib.suppress(LedgerError):
        _check_cases(read_cases(ledger, "some"))


def case_text(data: bytes) -> None:
    """Follow the sentences of a text through a model, and show them."""
    with contextlib.suppress(ValueError):
        cases = files.followed(data.decode(errors="surrogateescape"))
        _check_cases([case_view(one) for one in parse_object(_json(cases))["cases"]])


def _check_cases(views: list[CaseView]) -> None:
    """What a page shows are probabilities, of words and rounds that there are."""
    render_page(views).encode()
    for view in views:
        words = range(len(view.words))
        shown = [model.entity_words for model in view.models]
        rows = [row.models for row in (*view.entities, *view.triples)]
        shown += [(m.probabilities or (),) for row in rows for m in row]
        if not all(-1e-6 <= p <= 1 + 1e-6 for rounds in shown for row in rounds for p in row):
            raise WrongNumber(f"no probabilities: {shown}")
        if not all(len(row) == len(words) for m in view.models for row in m.entity_words):
            raise WrongNumber("a row has not a value for each word")
        marked = view.gold_arguments | view.gold_entities.words
        marked |= {word for m in view.models for word in (*m.arguments, *m.entities.words)}
        if not marked <= set(words):
            raise WrongNumber(f"words {sorted(marked)} of {len(words)}")


def _json(record: Cases) -> bytes:
    return json.dumps(record.to_json(), allow_nan=False).encode()


FILES: dict[str, Target] = {
    "packed-vectors": Target(packed_vectors, files.packed_vectors),
    "word-table": Target(word_table, lambda: [files.word_table()]),
    "encoder": Target(encoder, files.encoder_files),
    "case": Target(case, lambda: [files.case_record()]),
    "case-text": Target(case_text, files.case_texts),
    "packed-export": Target(packed_export, files.packed_exports),
}
