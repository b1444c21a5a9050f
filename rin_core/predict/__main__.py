"""Triples from the command line, with a trained model.

    python -m rin_core.predict --model runs/units/… "Ann Lee founded Acme in Oslo."
    python -m rin_core.predict --model 92f5 --input texts.jsonl --output triples.jsonl
    python -m rin_core.predict --model 92f5 --model c03a --model 71be "Ann Lee founded Acme."

Texts given as arguments are split into sentences and shown for a person to read. ``--input``
reads JSON lines, with ``text`` or ``tokens``, or plain text with a paragraph a line. It writes a
JSON line for each line, one window at a time, so neither file has to fit in memory. Several
models find triples by majority vote.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, NoReturn

import rich.progress
import torch
import tyro
from rich.console import Console
from rich.markup import escape

from rin_core.cli import exit_with_clear_errors
from rin_core.data.corpus import Sentence
from rin_core.device import require_gpu
from rin_core.files import open_atomically
from rin_core.layout import WEIGHTS
from rin_core.plural import plural
from rin_core.predict.ensemble import Ensemble
from rin_core.predict.extraction import Extraction
from rin_core.predict.loading import find_weights, is_unfinished
from rin_core.predict.predictor import Predictor
from rin_core.predict.records import (
    Record,
    RecordReader,
    answer,
    extract,
    record_of,
    to_line,
)
from rin_core.predict.rendering import show
from rin_core.predict.texts import TextSentence, TextSplitter

_STDIO = Path("-")
#: A shorter text is no fingerprint that a person gives.
_SHORTEST_PREFIX = 4
_TAG_NOTES = {
    "textblob": "part-of-speech tags: from textblob's tagger",
    "usual": "part-of-speech tags: each word's most frequent tag in training",
    "none": "part-of-speech tags: none, but the model was trained with them: expect far fewer "
    'right triples; run make pos, which installs a tagger, or give "pos"',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Find entities and triples with a trained model."""

    texts: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="[TEXT]", help_behavior_hint="(repeatable)"),
    ] = ()
    """Texts of one or more sentences. The triples are printed for a person to read."""
    model: tyro.conf.UseAppendAction[
        Annotated[
            tuple[str, ...],
            tyro.conf.arg(metavar="RUN", help_behavior_hint="(required, repeatable)"),
        ]
    ] = ()
    """A weights file, a run's folder, or the first digits of a fingerprint. Several models vote."""
    runs: Annotated[Path, tyro.conf.arg(metavar="FOLDER")] = Path("runs")
    """The ledger that has the runs."""
    input: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: none)")
    ] = None
    """File to read instead of texts: JSON lines, or one paragraph per line. - is standard input."""
    output: Annotated[Path, tyro.conf.arg(metavar="FILE")] = _STDIO
    """File for the JSON lines; - is standard output. The file appears when it is complete."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON lines also for texts given as arguments."""
    rounds: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also write the predictions before the first round and after each."""
    threshold: Annotated[float, tyro.conf.arg(metavar="P")] = 0.5
    """Least probability of a triple. Less finds more triples, of which more are wrong."""
    one_sentence: tyro.conf.FlagCreatePairsOff[bool] = False
    """Take each text as one sentence."""
    pretokenized: tyro.conf.FlagCreatePairsOff[bool] = False
    """Split words at spaces only, not at punctuation."""
    skip_malformed: tyro.conf.FlagCreatePairsOff[bool] = False
    """Skip and count invalid lines; otherwise the first one ends the command."""
    window: Annotated[int, tyro.conf.arg(metavar="N")] = 2048
    """Sentences to read before the first result is written. 1 writes at once, but is slower."""
    batch_tokens: Annotated[int, tyro.conf.arg(metavar="N")] = 2048
    """Words in a batch."""
    threads: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """CPU threads."""
    gpu: tyro.conf.FlagCreatePairsOff[bool] = False
    """Compute on the GPU."""

    def check(self) -> None:
        """Raise ``ValueError`` for invalid options."""
        if not self.model:
            raise ValueError("--model RUN is missing: which model finds the triples?")
        if bool(self.texts) == (self.input is not None):
            raise ValueError("give either texts or --input FILE (- is standard input)")
        for name in ("window", "batch_tokens", "threads"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"--{name.replace('_', '-')} {value}: must be at least 1")
        if not 0 < self.threshold < 1:
            raise ValueError(f"--threshold {self.threshold}: must be between 0 and 1")
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
    weights = [find(model, options.runs) for model in options.model]
    for text in options.texts:
        _check_text(text, options.runs, find)
    console = Console(stderr=True, emoji=False)
    for path in filter(is_unfinished, weights):
        _note(console, f"{path}: training has not finished; these are the best weights so far")
    device = torch.device("cuda" if options.gpu else "cpu")
    predictor = _load(weights, device, options)
    if isinstance(predictor, Ensemble):
        _note(console, _vote_note(predictor))
    if predictor.note:
        _note(console, predictor.note)
    session = _Session(options, predictor, console)
    if options.input is not None:
        session.stream(options.input)
    elif options.json or options.output != _STDIO:
        with _sink(options.output) as sink:
            session.write(session.arguments(), sink)
    else:
        session.show()
    return 0


def _load(weights: Sequence[Path], device: torch.device, options: Options) -> Predictor | Ensemble:
    """Load one model, or several that vote."""
    if len(weights) > 1:
        names = [f"--model {name}" for name in options.model]
        return Ensemble.load(weights, device, names, options.threshold)
    return Predictor.load(weights[0], device, options.threshold)


def _vote_note(ensemble: Ensemble) -> str:
    """Say which triples count, and that an even number of models finds too few."""
    count = len(ensemble.members)
    note = (
        f"majority vote: a triple counts if at least {ensemble.majority} of {count} models find it"
    )
    return note if count % 2 else f"{note}; an odd number of models finds more right triples"


def _check_text(text: str, runs: Path, find: Callable[[str, Path], Path]) -> None:
    """Refuse a model among the texts: ``--model A B`` takes B as a text.

    Raises:
        ValueError: The text names a model.
    """
    if " " in text or len(text) < _SHORTEST_PREFIX:
        return
    try:
        is_model = find(text, runs).suffix == Path(WEIGHTS).suffix
    except (OSError, ValueError):
        is_model = False
    if is_model:
        raise ValueError(f"{text}: is a model, not a text; write --model before each model")


class _Session:
    """A model, and the options of the command."""

    def __init__(self, options: Options, predictor: Predictor | Ensemble, console: Console) -> None:
        self.options, self.predictor, self.console = options, predictor, console
        self.splitter = TextSplitter(
            predictor.vocabulary,
            one_sentence=options.one_sentence,
            pretokenized=options.pretokenized,
        )
        self.has_noted_tags = self.has_noted_unknown = False

    def arguments(self) -> list[Record]:
        """Return the texts of the command line."""
        return [record_of({"text": text}, self.splitter) for text in self.options.texts]

    def show(self) -> None:
        """Print the texts of the command line with their entities and triples."""
        console = Console()
        for found in self._extract(self.arguments()):
            if not found:
                console.print("(no words)\n", style="dim")
            for rounds in found:
                show(rounds, self.predictor.vocabulary, console)

    def stream(self, source: Path) -> None:
        """Answer lines, one window at a time."""
        reader = RecordReader(self.splitter, skips=self.options.skip_malformed)
        writes_to_terminal = self.options.output == _STDIO and sys.stdout.isatty()
        is_watched = self.console.is_terminal and not writes_to_terminal
        with _source(source, is_watched) as file, _sink(self.options.output) as sink:
            records = reader.read(file, "standard input" if source == _STDIO else str(source))
            for window in _windows(records, self.options.window):
                self.write(window, sink)
        if reader.blank:
            _note(self.console, f"{plural(reader.blank, 'blank line')} skipped")
        if reader.skipped:
            _note(
                self.console,
                f"{plural(reader.skipped, 'line')} skipped; the first one: {reader.first_fault}",
            )

    def write(self, records: Sequence[Record], sink: BinaryIO) -> None:
        """Write a line for each record."""
        found = self._extract(records)
        every = self.options.rounds
        lines = [
            to_line(answer(record, rounds, every_round=every))
            for record, rounds in zip(records, found, strict=True)
        ]
        sink.write(b"".join(lines))
        sink.flush()

    def _extract(self, records: Sequence[Record]) -> list[list[tuple[Extraction, ...]]]:
        """Return the rounds of each sentence of each record."""
        sentences = [sentence for record in records for sentence in record.sentences]
        self._note_tags(sentences)
        self._note_unknown(sentences)
        return extract(
            self.predictor,
            records,
            batch_tokens=self.options.batch_tokens,
            every_round=self.options.rounds,
        )

    def _note_tags(self, sentences: Sequence[Sentence | TextSentence]) -> None:
        """Print once where the tags of untagged text come from."""
        if self.has_noted_tags or all(sentence.pos for sentence in sentences):
            return
        self.has_noted_tags = True
        if source := self.predictor.tag_source:
            _note(self.console, _TAG_NOTES[source])

    def _note_unknown(self, sentences: Sequence[Sentence | TextSentence]) -> None:
        """Print once that the given tags belong to another tag set than the model's."""
        if self.has_noted_unknown or not self.predictor.takes_tags:
            return
        known = set(self.predictor.vocabulary.pos)
        tags = [tag for sentence in sentences for tag in sentence.pos or ()]
        unknown = [tag for tag in tags if tag not in known]
        if 2 * len(unknown) > len(tags):
            self.has_noted_unknown = True
            _note(
                self.console,
                f"part-of-speech tags: {len(unknown)} of {len(tags)} given are unknown to the "
                f'model, such as {unknown[0]!r}: expect fewer right triples; remove "pos"',
            )


