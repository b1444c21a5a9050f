"""The list of spaces: ``rin-study --list``."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from rin_core.plural import plural
from search_spaces import SEARCHES, SPACES, Search
from search_spaces.space import Arm, Grid
from study.commands.printing import say
from study.planning.race import race_size

#: Longest line, in characters.
_WIDTH = 80


def list_spaces(console: Console) -> None:
    """Print every space: its question, its arms and how many trials a corpus gets."""
    spaces: list[Grid | Search] = [*SPACES.values(), *SEARCHES.values()]
    for space in spaces:
        say(console, f"{space.name}: {trial_count(space)}", "bold")
        _print_indented(console, Text(space.title))
        _print_arms(console, "arms", space.arms)
        if space.on_request:
            _print_arms(console, "only with --arms", space.on_request)
    say(console, "These are the trials of one corpus. The corpus demo gets fewer.")
    say(console, "Your own space: --space FILE.toml (see docs/guide.md)")


def trial_count(space: Grid | Search) -> str:
    """Return how many trials a corpus gets, and of what they are the product."""
    arms = plural(len(space.arms), "arm")
    if isinstance(space, Grid):
        total = plural(len(space.arms) * len(space.seeds), "trial")
        return f"{total} ({arms} × {plural(len(space.seeds), 'seed')})"
    tuned = plural(len(space.arms) * space.budget, "trial")
    fresh = len(space.arms) * race_size(len(space.confirm_seeds), space.cost)
    return f"search, {tuned} ({arms} × {space.budget}), then up to {fresh} on fresh seeds"


def _print_arms(console: Console, head: str, arms: tuple[Arm, ...]) -> None:
    names = (arm.name for arm in arms)
    _print_indented(console, Text.assemble((f"{head}: ", "dim"), " ".join(names)))


def _print_indented(console: Console, text: Text) -> None:
    console.print(Padding(text, (0, 0, 0, 4)), width=min(console.width, _WIDTH))
