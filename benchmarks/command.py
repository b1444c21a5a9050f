"""The command lines of the benchmarks, and the options that several have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import tyro

from rin_core.cli import exit_with_clear_errors
from study.commands.options import DataRoot

__all__ = [
    "RESULTS",
    "Batches",
    "Corpus",
    "DataRoot",
    "Repeats",
    "Results",
    "Rounds",
    "Vectors",
    "run",
]

#: Folder of the committed results.
RESULTS = Path(__file__).with_name("results")
Options = TypeVar("Options")

Corpus = Annotated[
    str,
    tyro.conf.arg(metavar="CORPUS", help="Corpus: demo, a name under the data root, or a folder."),
]
Vectors = Annotated[
    Path | None,
    tyro.conf.arg(
        metavar="FILE",
        help="GloVe vectors: a path, or a path under the data root.",
        help_behavior_hint="(default: random vectors)",
    ),
]
Rounds = Annotated[
    int, tyro.conf.arg(metavar="K", help="Number of interaction rounds of the model.")
]
Batches = Annotated[
    int, tyro.conf.arg(metavar="N", help="Number of batches that are timed, of all lengths.")
]
Repeats = Annotated[int, tyro.conf.arg(metavar="N", help="Number of times that each is timed.")]
Results = Annotated[
    Path,
    tyro.conf.arg(
        metavar="FOLDER",
        help="Folder for the results.",
        help_behavior_hint="(default: benchmarks/results)",
    ),
]


def run(options: type[Options], main: Callable[[Options], int | None], name: str) -> NoReturn:
    """Parse the options of a benchmark, run it and exit with its code.

    Args:
        options: A dataclass. Its docstring is the description in the help.
        main: The benchmark. ``None`` is exit code 0.
        name: Its module, as in ``bench`` for ``python -m benchmarks.bench``.
    """

    def parsed() -> int:
        program = f"python -m benchmarks.{name}"
        return main(tyro.cli(options, prog=program, description=options.__doc__)) or 0

    exit_with_clear_errors(parsed, interrupted="interrupted")
