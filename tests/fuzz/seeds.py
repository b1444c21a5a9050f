"""Valid input for every target: text that people write, and files of a run of one epoch."""

from __future__ import annotations

import atexit
import contextlib
import functools
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.loading import load_dataset
from rin_core.layout import CHECKPOINT, WEIGHTS
from rin_core.train.checkpoint import save_tensors
from study.execution.trial import train_run
from study.ledger.corpus_schema import Vectors
from study.ledger.ledger import Ledger
from study.ledger.schema import Result
from study.ledger.transfer import export_ledger
from tests import formats
from tests.corpora import SPERT, write_corpus
from tests.ledgers import a_full_ledger
from tests.records import an_epoch
from tests.studies import numbers

CORPORA = [
    b'{"text": "Ann met Bob .", "triple_list": [["Ann", "met", "Bob"]], "pos": "N V N ."}\n'
    b'{"text": "Bob left .", "triple_list": []}\n',
    json.dumps([SPERT, SPERT]).encode(),
    *(f"{json.dumps(record)}\n".encode() * 2 for record in formats.RECORDS.values()),
    *(content.encode() for content in formats.FILES.values()),
]
SENTENCES = [
    b'{"text": "Ann met Bob. He left.", "id": 3}\n{"tokens": ["a", "b"], "pos": ["N", "V"]}\n'
    b'{"sentText": "Ann met Bob .", "pos": "N V N ."}\n',
    'Ann met "Bob". He left.\n\n東京。\n'.encode(),
]
VECTORS = [
    b"2 3\nann 0.1 0.2 0.3\nbob 1 2 3\n",
    b"ann 0.1 0.2 0.3\n<unk> 0 0 0\nbob -1e-3 2 3\n",
]
SPACES = [
    b"""title = "Which dropout?"
seeds = 5
preset = "demo"
[settings]
training.patience = 10
[arms.gru-1]
[arms.dropout-3]
label = "dropout 0.3"
encoder.dropout = 0.3
[arms.dropout-5]
encoder.dropout = 0.5
data.entity_word = "first"
""",
    b"""title = "Which width?"
trials = 20
seeds = [0, 3]
sampler = "random"
hours = 1.5
asha = { grace_period = 4, reduction_factor = 3 }
objectives = ["dev_f1"]
[arms.k-1]
label = "K = 1"
[arms.k-2]
model.rounds = 2
[parameters]
model.feature_size = { low = 60, high = 260, step = 4 }
training.learning_rate = { low = 1e-4, high = 1e-2, log = true }
encoder.dropout = { low = 0.0, high = 0.5, step = 0.1 }
model.cell = { choices = ["gru", "rnn"], when = { model.rounds = [1, 2] } }
""",
]
OVERRIDES = [f"{path}={value}".encode() for path, value in Config().flat().items()]

#: Files of :func:`a_ledger` by a name; two of its runs have a result with a checksum.
FILES = {
    "result": "units/RUN/result.json",
    "predictions": "units/RUN/predictions.json",
    "old result": f"units/{0:016x}/result.json",
    "old predictions": f"units/{0:016x}/predictions.json",
    "history": "units/ab/history.jsonl",
    "usage": "units/ab/usage.jsonl",
    "attempt": "units/ab/attempt.json",
    "pruned": "units/ab/pruned.json",
    "failure": f"units/{6:016x}/failure.json",
    "study": "studies/rounds_curve-webnlg_star.json",
    "search": "searches/some.json",
    "corpus": "corpora/c.json",
    "vectors": "vectors/d.json",
}
SIZE = {
    "encoder.hidden_size": 8,
    "encoder.word_dim": 4,
    "model.feature_size": 8,
    "training.max_epochs": 1,
    "training.batch_size": 10,
}


class NotMetadata(ValueError):
    """Bytes that no checkpoint can have as its metadata."""


