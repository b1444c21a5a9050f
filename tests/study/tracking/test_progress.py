"""What the screen shows of running trials: the live table, and a line for each end."""

import io
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rin_core.durations import format_duration
from study.ledger.run import Run
from study.ledger.state import Caveat, TrialState
from study.tracking.base import EpochEnd, RunSpec, TrialEnd
from study.tracking.progress import Progress
from tests.commands import printed


def started(progress: Progress, fingerprint: str, name: str = "", selection: str = "dev") -> None:
    progress.on_trial_start(
        RunSpec(
            run=Run(Path(fingerprint)),
            experiment="some",
            name=name or f"arm {fingerprint}",
            params={},
            tags={},
            max_epochs=9,
            selection=selection,
        )
    )


@pytest.fixture
def progress() -> Progress:
    """Four trials, two of which fit at once; all have started."""
    progress = Progress(Console(file=io.StringIO(), width=120), total=4)
    progress.on_capacity(2)
    return progress


def epoch(progress: Progress, fingerprint: str, f1: float, seconds: float) -> None:
    if fingerprint not in progress.runs:
        started(progress, fingerprint)
    progress.on_epoch(
        EpochEnd(fingerprint=fingerprint, epoch=1, train_loss=1.0, f1=f1, seconds=seconds)
    )


def end(
    progress: Progress, fingerprint: str, state: str, seconds: float = 0.0, **more: Any
) -> None:
    if fingerprint not in progress.runs:
        started(progress, fingerprint)
    more = {"f1": 0.5, "epochs": 3, **more}
    progress.on_trial_end(
        TrialEnd(fingerprint=fingerprint, state=TrialState(state), seconds=seconds, **more)
    )


def shown(progress: Progress) -> str:
    return printed(progress.console)


def drawn(progress: Progress) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(progress.table())
    return printed(console)


def test_time_left_counts_what_running_trials_have_behind_them(progress: Progress) -> None:
    assert progress.seconds_left() is None
    epoch(progress, "a", 0.7, 20.0)
    assert progress.seconds_left() == (8 + 3 * 9) * 20 / 2, "to the limit of 9 epochs"
    epoch(progress, "b", 0.6, 20.0)
    assert progress.seconds_left() == (8 + 8 + 2 * 9) * 20 / 2
    end(progress, "a", "finished", epochs=3)
    assert progress.seconds_left() == (2 + 2 * 3) * 20 / 2, "as many epochs as the one that ended"
    assert progress.best == (0.7, "arm a")


