"""Lines at the end of a study: runs that learned nothing, or that were still improving."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from rin_core.plural import plural
from study.commands.printing import say
from study.ledger.schema import Result
from study.ledger.state import Caveat


def print_caveats(results: Iterable[Result | None], console: Console) -> None:
    """Print a line for each caveat that finished runs have.

    Args:
        results: Of all runs; None where a run is not finished.
        console: Where to print.
    """
    found = [result.caveat for result in results if result is not None]
    for caveat in Caveat:
        if count := found.count(caveat):
            runs = f"{count} of {plural(len(found), 'run')}"
            say(console, f"{caveat.mark} {caveat}, {runs}: {caveat.explanation}", "yellow")
