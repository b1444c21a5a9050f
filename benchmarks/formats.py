"""The table of corpus formats: ``python -m benchmarks.formats FOLDER``.

FOLDER contains a folder for each corpus. Each corpus is read as a study reads it. If its dev split
is missing, a second row shows the result with data.dev_fraction=0.1. The Markdown is printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks.command import run
from rin_core.data.corpus import SPLITS, CorpusError
from rin_core.data.findings import missing_findings
from rin_core.data.loading import load_corpus
from rin_core.data.readers.split import format_of
from rin_core.data.splits import corpus_files


def rows(folder: Path) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the corpus, its format, whether it is read, its sentences by split, and the message."""
    for corpus in sorted(path for path in folder.iterdir() if path.is_dir()):
        for fraction in (0.0, 0.1):
            name = corpus.name + f", dev_fraction={fraction}" * bool(fraction)
            try:
                first = next(iter(corpus_files(corpus, fraction).values()))[0]
                read = load_corpus(str(corpus), dev_fraction=fraction)
            except CorpusError as error:
                yield name, "", "no", "", str(error).replace(f"{folder}/", "")
                if "dev_fraction" not in str(error):
                    break
                continue
            missing = [f for split, s in read.splits().items() for f in missing_findings(split, s)]
            sizes = " / ".join(str(len(read.splits()[split])) for split in SPLITS)
            message = ". ".join(f.text for f in (*read.findings, *missing))
            yield name, format_of(first), "yes", sizes, message
            break


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Print how each corpus in a folder is read, as a table in Markdown."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """Folder with a folder for each corpus."""


def main(options: Options) -> None:
    """Print the table.

    Raises:
        ValueError: There is no such folder.
    """
    if not options.folder.is_dir():
        raise ValueError(f"{options.folder}: no such folder")
    print("| corpus | format | read | sentences (train / dev / test) | message |")  # noqa: T201
    print("|---|---|---|---|---|")  # noqa: T201
    for row in rows(options.folder):
        print(f"| {' | '.join(map(_escaped, row))} |")  # noqa: T201


def _escaped(cell: str) -> str:
    """Return a cell without what Markdown reads as another column or as a link."""
    return cell.replace("|", "/").replace("[", "\\[")


if __name__ == "__main__":
    run(Options, main, "formats")
