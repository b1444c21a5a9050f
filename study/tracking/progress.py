"""What a person watching a study sees: trials done, running, left, the best so far, time left."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table


def clock(seconds: float) -> str:
    """Write a duration as people say it: ``42 s``, ``7 min``, ``3 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass(slots=True)
class Progress:
    """A live line in a terminal, and one plain line a finished trial elsewhere.

    Args:
        console: Where to write.
        names: What each trial is called, by fingerprint.
        max_epochs: Most epochs a trial can take, for the time left.
        slots: Trials that run at once.
    """

    console: Console
    names: dict[str, str]
    max_epochs: dict[str, int]
    slots: int
    planned: int | None = None
    """Trials in all, where a search names them only as they begin."""
    splits: Mapping[str, str] = field(default_factory=dict)
    """The split that selects a trial's epoch and has the F1 shown, by fingerprint, if not dev."""
    running: dict[str, Mapping[str, float]] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    """Seconds of training of each trial in this session."""
    done: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    stopped: dict[str, float] = field(default_factory=dict)
    """Seconds of the trials that a search stopped early."""
    alone: float = 0.0
    """Seconds of all epochs seen, spread over the slots that there were: a study's least time."""
    best: tuple[float, str] = (-1.0, "")
    started: float = field(default_factory=time.monotonic)
    _live: Live | None = None
    _had_room: bool = False

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self._live = Live(console=self.console, get_renderable=self.table, refresh_per_second=2)
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def begin(self, fingerprint: str, name: str, max_epochs: int) -> None:
        """Take on a trial that was not planned by name."""
        self.names[fingerprint], self.max_epochs[fingerprint] = name, max_epochs

    def fits(self, slots: int) -> None:
        """Note how many trials fit now, where nodes come and go."""
        if slots < 1 and self._had_room:
            self.console.print("no node has room for a trial now: they wait", highlight=False)
        self._had_room = slots > 0
        self.slots = max(1, slots)

    def interrupt(self, fingerprint: str) -> None:
        """Note that a trial will go on another time."""
        self.running.pop(fingerprint, None)

    def epoch(self, fingerprint: str, row: Mapping[str, float]) -> None:
        """Note one epoch of a trial."""
        self.running[fingerprint] = row
        self.spent[fingerprint] = self.spent.get(fingerprint, 0.0) + row["seconds"]
        self.alone += row["seconds"] / min(self.slots, self.trials)
        self._note_best(fingerprint, row["dev_f1"])

    def finish(self, fingerprint: str, dev_f1: float, epochs: int, seconds: float) -> None:
        """Note a finished trial."""
        self.running.pop(fingerprint, None)
        self.done[fingerprint] = seconds
        self._note_best(fingerprint, dev_f1)
        score = f"{self._split(fingerprint)} F1 {100 * dev_f1:5.1f}"
        self._say(f"{score} · {epochs} epochs · {clock(seconds)}", fingerprint)

    def stop(self, fingerprint: str, dev_f1: float, epochs: int, seconds: float) -> None:
        """Note a trial that was stopped early."""
        self.running.pop(fingerprint, None)
        self.stopped[fingerprint] = seconds
        self._say(f"dev F1 {100 * dev_f1:5.1f} · stopped after epoch {epochs}", fingerprint)

    def fail(self, fingerprint: str, reason: str) -> None:
        """Note a failed trial."""
        self.running.pop(fingerprint, None)
        self.failed.add(fingerprint)
        self._say(f"[red]failed[/red]: {escape(reason)}", fingerprint)

    def retry(self, fingerprint: str, error: str | None) -> None:
        """Note a trial that goes on after an error, or without one as its worker was lost."""
        row = self.running.get(fingerprint)
        where = f"after epoch {row['epoch']:.0f}" if row else "at its beginning"
        what = f"failed {where} ({error})" if error else f"lost its worker {where}"
        text = f"{self.names[fingerprint]}: {what}; goes on"
        self.console.print(text, highlight=False, markup=False)

    @property
    def trials(self) -> int:
        """Return how many trials there are in all."""
        return len(self.names) if self.planned is None else self.planned

    @property
    def ended(self) -> int:
        """Return how many trials have ended, however."""
        return len(self.done) + len(self.stopped) + len(self.failed)

    def _split(self, fingerprint: str) -> str:
        return self.splits.get(fingerprint, "dev")

    def _note_best(self, fingerprint: str, f1: float) -> None:
        """Remember the best on dev; what is chosen on another split is no match for it."""
        if self._split(fingerprint) == "dev":
            self.best = max(self.best, (f1, self.names[fingerprint]))

    def _say(self, text: str, fingerprint: str) -> None:
        """Print a line on a trial; the text is markup."""
        place = f"[{self.ended}/{self.trials}]"
        left = f" · {clock(seconds)} left" if (seconds := self.seconds_left()) else ""
        name = escape(self.names[fingerprint])
        self.console.print(f"{place:>9} {name}: {text}{left}", highlight=False)

    def seconds_left(self) -> float | None:
        """Estimate from the trials that ended; None before the first, or at the end."""
        left = self.trials - self.ended
        took = [*self.done.values(), *self.stopped.values()]
        if not took or not left:
            return None
        trial = sum(took) / len(took)
        spent = sum(min(trial, self.spent[running]) for running in self.running)
        return max(0.0, left * trial - spent) / self.slots

    def table(self) -> Table:
        """Return the live view."""
        table = Table.grid(padding=(0, 2))
        left = self.seconds_left()
        best = f"best dev F1 {100 * self.best[0]:.1f} ({escape(self.best[1])})"
        table.add_row(
            f"[bold]{len(self.done)}[/bold] done",
            f"[bold]{len(self.running)}[/bold] running",
            f"{self.trials - self.ended - len(self.running)} waiting",
            f"{len(self.stopped)} stopped early" if self.stopped else "",
            f"[red]{len(self.failed)} failed[/red]" if self.failed else "",
            best if self.best[1] else "",
            f"{clock(left)} left" if left else "",
        )
        for fingerprint, row in self.running.items():
            epoch = f"epoch {row['epoch']:.0f}/{self.max_epochs[fingerprint]}"
            f1 = f"{self._split(fingerprint)} F1 {100 * row['dev_f1']:.1f}"
            scores = f"{f1}  loss {row['train_loss']:.2f}"
            name = escape(self.names[fingerprint])
            table.add_row("", "", "", "", "", f"{name}  {epoch}  {scores}", "")
        return table