class _Trained:
    """A run of one epoch, and its checkpoint, which its end removes otherwise."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="fuzz-run-"))
        atexit.register(shutil.rmtree, self.root, ignore_errors=True)
        corpus = write_corpus(self.root / "corpus", (10, 4, 4))
        self.config = Config().with_overrides(SIZE)
        self.corpus: EncodedCorpus = load_dataset(str(corpus), self.config)
        self.name = self.config.fingerprint(self.corpus.digest)
        run = Ledger(self.root).run(self.name)
        self.result: Result = train_run(self.config, self.corpus, run)
        self.folder = run.path


@functools.cache
def trained() -> _Trained:
    """Return a run of one epoch, trained once."""
    torch.set_num_threads(1)
    return _Trained()


def weights_file() -> bytes:
    """Return a file of a trained model."""
    return (trained().folder / WEIGHTS).read_bytes()


def small_file() -> bytes:
    """Return a file with one tensor: its header is most of it."""
    return safetensors.torch.save({"w": torch.arange(3.0)}, {"rin": '{"epoch": 1, "digest": "0"}'})


def checkpoint_file() -> bytes:
    """Return the checkpoint after the only epoch of a run."""
    return (trained().folder / CHECKPOINT).read_bytes()


def metadata_of(file: bytes) -> bytes:
    """Return the metadata of a file of tensors, as JSON."""
    length = int.from_bytes(file[:8], "little")
    text: str = json.loads(file[8 : 8 + length])["__metadata__"]["rin"]
    return text.encode()


def with_metadata(tensors: Mapping[str, Tensor], metadata: bytes, path: Path) -> None:
    """Write tensors with metadata and the checksum of both; raises :class:`NotMetadata`."""
    try:
        content = json.loads(metadata)
        content.pop("digest", None)
        save_tensors(path, tensors, content)
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise NotMetadata from error


def weights_tensors() -> dict[str, Tensor]:
    """Return the tensors of a trained model."""
    return safetensors.torch.load(weights_file())


def ends_as_undisturbed(root: Path, damage: Callable[[Path], object]) -> bool:
    """Damage the checkpoint of a run, end the run and tell whether its numbers are the same."""
    known = trained()
    shutil.rmtree(root, ignore_errors=True)
    run = Ledger(root).run(known.name)
    run.path.mkdir(parents=True)
    for name in (CHECKPOINT, WEIGHTS):
        shutil.copy(known.folder / name, run.path / name)
    damage(run.path / CHECKPOINT)
    with contextlib.redirect_stderr(io.StringIO()):  # it says that it trains from scratch
        result = train_run(known.config, known.corpus, run)
    return numbers(result.to_json()) == numbers(known.result.to_json())


def a_ledger(root: Path) -> Path:
    """Write a ledger with every kind of record, once, and return its folder."""
    if not (root / "units").exists():
        a_full_ledger(root)
        known = trained()
        old = known.result.model_copy(update={"fingerprint": f"{0:016x}"}).to_json()
        (root / FILES["old result"]).write_text(json.dumps(old))
        run = Ledger(root).run("ab")
        run.start_history([an_epoch(1), an_epoch(2)])
        (run.path / "usage.jsonl").write_text('{"epoch": 1, "gpu": 0.5}\n')
        run.record_pruned(2, "ASHA")
        words = Vectors(digest="d", name="glove", with_vector=["ann"], unseen=["bob"])
        Ledger(root).record_vectors(words)
        (run.path / "attempt.json").write_text('{"token": "t", "host": "h", "pid": 1}')
        shutil.copytree(known.folder, root / "units" / known.name)
    return root


def place(root: Path, name: str) -> Path | None:
    """Return the file of a ledger by its name in :data:`FILES`; None if it is no name."""
    file = FILES.get(name)
    return None if file is None else a_ledger(root) / file.replace("RUN", trained().name)


def records(root: Path) -> list[bytes]:
    """Return the name and the content of every kind of record of a ledger."""
    found = []
    for name in FILES:
        path = place(root, name)
        assert path is not None
        found.append(f"{name}\n".encode() + path.read_bytes())
    return found


@functools.cache
def exported() -> list[bytes]:
    """Return exported ledgers: of a run, a study and a search."""
    with tempfile.TemporaryDirectory() as name:
        file, root = Path(name) / "ledger.jsonl", Path(name) / "runs"
        export_ledger(Ledger(trained().root), file)
        run = file.read_bytes()
        a_full_ledger(root)
        export_ledger(Ledger(root), file)
        lines = file.read_bytes().splitlines(keepends=True)
        plans = [line for line in lines if not line.startswith(b'{"record":"run"')]
        return [run, *plans, run + b"".join(plans)]
