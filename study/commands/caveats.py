"""Lines at the end of a study: runs that learned nothing, still improved, or lost a file."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from rin_core.plural import plural
from study.commands.printing import say
from study.ledger.command import render
from study.ledger.ledger import Ledger
from study.ledger.schema import Result
from study.ledger.state import Caveat

#: A ledger that was imported from an old file has none at all.
_MOST_LISTED = 5


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


def print_without_predictions(ledger: Ledger, finished: Iterable[str], console: Console) -> None:
    """Say which finished runs have no predictions, and which command writes them again.

    Args:
        ledger: Where the runs are.
        finished: The fingerprints of finished runs.
        console: Where to print.
    """
    names = list(finished)
    lacking = [name for name in names if ledger.run(name).lacks_predictions]
    if not lacking:
        return
    text = (
        f"predictions missing, {len(lacking)} of {plural(len(names), 'run')}: reports leave these "
        "runs out of errors, F1 by class and tests over sentences. To write them again:"
    )
    say(console, text, "yellow")
    for name in lacking[:_MOST_LISTED]:
        say(console, f"  {render({'runs': str(ledger.root)}, ['rerun', name])}", whole=True)
    if len(lacking) > _MOST_LISTED:
        say(console, f"  and {len(lacking) - _MOST_LISTED} more")


def print_damaged(ledger: Ledger, runs: Iterable[str], console: Console) -> None:
    """Name the runs whose result cannot be read, and say what to do.

    Args:
        ledger: Where the runs are.
        runs: Fingerprints.
        console: Where to print.
    """
    reasons = ledger.damaged(dict.fromkeys(runs))
    for reason in reasons[:_MOST_LISTED]:
        say(console, f"left out: {reason}", "yellow")
    if len(reasons) > _MOST_LISTED:
        say(console, f"left out: {len(reasons) - _MOST_LISTED} more", "yellow")
