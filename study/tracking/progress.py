"""Progress on the screen: trials finished, running and waiting, the best so far, the time left."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from rin_core.plural import plural
from study.ledger.state import TrialState
from study.tracking.base import Callback, EpochEnd, RunSpec, TrialEnd


def format_duration(seconds: float) -> str:
    """Return a duration as people say it: ``42 s``, ``7 min``, ``3 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass(slots=True)
class Progress(Callback):
    """A live table in a terminal; elsewhere one plain line for each trial that ends.

    Args:
        console: Where to write.
        total: How many trials this session has to run.
    """

    console: Console
    total: int
    slots: int = 1
    """Trials that fit at once."""
    runs: dict[str, RunSpec] = field(default_factory=dict)
    """Started trials by fingerprint."""
    running: dict[str, EpochEnd | None] = field(default_factory=dict)
    """The last epoch of each running trial."""
    spent: dict[str, float] = field(default_factory=dict)
    """Seconds of training of each trial in this session."""
    ended: dict[str, TrialEnd] = field(default_factory=dict)
    compute_seconds: float = 0.0
    """Seconds of all epochs divided by the slots in use: the least time that the study takes."""
    best: tuple[float, str] = (0.0, "")
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

    def on_trial_start(self, spec: RunSpec) -> None:
        """Show a trial as running."""
        self.runs[spec.fingerprint] = spec
        self.running.setdefault(spec.fingerprint, None)

    def on_capacity(self, slots: int) -> None:
        """Take the number of slots, and say when none is left."""
        if slots < 1 and self._had_room:
            self.console.print("no node has room for a trial now: trials wait", highlight=False)
        self._had_room = slots > 0
        self.slots = max(1, slots)

    def on_epoch(self, event: EpochEnd) -> None:
        """Show an epoch."""
        name = event.fingerprint
        self.running[name] = event
        self.spent[name] = self.spent.get(name, 0.0) + event.seconds
        self.compute_seconds += event.seconds / min(self.slots, self.total)
        self._update_best(name, event.f1)

    def on_trial_retry(self, fingerprint: str, error: str | None) -> None:
        """Print why a trial restarts."""
        last = self.running.get(fingerprint)
        where = f"after epoch {last.epoch}" if last else "before its first epoch"
        what = f"failed {where} ({error})" if error else f"lost its worker {where}"
        text = f"{self.runs[fingerprint].name}: {what}; resuming"
        self.console.print(text, highlight=False, markup=False)

    def on_trial_end(self, event: TrialEnd) -> None:
        """Print how a trial ended. A trial without an end or a reason was interrupted."""
        self.running.pop(event.fingerprint, None)
        if event.state is TrialState.RUNNING and not event.reason:
            return
        self.ended[event.fingerprint] = event
        score = f"{self.runs[event.fingerprint].selection} F1 {100 * event.f1:5.1f}"
        match event.state:
            case TrialState.FINISHED:
                self._update_best(event.fingerprint, event.f1)
                text = (
                    f"{score} · {plural(event.epochs, 'epoch')} · {format_duration(event.seconds)}"
                )
                text += f" · [yellow]{event.caveat}[/yellow]" if event.caveat else ""
            case TrialState.PRUNED:
                text = f"{score} · pruned after epoch {event.epochs}"
            case _:
                text = f"[red]failed[/red]: {escape(event.reason)}"
        place = f"[{len(self.ended)}/{self.total}]"
        left = self.seconds_left()
        remaining = "" if left is None else f" · {format_duration(left)} left"
        name = escape(self.runs[event.fingerprint].name)
        self.console.print(f"{place:>9} {name}: {text}{remaining}", highlight=False)

    def on_interrupt(self) -> None:
        """Print at once that the study stops: the trials need some seconds."""
        waiting = f"waiting for the checkpoints of {plural(len(self.running), 'running trial')}"
        text = f"stopping: {waiting}; press Ctrl-C again to stop now"
        self.console.print(text, highlight=False, markup=False)

    def _update_best(self, fingerprint: str, f1: float) -> None:
        """Keep the best dev F1; an F1 on another split cannot be compared with it."""
        run = self.runs[fingerprint]
        if run.selection == "dev" and f1 > 0:
            self.best = max(self.best, (f1, run.name))

    def seconds_left(self) -> float | None:
        """Estimate the time left from the trials that ended; None without any, and at the end."""
        waiting = self.total - len(self.ended)
        ends = (TrialState.FINISHED, TrialState.PRUNED)
        took = [end.seconds for end in self.ended.values() if end.state in ends]
        if not took or not waiting:
            return None
        mean = sum(took) / len(took)
        spent = sum(min(mean, self.spent.get(name, 0.0)) for name in self.running)
        return max(0.0, waiting * mean - spent) / self.slots

    def table(self) -> Table:
        """Return the live table."""
        states = [end.state for end in self.ended.values()]
        finished, pruned = states.count(TrialState.FINISHED), states.count(TrialState.PRUNED)
        failed = len(states) - finished - pruned
        left = self.seconds_left()
        table = Table.grid(padding=(0, 2))
        table.add_row(
            f"[bold]{finished}[/bold] finished",
            f"[bold]{len(self.running)}[/bold] running",
            f"{self.total - len(states) - len(self.running)} waiting",
            f"{pruned} pruned" if pruned else "",
            f"[red]{failed} failed[/red]" if failed else "",
            f"best dev F1 {100 * self.best[0]:.1f} ({escape(self.best[1])})"
            if self.best[1]
            else "",
            f"{format_duration(left)} left" if left else "",
        )
        for name, last in self.running.items():
            run = self.runs[name]
            text = f"{escape(run.name)}  starting"
            if last is not None:
                score = f"{run.selection} F1 {100 * last.f1:.1f}  loss {last.train_loss:.2f}"
                text = f"{escape(run.name)}  epoch {last.epoch}/{run.max_epochs}  {score}"
            table.add_row("", "", "", "", "", text, "")
        return table