def test_a_log_gets_the_time_left_once_if_no_trial_ends_in_the_first_minute(
    progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch(progress, "a", 0.5, 30.0)
    assert shown(progress) == ""
    now = time.monotonic()
    monkeypatch.setattr("study.tracking.progress.time.monotonic", lambda: now + 61)
    epoch(progress, "a", 0.5, 30.0)
    epoch(progress, "a", 0.5, 30.0)
    assert shown(progress) == f"{format_duration((8 + 3 * 9) * 30 / 2)} left, by the first epochs\n"


def test_compute_seconds_are_spread_over_slots_that_have_work(progress: Progress) -> None:
    for trial, seconds in {"a": 60.0, "b": 20.0, "c": 20.0}.items():
        epoch(progress, trial, 0.5, seconds)
    assert progress.compute_seconds == 100 / 2
    progress.on_capacity(16)
    epoch(progress, "d", 0.5, 20.0)
    assert progress.compute_seconds == 100 / 2 + 20 / 4, "four of 16 slots have a trial"


def test_capacity_changes_the_time_left_and_no_room_is_reported_once(progress: Progress) -> None:
    epoch(progress, "a", 0.5, 20.0)
    end(progress, "a", "finished", epochs=3)
    for slots, seconds in ((1, 180), (3, 60), (0, 180), (0, 180)):
        progress.on_capacity(slots)
        assert progress.seconds_left() == seconds
    assert shown(progress).count("no node has enough resources") == 1


def test_no_room_at_the_start_is_not_reported_twice() -> None:
    progress = Progress(Console(file=io.StringIO()), total=1)
    progress.on_capacity(0)  # the session has said so already
    assert shown(progress) == ""


def test_each_end_is_a_line(progress: Progress) -> None:
    end(progress, "a", "finished", 60.0)
    end(progress, "b", "failed", reason="the training loss is nan")
    end(progress, "c", "pruned", 10.0, epochs=1)
    end(progress, "d", "running", reason="its worker died")
    lines = shown(progress).splitlines()
    assert "[1/4] arm a: dev F1  50.0 · 3 epochs · 60 s" in lines[0]
    assert "[2/4] arm b: failed: the training loss is nan" in lines[1]
    assert "[3/4] arm c: dev F1  50.0 · pruned after epoch 1" in lines[2]
    assert "[4/4] arm d: failed: its worker died" in lines[3]
    assert "1 finished" in drawn(progress)
    assert "1 pruned · 2 failed" in drawn(progress)


def test_an_interrupted_trial_is_not_counted(progress: Progress) -> None:
    epoch(progress, "a", 0.4, 10.0)
    end(progress, "a", "running")
    assert (progress.running, progress.ended, shown(progress)) == ({}, {}, "")


def test_names_and_reasons_are_not_read_as_markup(progress: Progress) -> None:
    started(progress, "a", "arm [/a]")
    assert "arm [/a]" in drawn(progress)
    epoch(progress, "a", 0.5, 1.0)
    progress.on_trial_retry("a", None)
    assert "best dev F1 50.0: arm [/a]" in drawn(progress)
    assert "1/9" in drawn(progress)
    end(progress, "a", "failed", reason="cannot open [/tmp/x]")
    assert "arm [/a]: lost its worker" in shown(progress)
    assert "arm [/a]: failed: cannot open [/tmp/x]" in shown(progress)


def test_an_f1_on_test_is_not_compared_with_dev(progress: Progress) -> None:
    started(progress, "a", selection="test")
    epoch(progress, "a", 0.9, 1.0)
    epoch(progress, "b", 0.5, 1.0)
    assert "test 90.0" in drawn(progress)
    assert "dev F1 50.0" in drawn(progress)
    end(progress, "a", "finished", f1=0.9)
    assert "test F1  90.0" in shown(progress)
    assert progress.best[0] == 0.5


def test_a_caveat_follows_the_score(progress: Progress) -> None:
    epoch(progress, "a", 0.0, 1.0)
    end(progress, "a", "finished", f1=0.0, caveat=Caveat.NOTHING_LEARNED)
    assert "dev F1   0.0 · 3 epochs · 0 s · nothing learned" in shown(progress)
    assert progress.best == (0.0, ""), "what learned nothing is not the best"
    assert "best dev F1" not in drawn(progress)


def test_a_retry_says_what_failed_and_where(progress: Progress) -> None:
    started(progress, "a")
    progress.on_trial_retry("a", None)
    epoch(progress, "a", 0.7, 20.0)
    progress.on_trial_retry("a", None)
    progress.on_trial_retry("a", "OSError: disk [full]")
    assert shown(progress).splitlines() == [
        "arm a: lost its worker before its first epoch; resuming",
        "arm a: lost its worker after epoch 1; resuming",
        "arm a: failed after epoch 1 (OSError: disk [full]); resuming",
    ]


def test_no_line_of_the_live_table_is_wider_than_the_terminal() -> None:
    progress = Progress(Console(file=io.StringIO(), width=80), total=12)
    progress.on_capacity(2)
    long = "RIN without the relation task's input and with a linear update · webnlg_star · seed 11"
    for fingerprint in "abc":
        started(progress, fingerprint, f"{fingerprint} {long}")
        epoch(progress, fingerprint, 0.876, 40_000.0)
    end(progress, "a", "finished", 4000.0)
    console = Console(file=io.StringIO(), width=80)
    console.print(progress.table())
    lines = printed(console).splitlines()
    assert len(lines) == 4, "two running trials, the counts and the best"
    assert max(map(len, lines)) <= 80
    for text in ("1/9", "dev 87.6", "loss 1", "0:00"):
        assert text in lines[0], "the name is cut, and not the numbers"
    assert all("seed 11" in line for line in (*lines[:2], lines[3])), "cut in the middle"


def test_earlier_sessions_count_for_the_best_and_for_the_time_left() -> None:
    progress = Progress(
        Console(file=io.StringIO(), width=120),
        total=4,
        best=(0.895, "k-0 #16"),
        earlier=[(2, 10.0), (6, 30.0)],
    )
    progress.on_capacity(2)
    assert progress.seconds_left() == 4 * 4 * 5 / 2, "four trials of 4 epochs of 5 s"
    epoch(progress, "a", 0.3, 3.0)
    assert progress.seconds_left() == (3 * 4 + 3) * 3 / 2, "an epoch takes as long as now"
    assert "best dev F1 89.5: k-0 #16" in drawn(progress)


def test_a_trial_may_start_while_another_thread_draws_the_table(
    progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = iter(range(9))

    def bar(*_: int) -> str:
        """Start a trial in the middle of the drawing, as the driver's thread may."""
        started(progress, f"new {next(names)}")
        return ""

    started(progress, "a")
    started(progress, "b")
    monkeypatch.setattr("study.tracking.progress._bar", bar)
    text = drawn(progress)
    assert "arm a" in text
    assert "arm b" in text
    assert "arm new 0" in drawn(progress)