def _windows(records: Iterable[Record], sentences: int) -> Iterator[list[Record]]:
    """Group records; a group ends with its ``sentences``-th sentence.

    A record without sentences counts as one, so that a group does not grow without end.
    """
    window: list[Record] = []
    count = 0
    for record in records:
        window.append(record)
        count += max(1, len(record.sentences))
        if count >= sentences:
            yield window
            window, count = [], 0
    if window:
        yield window


def _note(console: Console, text: str) -> None:
    console.print(text, style="dim", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _source(path: Path, is_watched: bool) -> Iterator[BinaryIO]:
    """Open the input, with a progress bar on standard error in a terminal."""
    if path == _STDIO:
        yield sys.stdin.buffer
    elif path.is_dir():
        raise ValueError(f"--input {path}: is a folder; expected JSON lines or plain text")
    elif not path.exists():
        raise ValueError(f"--input {path}: no such file; expected JSON lines or plain text")
    elif is_watched and path.is_file():
        console = Console(stderr=True, emoji=False)
        name = escape(path.name)
        with rich.progress.open(path, "rb", description=name, console=console) as file:
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


def run() -> NoReturn:
    """Run the command line of this process and exit with its code."""
    exit_with_clear_errors(lambda: main(parse()), interrupted="interrupted")


if __name__ == "__main__":
    run()
