"""Progress on the screen: trials finished, running and waiting, the best so far, the time left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from rin_core.durations import format_clock, format_duration
from rin_core.plural import plural
from rin_core.terminal import shortened
from study.ledger.state import ENDED_WITHOUT_ERROR, TrialState
from study.tracking.base import Callback, EpochEnd, RunSpec, TrialEnd
from study.tracking.time_left import TimeLeft


@dataclass(slots=True)
class Progress(Callback):
    """A live table in a terminal; elsewhere one plain line for each trial that ends.

    Rich draws the table in a thread of its own, while the driver changes the dictionaries. What
    draws therefore reads copies: ``dict()`` and ``list()`` copy in one step.

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
    ended: dict[str, TrialEnd] = field(default_factory=dict)
    compute_seconds: float = 0.0
    """Seconds of all epochs divided by the slots in use: the least time that the study takes."""
    best: tuple[float, str] = (0.0, "")
    """The best dev F1 of the whole study, those of earlier sessions included, and its trial."""
    earlier: Sequence[tuple[int, float]] = ()
    """Epochs and seconds of the study's trials that ended in earlier sessions."""
    _time_left: TimeLeft = field(init=False)
    _said_time_left: bool = False
    _begun: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)
    _live: Live | None = None
    _had_room: bool = False

    def __post_init__(self) -> None:
        self._time_left = TimeLeft(self.earlier)

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self._live = Live(
                console=self.console,
                get_renderable=self.table,
                refresh_per_second=2,
                vertical_overflow="crop",
            )
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def on_trial_start(self, spec: RunSpec) -> None:
        """Show a trial as running."""
        self.runs[spec.fingerprint] = spec
        self._begun.setdefault(spec.fingerprint, time.monotonic())
        self.running.setdefault(spec.fingerprint, None)

    def on_capacity(self, slots: int) -> None:
        """Take the number of slots, and say when none is left."""
        if slots < 1 and self._had_room:
            self._say("no node has enough resources for a trial now: trials wait")
        self._had_room = slots > 0
        self.slots = max(1, slots)

    def on_epoch(self, event: EpochEnd) -> None:
        """Show an epoch."""
        name = event.fingerprint
        self.running[name] = event
        self._time_left.add_epoch(name, event.seconds)
        self.compute_seconds += event.seconds / min(self.slots, self.total)
        self._update_best(name, event.f1)
        if self._live is None and not self._said_time_left:
            self._say_time_left()

    def _say_time_left(self) -> None:
        """Print the time left, once, if no trial ends within the first minute."""
        left = self.seconds_left()
        if time.monotonic() - self._since < 60 or left is None:
            return
        self._said_time_left = True
        if not self.ended:
            self._say(f"{format_duration(left)} left, by the first epochs")

    def on_trial_retry(self, fingerprint: str, error: str | None) -> None:
        """Print why a trial restarts."""
        last = self.running.get(fingerprint)
        where = f"after epoch {last.epoch}" if last else "before its first epoch"
        what = f"failed {where} ({error})" if error else f"lost its worker {where}"
        text = f"{self.runs[fingerprint].name}: {what}; resuming"
        self._say(escape(text))

    def on_trial_end(self, event: TrialEnd) -> None:
        """Print how a trial ended. A trial without an end or a reason was interrupted."""
        self.running.pop(event.fingerprint, None)
        if event.state is TrialState.RUNNING and not event.reason:
            return
        self.ended[event.fingerprint] = event
        if event.state in ENDED_WITHOUT_ERROR:
            self._time_left.add_end(event.epochs)
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
        left = None if self._live else self.seconds_left()  # the live table has it
        remaining = "" if left is None else f" · {format_duration(left)} left"
        run = self.runs[event.fingerprint]
        name = escape(self._short(run) if self._live else run.name)
        self._say(f"{escape(f'{place:>9}')} {name}: {text}{remaining}")

    def on_interrupt(self) -> None:
        """Print at once that the study stops: the trials need some seconds."""
        waiting = f"waiting for the checkpoints of {plural(len(self.running), 'running trial')}"
        text = f"stopping: {waiting}; press Ctrl-C again to stop now"
        self._say(text)

    def _say(self, text: str) -> None:
        """Print markup; a terminal gets lines of its width, and words that are wider whole."""
        whole = not self.console.is_terminal
        self.console.print(text, highlight=False, overflow="ignore", crop=False, soft_wrap=whole)

    def _update_best(self, fingerprint: str, f1: float) -> None:
        """Keep the best dev F1; an F1 on another split cannot be compared with it."""
        run = self.runs[fingerprint]
        if run.selection == "dev" and f1 > 0:
            self.best = max(self.best, (f1, run.name))

    def seconds_left(self) -> float | None:
        """Estimate the time left; None before the first epoch, and at the end."""
        waiting = self.total - len(self.ended)
        if not waiting:
            return None
        done = {name: last.epoch if last else 0 for name, last in dict(self.running).items()}
        limits = [spec.max_epochs for spec in list(self.runs.values())]
        limit = sum(limits) / max(1, len(limits))
        seconds = self._time_left.seconds(max(0, waiting - len(done)), limit, done)
        return None if seconds is None else seconds / self.slots

    def table(self) -> RenderableType:
        """Return the live table: a line for each running trial, then the counts and the best.

        No line is wider than the terminal; names are cut first, in the middle.
        """
        grid = Table.grid(padding=(0, 2, 0, 0))
        beside = 52  # characters of the other columns
        width = max(12, self.console.width - beside)
        grid.add_column(no_wrap=True, max_width=width)
        for _ in range(5):
            grid.add_column(no_wrap=True, justify="right")
        now = time.monotonic()
        for name, last in dict(self.running).items():
            run, elapsed = self.runs[name], format_clock(now - self._begun.get(name, now))
            epoch, cells = 0, ("starting", "", "")
            if last is not None:
                score = f"{run.selection} {100 * last.f1:.1f}"
                epoch = last.epoch
                cells = (f"{epoch}/{run.max_epochs}", score, f"loss {last.train_loss:.3g}")
            bar = _bar(epoch, run.max_epochs)
            grid.add_row(escape(shortened(self._short(run), width)), bar, *cells, elapsed)
        lines = [Text(self._counts(now), no_wrap=True, overflow="ellipsis")]
        if self.best[1]:
            best = f"best dev F1 {100 * self.best[0]:.1f}: {self.best[1]}"
            text = shortened(best, self.console.width)
            lines.append(Text(text, style="bold", no_wrap=True))
        return Group(grid, *lines)

    def _counts(self, now: float) -> str:
        states = [end.state for end in list(self.ended.values())]
        counts = {
            "finished": states.count(TrialState.FINISHED),
            "pruned": states.count(TrialState.PRUNED),
            "running": len(self.running),
        }
        counts["waiting"] = self.total - len(states) - len(self.running)
        counts["failed"] = len(states) - counts["finished"] - counts["pruned"]
        parts = [f"{count} {state}" for state, count in counts.items() if count]
        parts.append(f"{format_clock(now - self._since)} elapsed")
        left = self.seconds_left()
        return " · ".join([*parts, f"about {format_duration(left)} left"] if left else parts)

    def _short(self, run: RunSpec) -> str:
        """Return a trial's name, without the corpus if all trials have the same."""
        corpora = {spec.tags.get("corpus", "") for spec in list(self.runs.values())}
        return run.name.replace(f" · {min(corpora)} · ", " · ") if len(corpora) == 1 else run.name


def _bar(epoch: int, epochs: int) -> str:
    """Return a bar of ten cells that shows how many of the epochs are done."""
    full = round(10 * epoch / epochs)
    return "━" * full + "╌" * (10 - full)
