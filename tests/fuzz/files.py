"""Valid files of other formats for the targets: tables, packed text, encoders and case studies."""

from __future__ import annotations

import functools
import gzip
import io
import json
import lzma
import tempfile
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from rin_core.data.word_table import load_word_table, save_word_table
from study.commands.arguments import CaseStudy
from study.commands.case.models import Loaded, load
from study.commands.case.sentences import follow, from_text
from study.ledger.corpus_schema import Cases
from study.ledger.ledger import Ledger
from tests import formats, tiny_models
from tests.corpora import COPYRE, SPERT
from tests.fuzz import seeds

#: Columns that no format of a corpus has, as the tables of other people do.
OTHERS = {
    "id": 3,
    "when": datetime(2026, 1, 2, 3, 4, 5),
    "day": date(2026, 1, 2),
    "lasts": timedelta(seconds=3),
    "price": Decimal("1.25"),
    "raw": b"\x00\xff",
    "nothing": None,
}
INFO = {"features": {"label": {"names": ["met", "knows"], "_type": "ClassLabel"}}}
_TEXTS = ["Ann met Bob.", "Ann met Bob. He left. \u6771\u4eac\u3002\n", "[PAD] <unk> n't 7:30"]
TEXTS = [formats.TEXT.encode(), f"{formats.TEXT} He left.\r\n".encode()]


@functools.cache
def tables() -> list[bytes]:
    """Return the same records as Parquet, packed and not, and in both forms of Arrow."""
    found = []
    for records in ([SPERT | OTHERS, SPERT | OTHERS], [COPYRE], [formats.TAGS] * 3):
        table = pyarrow.Table.from_pylist(records)
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": INFO})})
        for options in ({}, {"compression": "none", "use_dictionary": False}):
            parquet = pyarrow.BufferOutputStream()
            pyarrow.parquet.write_table(table, parquet, **options)
            found.append(parquet.getvalue().to_pybytes())
        for write in (pyarrow.ipc.new_file, pyarrow.ipc.new_stream):
            arrow = pyarrow.BufferOutputStream()
            with write(arrow, table.schema) as writer:
                writer.write_table(table)
            found.append(arrow.getvalue().to_pybytes())
    return found


def packed_vectors() -> list[bytes]:
    """Return a file of word vectors, packed with gzip and with zip."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("vectors.txt", seeds.VECTORS[0])
    return [gzip.compress(seeds.VECTORS[0], mtime=0), archive.getvalue()]


@functools.cache
def word_table() -> bytes:
    """Return the table of all vectors of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.safetensors"
        save_word_table(path, ["ann", "bob"], np.arange(6, dtype=np.float32).reshape(2, 3))
        assert load_word_table(path)[0] == ("ann", "bob")
        return path.read_bytes()


def packed_exports() -> list[bytes]:
    """Return exported ledgers, packed."""
    return [lzma.compress(content) for content in seeds.exported()]


@functools.cache
def loaded() -> Loaded:
    """Return the model of the run of one epoch."""
    return load(Ledger(seeds.trained().root), seeds.trained().name)


def case_texts() -> list[bytes]:
    """Return texts to follow through the model, which is trained now and not in the first."""
    loaded()
    return [text.encode() for text in _TEXTS]


def followed(text: str) -> Cases:
    """Follow the sentences of a text through the model, as ``rin-study case`` does."""
    options = CaseStudy(models=(), sentence=(text,))
    cases = [follow(case, [loaded()]) for case in from_text(text, [loaded()], options)]
    return Cases.model_validate({"cases": cases})


@functools.cache
def case_record() -> bytes:
    """Return the record of a case study, with gold and with what a paper says."""
    record: dict[str, Any] = followed("Ann met Bob.").to_json()
    said = {"label": "gold", "entities": [[0, 1], [2, 3]], "triples": [[0, "met", 2]]}
    record["cases"][0] |= {"gold": {**said, "types": ["PER", "PER"]}, "printed": [said]}
    traced = record["cases"][0]["models"][0]["trace"]
    asked = {"probabilities": [0.75] * (traced["rounds"] + 1), "predicted": True}
    traced["triples"].append({"subject": 0, "relation": "met", "object": 2, **asked})
    decoded = [True] * (traced["rounds"] + 1)
    traced["spans"].append({"start": 0, "end": 1, **asked, "decoded": decoded, "types": []})
    return json.dumps(record).encode()


#: Files of an encoder, which a damaged one takes the place of.
OF_ENCODER = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")


@functools.cache
def encoder() -> Path:
    """Return the folder of a small pretrained encoder."""
    return tiny_models.save_bert(seeds.trained().root / "encoder")


def encoder_files() -> list[bytes]:
    """Return the name and the content of each file of an encoder."""
    found = ((name, (encoder() / name).read_bytes()) for name in OF_ENCODER)
    return [f"{name}\n".encode() + content for name, content in found]
