"""The list of spaces: ``python study/run.py --list``."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from search_spaces import SEARCHES, SPACES, Search
from search_spaces.space import Grid
from study.commands.printing import say


def list_spaces(console: Console) -> None:
    """Print every space: its arms, seeds, number of trials and question."""
    table = Table("space", "arms", "seeds", "trials a corpus", "question", box=None, padding=(0, 2))
    for grid in SPACES.values():
        counts = (len(grid.arms), len(grid.seeds), len(grid.trials([""])))
        table.add_row(f"[bold]{grid.name}[/bold]", *map(str, counts), grid.title)
        _add_optional_arms(table, grid)
    for search in SEARCHES.values():
        seeds = f"1, then {len(search.confirm_seeds)}"
        row = (str(len(search.arms)), seeds, str(search.trials()), f"{search.title} (search)")
        table.add_row(f"[bold]{search.name}[/bold]", *row)
        _add_optional_arms(table, search)
    console.print(table)
    say(console, "Your own space: --space FILE.toml (see docs/guide.md)", "dim")


def _add_optional_arms(table: Table, space: Grid | Search) -> None:
    if space.on_request:
        names = " ".join(arm.name for arm in space.on_request)
        table.add_row("", "", "", "", f"[dim]on request: --arms {names}[/dim]")
