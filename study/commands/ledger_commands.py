"""Commands on a ledger beside running a study: ``python study/run.py export FILE`` and others."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import tyro
from rich.console import Console
from rich.markup import escape

from rin_core.cli import require_gpu
from rin_core.config import Config
from rin_core.data.loading import find_recorded_vectors, load_dataset
from rin_core.model import matmul
from study.commands.audit import Audit
from study.commands.case import CaseStudy
from study.commands.record import Record
from study.commands.show import Show
from study.commands.train import Train
from study.execution.trial import run_unit
from study.ledger.corpora import record_if_here, record_vectors_if_here
from study.ledger.ledger import Ledger
from study.ledger.run import Run
from study.ledger.schema import read_exported
from study.ledger.transfer import export_ledger, first_difference, merge


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Write finished runs, studies and searches to a file of JSON lines, without weights."""

    file: tyro.conf.Positional[Path]
    """File to write."""
    data: tuple[str, ...] = ()
    """Only what is on these corpora [default: all]."""
    out: Path = Path("runs")
    """The ledger."""

    def run(self, console: Console) -> int:
        """Export; return the exit code."""
        counts = export_ledger(Ledger(self.out), self.file, self.data)
        named = zip(counts.values(), ("finished units", "studies", "searches"), strict=True)
        shown = ", ".join(f"{count} {name}" for count, name in named)
        console.print(f"{shown} written to {self.file}", highlight=False, markup=False)
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Add what exported files have and the ledger lacks: runs, studies and searches.

    A study that plans the runs finds them done, and brings MLflow and the reports up to date.
    """

    files: tyro.conf.Positional[tuple[Path, ...]]
    """Files from ``export``."""
    data_root: Path | None = None
    """Folder of corpora, of which reports take what exported files leave out [default:
    $RIN_DATA_ROOT]."""
    embeddings: Path | None = None
    """Word vectors, of which reports take which words have one [default: the recorded file name,
    in the data root or in ``embeddings`` there]."""
    out: Path = Path("runs")
    """The ledger."""

    def run(self, console: Console) -> int:
        """Import; return the exit code: 1 where numbers conflict."""
        if not self.files:
            raise ValueError("import: must name at least one file that export wrote")
        if lacking := [str(file) for file in self.files if not file.is_file()]:
            raise ValueError(f"import {lacking[0]}: there is no such file")
        ledger, conflicts = Ledger(self.out), 0
        records = [read_exported(file) for file in self.files]  # all, before any is written
        with ledger.exclusive():
            for file, added in zip(self.files, records, strict=True):
                merged = merge(ledger, added)
                console.print(
                    f"{file}: {len(merged.added)} records added, {len(merged.known)} here already",
                    highlight=False,
                    markup=False,
                )
                for fingerprint, difference in merged.conflicts.items():
                    text = escape(f"{fingerprint}: {difference}")
                    console.print(f"[red]conflict[/red] {text}; ours is kept")
                conflicts += len(merged.conflicts)
            for lack in _record_data(ledger, records, self.data_root, self.embeddings):
                console.print(lack, style="yellow", highlight=False, markup=False)
        return 1 if conflicts else 0


def _record_data(
    ledger: Ledger,
    files: Iterable[Iterable[Mapping[str, Any]]],
    data_root: Path | None,
    embeddings: Path | None,
) -> Iterator[str]:
    """Record what reports need of the data of imported runs, which no exported file holds.

    Yields:
        What is not at hand, and what reports lack without it.
    """
    runs = (r["content"]["result"] for file in files for r in file if r["record"] == "unit")
    results = [result for result in runs if "content" in result["corpus"]]
    for content, result in {r["corpus"]["content"]: r for r in results}.items():
        name, config = result["corpus"]["name"], Config.from_flat(result["config"])
        if why := record_if_here(ledger, content, name, data_root, config):
            yield f"{why}: reports lack scores by class, errors and tests over its sentences"
    for result in {r["corpus"]["digest"]: r for r in results}.values():
        # What is said of a corpus that is not at hand need not be said of its vectors.
        described = ledger.corpus_path(result["corpus"]["content"]).exists()
        if described and (why := record_vectors_if_here(ledger, result, data_root, embeddings)):
            yield f"{why}: reports lack scores by word vectors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """Train a finished run once more, apart, and compare every number with the record.

    Exit code 0 if they agree to the bit, 1 if not. They do on the recorded kind of processor;
    another rounds otherwise, and what began in the last bit ends like another seed. Where they
    agree, a run that was imported without its weights has them then.
    """

    fingerprint: tyro.conf.Positional[str]
    """The run, or the first letters of its fingerprint."""
    data: str | None = None
    """Corpus, where its name does not lead to it [default: the recorded name]."""
    data_root: Path | None = None
    """Folder of corpora [default: $RIN_DATA_ROOT]."""
    embeddings: Path | None = None
    """Word vectors, as in the study [default: the recorded file name, in the data root or in
    ``embeddings`` there]."""
    gpu: bool = False
    """Compute on the GPU."""
    out: Path = Path("runs")
    """The ledger."""

    def run(self, console: Console) -> int:
        """Train and compare; return the exit code."""
        if self.gpu:
            require_gpu()
        run = Ledger(self.out).find(self.fingerprint)
        recorded = run.result()
        if recorded is None:
            raise ValueError(f"{run.fingerprint}: is not finished; the study's command goes on")
        config = Config.from_flat(recorded["config"])
        vectors = (recorded.get("vectors") or {}).get("name")
        corpus = load_dataset(
            self.data or recorded["corpus"]["name"],
            config,
            data_root=self.data_root,
            embeddings=self.embeddings or find_recorded_vectors(vectors, self.data_root),
        )
        if corpus.digest != recorded["corpus"]["digest"]:
            raise ValueError(
                f"{corpus.name}: corpus or word vectors are not those of {run.fingerprint} "
                f"(digest {corpus.digest}, recorded {recorded['corpus']['digest']}); "
                f"give the same --data, --data-root and --embeddings ({vectors or 'none'})"
            )
        console.print(
            f"{run.fingerprint}: training again, {len(recorded['history'])} epochs recorded",
            highlight=False,
        )
        matmul.use(_library(recorded))
        with tempfile.TemporaryDirectory() as folder:
            apart = Run(Path(folder) / run.fingerprint)
            again = run_unit(
                config,
                corpus,
                apart,
                threads=recorded["provenance"]["threads"],
                gpu=self.gpu,
                on_epoch=lambda row: console.print(_epoch(row), highlight=False),
            )
            code = _compare(console, recorded, again)
            if code == 0 and not run.weights.exists():
                shutil.copyfile(apart.weights, run.weights)
                console.print("its weights are in the ledger now", highlight=False)
        return code


class Command(Protocol):
    """A subcommand: a dataclass of options that can be run."""

    def run(self, console: Console) -> int:
        """Run the command and return its exit code."""


COMMANDS: Mapping[str, type[Command]] = {
    "show": Show,
    "audit": Audit,
    "export": Export,
    "import": Import,
    "rerun": Rerun,
    "case": CaseStudy,
    "train": Train,
    "record": Record,
}


def command(arguments: Sequence[str], console: Console) -> Callable[[], int] | None:
    """Return the command that the arguments ask for; None where they run a study."""
    if not arguments or arguments[0] not in COMMANDS:
        return None
    kind = COMMANDS[arguments[0]]
    chosen = tyro.cli(
        kind, args=arguments[1:], prog=f"run.py {arguments[0]}", description=kind.__doc__
    )
    return lambda: chosen.run(console)


def _epoch(row: Mapping[str, float]) -> str:
    return f"epoch {row['epoch']:3.0f}  dev F1 {100 * row['dev_f1']:6.2f}"


def _compare(console: Console, recorded: Mapping[str, Any], again: Mapping[str, Any]) -> int:
    scores = [
        f"{split} F1 {100 * run[split]['f1']:.2f}"
        for run in (recorded, again)
        for split in ("dev", "test")
    ]
    console.print(f"recorded: {', '.join(scores[:2])}; again: {', '.join(scores[2:])}")
    difference = first_difference(recorded, again)
    if difference is None:
        console.print("every number agrees to the bit")
        return 0
    where = difference.replace("here", "in the record", 1)
    console.print(f"first difference: {where}", markup=False)
    changed = False
    for name in ("machine", "hardware", "arithmetic", "device", "packages"):
        a, b = (run["provenance"].get(name, "not recorded") for run in (recorded, again))
        if a != b:
            changed = True
            console.print(f"{name}: {a} then, {b} now", highlight=False, markup=False)
    if changed:
        console.print(
            "Another processor or library rounds otherwise: compare the scores as those of two "
            "seeds. The same bits want what was recorded.",
            highlight=False,
        )
    return 1


def _library(recorded: Mapping[str, Any]) -> str:
    """Return what computed a record's matrix products; before that was recorded, torch's choice."""
    arithmetic = str(recorded["provenance"].get("arithmetic", ""))
    return "onednn" if arithmetic.endswith("onednn") else "blas"
