"""What the steps of a command share, and how a command ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from study.commands.options import Options
from study.commands.printing import say
from study.ledger.ledger import Ledger

if TYPE_CHECKING:
    from study.commands.closing import Closing


@dataclass(frozen=True, slots=True)
class Context:
    """What was asked for, where results go and where progress is printed."""

    options: Options
    ledger: Ledger
    console: Console
    closing: Closing
    """Receives what is printed at the end of the command."""

    def say(self, text: object, style: str | None = None) -> None:
        """Print text without markup, see :func:`~study.commands.printing.say`."""
        say(self.console, text, style)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and the studies whose trials are its results."""

    code: int
    """The exit code."""
    studies: tuple[str, ...]
    """A search without runs on fresh seeds is named itself."""
    runs: frozenset[str] = frozenset()
    """The fingerprints of these trials: the studies may have others, which were not asked for."""
