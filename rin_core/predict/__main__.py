"""Triples from the command line, with a trained model.

    python -m rin_core.predict --model runs/units/… "Ann Lee founded Acme in Oslo."
    python -m rin_core.predict --model 92f5 --input texts.jsonl --output triples.jsonl

Sentences given as arguments are shown for a person to read. ``--input`` reads JSON lines and
writes JSON lines, one window at a time, so neither file has to fit in memory. A line has ``text``
or ``tokens``, and optionally ``pos`` and an ``id``, which the answer repeats.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO

import rich.progress
import torch
import tyro
from rich.console import Console

from rin_core.cli import exit_with_clear_errors
from rin_core.device import require_gpu
from rin_core.files import open_atomically
from rin_core.predict.extraction import Extraction
from rin_core.predict.jsonl import Record, RecordReader, record_of, to_line
from rin_core.predict.loading import find_weights, is_unfinished
from rin_core.predict.predictor import Predictor
from rin_core.predict.rendering import show

_STDIO = Path("-")
_TAG_NOTES = {
    "nltk": "part-of-speech tags: from nltk's averaged perceptron",
    "usual": "part-of-speech tags: each word's most frequent tag in training; no tagger is "
    "installed",
    "none": "part-of-speech tags: none, but the model was trained with them: expect far fewer "
    'right triples; install nltk and its averaged_perceptron_tagger_eng, or give "pos"',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Find entities and triples with a trained model."""

    sentences: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="SENTENCE", help_behavior_hint="(repeatable)"),
    ] = ()
    """Sentences; the triples are printed for reading."""
    model: Annotated[str, tyro.conf.arg(metavar="RUN")]
    """A weights file, a run's folder, or the first digits of a fingerprint in the ledger."""
    runs: Annotated[Path, tyro.conf.arg(metavar="FOLDER")] = Path("runs")
    """The ledger in which fingerprints are looked up."""
    input: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: none)")
    ] = None
    """A file of JSON lines instead of sentences; - is standard input."""
    output: Annotated[Path, tyro.conf.arg(metavar="FILE")] = _STDIO
    """File for the JSON lines; - is standard output. The file appears when it is complete."""
    json: bool = False
    """Print JSON lines for sentences given as arguments, too."""
    rounds: bool = False
    """Also write the predictions before the first round and after each."""
    pretokenized: bool = False
    """Split sentences at spaces only, not at punctuation."""
    skip_malformed: bool = False
    """Skip and count invalid lines instead of stopping at the first."""
    window: int = 2048
    """Lines read before the first result is written. 1 writes each result at once but is slower."""
    batch_tokens: int = 2048
    """Words in a batch."""
    threads: int = 1
    """CPU threads."""
    gpu: bool = False
    """Compute on the GPU."""

    def check(self) -> None:
        """Raise ``ValueError`` for invalid options."""
        if bool(self.sentences) == (self.input is not None):
            raise ValueError("give either sentences or --input FILE (- is standard input)")
        for name in ("window", "batch_tokens", "threads"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"--{name.replace('_', '-')} {value}: must be at least 1")
        if self.gpu:
            require_gpu()


def main(options: Options, find: Callable[[str, Path], Path] = find_weights) -> int:
    """Run the command line.

    Args:
        options: What to do.
        find: Turns ``--model`` and ``--runs`` into a weights file.
    """
    options.check()
    torch.set_num_threads(options.threads)
    weights = find(options.model, options.runs)
    console = Console(stderr=True)
    if is_unfinished(weights):
        _note(console, f"{weights}: training has not finished; these are the best weights so far")
    device = torch.device("cuda" if options.gpu else "cpu")
    session = _Session(options, Predictor.load(weights, device), console)
    if options.input is not None:
        session.stream(options.input)
    elif options.json or options.output != _STDIO:
        with _sink(options.output) as sink:
            session.write(session.arguments(), sink)
    else:
        session.show()
    return 0


