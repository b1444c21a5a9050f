"""Fuzz what reads files from elsewhere: ``python -m tests.fuzz_readers TARGET --seconds 600``.

Atheris mutates inputs towards new branches. A finding is any exception but the documented one, or
an input that takes more than ten seconds; it is written to ``fuzz-findings/``. Findings that were
mended are kept as tests in ``test_hostile_input.py``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris
import safetensors.torch
import torch

INSTRUMENTED = ["rin_core", "study.ledger.schema", "study.ledger.transfer", "study.ledger.ledger"]
with atheris.instrument_imports(include=INSTRUMENTED):
    from rin_core.data.corpus import CorpusError
    from rin_core.data.readers.split import read_split
    from rin_core.data.vectors import VectorsError, load_vectors
    from rin_core.data.vocabulary import Vocabulary
    from rin_core.errors import CheckpointError
    from rin_core.predict.records import RecordReader
    from rin_core.predict.texts import TextSplitter
    from rin_core.train.checkpoint import load_tensors
    from study.ledger.exported import read_exported
    from study.ledger.ledger import Ledger
    from study.ledger.transfer import merge

SECONDS_OF_ONE = 10
MEMORY = Path("/dev/shm")  # a file each time: on a disk that would be all there is to measure
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-", dir=MEMORY if MEMORY.exists() else None))
SEEDS: dict[str, list[bytes]] = {
    "corpus": [
        b'{"text": "Ann met Bob .", "triple_list": [["Ann", "met", "Bob"]], "pos": "N V N ."}',
        b'[{"tokens": ["a", "b"], "entities": [{"type": "t", "start": 0, "end": 1}], "relations": '
        b'[{"type": "r", "head": 0, "tail": 0}]}]',
        b'{"sentText": "Ann met Bob .", "relationMentions": [{"em1Text": "Ann", "em2Text": "Bob", '
        b'"label": "met"}], "entityMentions": [{"text": "Ann", "start": 0}]}',
        b'{"sentences": [["a", "b"]], "ner": [[[0, 0, "P"]]], "relations": [[[0, 0, 1, 1, "r"]]]}',
        b'{"tokens": ["a", "b"], "tags": ["B-P", "O"], "relations": []}',
        b'{"text": "Ann met Bob.", "relation_list": [{"subject": "Ann", "predicate": "met", '
        b'"object": "Bob", "subj_char_span": [0, 3], "obj_char_span": [8, 11]}]}',
        b'{"text": "Ann met Bob.", "entities": [{"label": "P", "start": 0, "end": 3}], '
        b'"relations": [{"type": "r", "head": 0, "tail": 0}]}',
        b"#doc 1\n0\ta\tB-P\t['r']\t[1]\n1\tb\tB-P\t['N']\t[1]\n",
    ],
    "records": [
        b'{"text": "Ann met Bob. He left.", "id": 3}\n{"tokens": ["a"], "pos": ["N"]}\n',
        'Ann met "Bob". He left.\n\n东京。'.encode(),
    ],
    "vectors": [b"2 3\nann 0.1 0.2 0.3\nbob 1 2 3\n", b"ann 0.1 0.2 0.3\n"],
    "ledger": [
        b'{"record": "study", "format": 2, "content": {"experiment": "x", "corpus": "demo", '
        b'"space": "s", "trials": []}}'
    ],
    "weights": [
        safetensors.torch.save({"w": torch.arange(3.0)}, {"rin": '{"epoch": 1, "digest": "0"}'})
    ],
}


def corpus(data: bytes) -> None:
    """Read a split."""
    path = FOLDER / "train.json"
    path.write_bytes(data)
    try:
        sentences = read_split(path)
    except CorpusError:
        return
    json.dumps([s.words for s in sentences]).encode()


def records(data: bytes) -> None:
    """Read sentences to annotate."""
    with contextlib.suppress(CorpusError):
        list(RecordReader(TextSplitter(WORDS)).read(data.splitlines(), "input"))


WORDS = Vocabulary(
    words=("<pad>", "<unk>", "ann", "bob"), pos=(), relations=("met",), lowercase=True
)


def vectors(data: bytes) -> None:
    """Read word vectors."""
    path = FOLDER / "vectors.txt"
    path.write_bytes(data)
    with contextlib.suppress(VectorsError):
        load_vectors(path, WORDS, 3)


def ledger(data: bytes) -> None:
    """Import an exported ledger."""
    path = FOLDER / "ledger.jsonl"
    path.write_bytes(data)
    said = "ledger.jsonl"
    try:
        merge(Ledger(FOLDER / "runs"), read_exported(path))
    except ValueError as error:
        said = str(error)
    if "ledger.jsonl" not in said:
        raise AssertionError(f"does not name the file: {said}")
    if outside := {p.name for p in FOLDER.iterdir()} - {"runs", "ledger.jsonl", "seeds"}:
        raise AssertionError(f"wrote outside the ledger: {outside}")


def weights(data: bytes) -> None:
    """Load tensors."""
    path = FOLDER / "weights.safetensors"
    path.write_bytes(data)
    with contextlib.suppress(CheckpointError):
        load_tensors(path)


TARGETS: dict[str, Callable[[bytes], None]] = {
    f.__name__: f for f in (corpus, records, vectors, ledger, weights)
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    options = parser.parse_args()
    seeds = FOLDER / "seeds"
    seeds.mkdir()
    for number, seed in enumerate(SEEDS[options.target]):
        (seeds / str(number)).write_bytes(seed)
    options.findings.mkdir(exist_ok=True)
    arguments = [
        sys.argv[0],
        f"-max_total_time={options.seconds}",
        f"-timeout={SECONDS_OF_ONE}",
        f"-artifact_prefix={options.findings}/{options.target}-",
        "-max_len=4096",
        "-print_final_stats=1",
        str(seeds),
    ]
    atheris.Setup(arguments, TARGETS[options.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
