"""Plain lines on the terminal: text from users and libraries is never taken for markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rin_core.plural import plural
from rin_core.terminal import visible, wrapped
from search_spaces.presets import Preset

if TYPE_CHECKING:
    from reports.frames.decisions import DecisionRow


def say(console: Console, text: object, style: str | None = None, *, whole: bool = False) -> None:
    """Print text without markup. On a terminal, long lines are broken between words.

    Args:
        console: Where to print.
        text: One or more lines.
        style: Of Rich.
        whole: Break no line: it is a command or a path that a person copies.
    """
    shown = visible(str(text))
    lines = wrapped(shown, console.width) if console.is_terminal and not whole else shown
    console.print(lines, style=style, highlight=False, markup=False, soft_wrap=True)


def print_presets(presets: Mapping[str, Preset], console: Console) -> None:
    """Print the preset of each corpus, and how to change it."""
    for corpus, preset in presets.items():
        say(console, f"{corpus}: preset {preset.name}, {preset.title}", "dim")
        if preset.settings:
            say(console, f"  {preset.text()}", "dim")
    say(
        console,
        "  to change it: --preset NAME or --set SETTING=VALUE; see 'rin-study settings'",
        "dim",
    )


def print_faster(settings: Sequence[str], console: Console) -> None:
    """Print which settings train a transformer faster, if any do."""
    if settings:
        text = (
            f"transformers train faster on this CPU with --set {' '.join(settings)}; scores then "
            "differ as much as with another seed"
        )
        say(console, text, "dim")


def print_unsent(unsent: int, console: Console) -> None:
    """Print how many runs the tracker does not have completely, if any."""
    if unsent:
        text = f"{plural(unsent, 'run')} not sent completely; run the same command to send the rest"
        say(console, text, "yellow")


def print_rows(console: Console, title: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows as a table, if there are any. A cell without a value is empty."""
    if not rows:
        return
    columns = list(dict.fromkeys(name for row in rows for name in row))
    # Unlike a cell, a title of plain text would be read as markup.
    head = Text(visible(title), "table.title")
    table = Table(title=head, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in columns:  # people copy these, so a narrow terminal does not cut them
        table.add_column(name, no_wrap=name in ("fingerprint", "name"), overflow="fold")
    for row in rows:
        table.add_row(*(visible(row.get(name, "")) for name in columns))
    console.print(table, markup=False)


def print_decisions(experiment: str, rows: Sequence[DecisionRow], console: Console) -> None:
    """Print the state of each contrast of a study that runs until they are decided."""
    texts = [
        {
            "contrast": row.key,
            "n": str(row.seeds),
            "estimate": row.estimate_text,
            "interval": row.interval_text,
            "state": str(row.verdict),
            "next": row.next_text,
            "time left": row.time_text,
        }
        for row in rows
    ]
    print_rows(console, f"{experiment}: decisions", texts)
    if any(row.next_look is not None for row in rows):
        say(console, "time left: at most, to the last look, one run at a time", "dim")