class _Session:
    """A model, and the options of the command."""

    def __init__(self, options: Options, predictor: Predictor, console: Console) -> None:
        self.options, self.predictor, self.console = options, predictor, console
        self.has_noted_tags = self.has_noted_unknown = False

    def arguments(self) -> list[Record]:
        """Return the sentences of the command line."""
        return [
            record_of({"text": text}, pretokenized=self.options.pretokenized)
            for text in self.options.sentences
        ]

    def show(self) -> None:
        """Print the sentences of the command line with their entities and triples."""
        records = self.arguments()
        console = Console()
        for rounds in self._extract(records):
            show(rounds, self.predictor.vocabulary, console)

    def stream(self, source: Path) -> None:
        """Answer JSON lines, one window at a time."""
        reader = RecordReader(
            pretokenized=self.options.pretokenized, skips=self.options.skip_malformed
        )
        writes_to_terminal = self.options.output == _STDIO and sys.stdout.isatty()
        is_watched = self.console.is_terminal and not writes_to_terminal
        with _source(source, is_watched) as file, _sink(self.options.output) as sink:
            records = reader.read(file, "standard input" if source == _STDIO else str(source))
            while window := list(islice(records, self.options.window)):
                self.write(window, sink)
        if reader.skipped:
            _note(
                self.console, f"{reader.skipped} lines skipped; the first one: {reader.first_fault}"
            )

    def write(self, records: Sequence[Record], sink: BinaryIO) -> None:
        """Write a line for each record."""
        found = self._extract(records)
        every = self.options.rounds
        lines = [to_line(r, x, every_round=every) for r, x in zip(records, found, strict=True)]
        sink.write(b"".join(lines))
        sink.flush()

    def _extract(self, records: Sequence[Record]) -> list[tuple[Extraction, ...]]:
        self._note_tags(records)
        self._note_unknown(records)
        sentences = [record.sentence for record in records]
        if self.options.rounds:
            return self.predictor.predict_rounds(sentences, batch_tokens=self.options.batch_tokens)
        found = self.predictor.predict(sentences, batch_tokens=self.options.batch_tokens)
        return [(extraction,) for extraction in found]

    def _note_tags(self, records: Sequence[Record]) -> None:
        """Print once where the tags of untagged text come from."""
        if self.has_noted_tags or all(r.sentence.pos or not r.sentence.words for r in records):
            return
        self.has_noted_tags = True
        if source := self.predictor.tag_source:
            _note(self.console, _TAG_NOTES[source])

    def _note_unknown(self, records: Sequence[Record]) -> None:
        """Print once that the given tags belong to another tag set than the model's."""
        if self.has_noted_unknown or not self.predictor.takes_tags:
            return
        known = set(self.predictor.vocabulary.pos)
        tags = [tag for record in records for tag in record.sentence.pos or ()]
        unknown = [tag for tag in tags if tag not in known]
        if 2 * len(unknown) > len(tags):
            self.has_noted_unknown = True
            _note(
                self.console,
                f"part-of-speech tags: {len(unknown)} of {len(tags)} given are unknown to the "
                f'model, such as {unknown[0]!r}: expect fewer right triples; remove "pos"',
            )


def _note(console: Console, text: str) -> None:
    console.print(text, style="dim", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _source(path: Path, is_watched: bool) -> Iterator[BinaryIO]:
    """Open the input, with a progress bar on standard error in a terminal."""
    if path == _STDIO:
        yield sys.stdin.buffer
    elif not path.exists() or path.is_dir():
        raise ValueError(f"--input {path}: no such file; expected JSON lines")
    elif is_watched and path.is_file():
        console = Console(stderr=True)
        with rich.progress.open(path, "rb", description=path.name, console=console) as file:
            yield file
    else:
        with path.open("rb") as file:
            yield file


@contextmanager
def _sink(path: Path) -> Iterator[BinaryIO]:
    """Open the output; a file appears when it is complete, unlike a device or a pipe."""
    if path == _STDIO:
        yield sys.stdout.buffer
    elif path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
    else:
        with open_atomically(path) as file:
            yield file


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line's arguments; tyro explains wrong ones and exits with 2."""
    name = "python -m rin_core.predict"
    return tyro.cli(Options, prog=name, args=arguments, description=Options.__doc__)


if __name__ == "__main__":
    exit_with_clear_errors(lambda: main(parse()), interrupted="interrupted")
