"""Everything that reads what comes from elsewhere, each as a function of bytes.

A target raises nothing for input that is refused as documented, and :class:`WrongNumber` for input
that is accepted but has another meaning than it should.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import math
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import safetensors.torch
from rich.console import Console

from rin_core.config import Config
from rin_core.data.corpus import Corpus, CorpusError, Sentence
from rin_core.data.readers.split import read_split
from rin_core.data.vectors import VectorsError, load_vectors
from rin_core.errors import CheckpointError, RinError
from rin_core.predict.loading import ModelError, load_model
from rin_core.predict.records import RecordReader, answer, to_line
from rin_core.predict.texts import TextSplitter
from rin_core.train.checkpoint import load_tensors
from search_spaces import SEARCHES, SPACES, Grid
from search_spaces.own import read_space
from search_spaces.space import SpaceError
from study.commands import show
from study.commands.arguments import Show
from study.commands.options import parse_overrides
from study.ledger.exported import read_exported
from study.ledger.files import LedgerError, parse_object
from study.ledger.ledger import Ledger
from study.ledger.run import Run, Superseded
from study.ledger.transfer import export_ledger, merge
from tests import formats
from tests.fuzz import files, seeds
from tests.fuzz.file_targets import FILES, WORDS
from tests.fuzz.target import FOLDER, Target, WrongNumber


def corpus(data: bytes) -> None:
    """Read a split."""
    path = FOLDER / "train.json"
    path.write_bytes(data)
    with contextlib.suppress(CorpusError):
        _check_sentences(read_split(path))


def brat(data: bytes) -> None:
    """Read a folder of brat files."""
    folder = FOLDER / "brat"
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text(f"{formats.TEXT} He left.")
    (folder / "a.ann").write_bytes(data)
    with contextlib.suppress(CorpusError):
        _check_sentences(read_split(folder))


def brat_text(data: bytes) -> None:
    """Read a folder of brat files of which the text is damaged."""
    folder = FOLDER / "brat text"
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_bytes(data)
    (folder / "a.ann").write_text(formats.ANN_FILE)
    with contextlib.suppress(CorpusError):
        _check_sentences(read_split(folder))


def classes(data: bytes) -> None:
    """Read a split beside which a damaged file describes its classes."""
    folder = FOLDER / "classes"
    folder.mkdir(exist_ok=True)
    (folder / "train.json").write_bytes(seeds.CORPORA[1])
    (folder / "dataset_info.json").write_bytes(data)
    with contextlib.suppress(CorpusError):
        _check_sentences(read_split(folder / "train.json"))


def _check_sentences(sentences: Iterable[Sentence]) -> None:
    """Every span is inside its sentence, every argument an entity, and all is text."""
    found = tuple(sentences)
    for sentence in found:
        words = len(sentence.words)
        if not all(0 <= start < end <= words for start, end in sentence.entities):
            raise WrongNumber(f"entities {sentence.entities} of {words} words")
        spans = {span for triple in sentence.triples for span in (triple.subject, triple.object)}
        if not spans <= set(sentence.entities):
            raise WrongNumber(f"arguments {spans} are no entities")
        if len(sentence.types) not in (0, len(sentence.entities)):
            raise WrongNumber(f"types {sentence.types} of {sentence.entities}")
        if sentence.pos is not None and len(sentence.pos) != words:
            raise WrongNumber(f"tags {sentence.pos} of {words} words")
        " ".join((*sentence.words, *sentence.types)).encode()
    Corpus(name="c", train=found, dev=found, test=found).digest()


def sentences(data: bytes) -> None:
    """Read sentences to annotate, and write them as an answer."""
    with contextlib.suppress(CorpusError):
        for record in RecordReader(TextSplitter(WORDS)).read(data.splitlines(True), "input"):
            json.loads(to_line(answer(record, [])))


def vectors(data: bytes) -> None:
    """Read word vectors."""
    path = FOLDER / "vectors.txt"
    path.write_bytes(data)
    with contextlib.suppress(VectorsError):
        found = load_vectors(path, WORDS, 3)
        if not all(map(math.isfinite, found.matrix.ravel().tolist())):
            raise WrongNumber("a vector is not finite")


def exported(data: bytes) -> None:
    """Import an exported ledger; what it accepts, it can export and know again."""
    path, runs, again = (FOLDER / name for name in ("ledger.jsonl", "runs", "again.jsonl"))
    shutil.rmtree(runs, ignore_errors=True)
    path.write_bytes(data)
    try:
        merge(Ledger(runs), read_exported(path))
    except ValueError as error:
        if "ledger.jsonl" not in str(error):
            raise AssertionError(f"does not name the file: {error}") from error
        return
    known = {"runs", "ledger.jsonl", "again.jsonl"}
    if outside := {p.name for p in FOLDER.iterdir() if p.name not in known} & {"x", "passwd"}:
        raise AssertionError(f"wrote outside the ledger: {outside}")
    if runs.exists():
        _read_all(Ledger(runs))
        export_ledger(Ledger(runs), again)
        merged = merge(Ledger(runs), read_exported(again))
        if merged.added or merged.conflicts:
            raise WrongNumber(f"export differs: {merged.added} {merged.conflicts}")


def record(data: bytes) -> None:
    """Read a ledger in which a file is damaged: its name, a line end and its content."""
    with _damaged(data) as (root, path, before):
        _read_all(Ledger(root))
        if data.startswith((b"result\n", b"predictions\n")):
            _same_or_refused(Ledger(root).run(path.parent.name), before, path)


def shown(data: bytes) -> None:
    """Show a ledger in which a file is damaged, as ``rin-study show`` does."""
    with _damaged(data) as (root, _, _):
        for name in (None, "some", "rounds_curve-webnlg_star"):
            try:
                show.run(Show(experiment=name, runs=root), Console(file=io.StringIO()))
            except (RinError, ValueError) as error:
                if "\n" in str(error):
                    raise AssertionError(f"more than one line: {error}") from error


@contextlib.contextmanager
def _damaged(data: bytes) -> Iterator[tuple[Path, Path, bytes]]:
    """Give a ledger with a damaged file, that file and what it had before."""
    name, _, content = data.partition(b"\n")
    root = FOLDER / "damaged"
    path = seeds.place(root, name.decode(errors="replace")) or seeds.place(root, "study")
    assert path is not None
    before = path.read_bytes()
    try:
        path.write_bytes(content)
        yield root, path, before
    finally:
        path.write_bytes(before)


def _same_or_refused(run: Run, before: bytes, path: Path) -> None:
    """A record with a checksum is read as it was written, or not at all."""
    read = run.result if path.name == "result.json" else run.predictions
    with contextlib.suppress(LedgerError):
        found = read()
        known = parse_object(before)
        has_checksum = "checksum" in json.loads(path.read_bytes())
        known.pop("checksum")
        if has_checksum and (found is None or found.to_json() != known):
            raise WrongNumber(f"{path.name}: accepted, but changed")


def _read_all(ledger: Ledger) -> None:
    """Read every record, as commands and reports do; what is read can be written again."""
    readers: list[Callable[[], Any]] = []
    for run in ledger.runs():
        readers += [run.result, run.predictions, run.failure, run.pruned, run.state]
        readers += [run.history, run.saved_epochs, run.usage, functools.partial(run.check, "t")]
    stored: list[tuple[list[str], Callable[[str], object]]] = [
        (ledger.study_names(), ledger.study),
        (ledger.search_names(), ledger.search),
        (sorted(p.stem for p in ledger.root.glob("corpora/*")), ledger.corpus),
        (sorted(p.stem for p in ledger.root.glob("vectors/*")), ledger.vectors),
        (ledger.case_names(), ledger.case),
    ]
    for names, read_named in stored:
        readers += [functools.partial(read_named, name) for name in names]
    for read in readers:
        with contextlib.suppress(LedgerError, Superseded):
            found = read()
            if hasattr(found, "to_json"):
                parse_object(json.dumps(found.to_json(), allow_nan=False).encode())


def weights(data: bytes) -> None:
    """Load tensors and a model from a file, damaged anywhere."""
    path = FOLDER / "weights.safetensors"
    path.write_bytes(data)
    with contextlib.suppress(CheckpointError):
        load_tensors(path)
    with contextlib.suppress(CheckpointError, ModelError, VectorsError):
        load_model(path)


def model(data: bytes) -> None:
    """Load a model with other metadata, which fit their checksum."""
    path = FOLDER / "model.safetensors"
    with contextlib.suppress(seeds.NotMetadata):
        seeds.with_metadata(seeds.weights_tensors(), data, path)
        with contextlib.suppress(CheckpointError, ModelError, VectorsError):
            load_model(path)


def checkpoint(data: bytes) -> None:
    """Finish a run from a damaged checkpoint: the numbers are those of an undisturbed run."""
    if not seeds.ends_as_undisturbed(FOLDER / "run", lambda path: path.write_bytes(data)):
        raise WrongNumber("another result")


def metadata(data: bytes) -> None:
    """Finish a run from a checkpoint with other metadata, which fit their checksum."""

    def write(path: Path) -> None:
        seeds.with_metadata(safetensors.torch.load_file(path), data, path)

    with contextlib.suppress(seeds.NotMetadata):
        seeds.ends_as_undisturbed(FOLDER / "run", write)


def space(data: bytes) -> None:
    """Read a space, and make its trials or its first points."""
    path = FOLDER / "mine.toml"
    path.write_bytes(data)
    try:
        found = read_space(path, {**SPACES, **SEARCHES})
        grid = found if isinstance(found, Grid) else found.starts()
        trials = grid.trials(["demo"])
        if not isinstance(found, Grid):
            for trial in trials:
                json.dumps(found.first_points(trial.config), allow_nan=False)
            for arm in found.arms:
                json.dumps(found.identity(arm), allow_nan=False)
    except (SpaceError, ValueError):
        return
    for trial in trials:
        _check_config(trial.config)


def overrides(data: bytes) -> None:
    """Read the value of ``--set``."""
    text = data.decode(errors="surrogateescape")
    try:
        given = parse_overrides((text,))
        config = Config().with_overrides(given)
    except ValueError as error:
        if "\n" in str(error):
            raise AssertionError(f"more than one line: {error}") from error
        return
    _check_config(config)
    for path, value in given.items():
        found = config.flat()[path]
        if isinstance(found, float) and found != float(str(value)):
            raise WrongNumber(f"{path} = {value} became {found}")


def _check_config(config: Config) -> None:
    """Settings come back from their record, and their numbers are finite."""
    text = json.dumps(config.flat(), allow_nan=False)
    if Config.from_flat(parse_object(text.encode())) != config:
        raise WrongNumber(f"{text}: read as other settings")
    config.fingerprint("d")


TARGETS: dict[str, Target] = {
    "corpus": Target(corpus, lambda: seeds.CORPORA),
    "tables": Target(corpus, files.tables),
    "brat": Target(brat, lambda: [formats.ANN_FILE.encode()]),
    "brat-text": Target(brat_text, lambda: files.TEXTS),
    "classes": Target(classes, lambda: [json.dumps(files.INFO).encode()]),
    "sentences": Target(sentences, lambda: seeds.SENTENCES),
    "vectors": Target(vectors, lambda: seeds.VECTORS),
    "exported": Target(exported, seeds.exported),
    "record": Target(record, lambda: seeds.records(FOLDER / "damaged")),
    "shown": Target(shown, lambda: seeds.records(FOLDER / "damaged")),
    "weights": Target(weights, lambda: [seeds.weights_file(), seeds.small_file()]),
    "model": Target(model, lambda: [seeds.metadata_of(seeds.weights_file())]),
    "checkpoint": Target(checkpoint, lambda: [seeds.checkpoint_file()]),
    "metadata": Target(metadata, lambda: [seeds.metadata_of(seeds.checkpoint_file())]),
    "space": Target(space, lambda: seeds.SPACES),
    "overrides": Target(overrides, lambda: seeds.OVERRIDES),
    **FILES,
}
