import io

import pytest
from rich.console import Console

from study.tracking.progress import Progress, clock


@pytest.fixture
def progress() -> Progress:
    names = {name: f"arm {name}" for name in "abcd"}
    console = Console(file=io.StringIO(), width=120)
    return Progress(console, names, dict.fromkeys(names, 9), slots=2)


def row(dev_f1: float, seconds: float) -> dict[str, float]:
    return {"epoch": 1, "dev_f1": dev_f1, "train_loss": 1.0, "seconds": seconds}


def test_time_left_counts_what_running_trials_have_behind_them(progress):
    assert progress.seconds_left() is None
    progress.finish("a", dev_f1=0.5, epochs=3, seconds=60.0)
    assert progress.seconds_left() == 3 * 60 / 2
    progress.epoch("b", row(0.7, 20.0))
    progress.epoch("b", row(0.6, 20.0))
    assert progress.seconds_left() == (3 * 60 - 40) / 2
    assert progress.best == (0.7, "arm b")


def test_epochs_alone_are_spread_over_slots_that_have_work(progress):
    for trial, seconds in {"a": 60.0, "b": 20.0, "c": 20.0}.items():
        progress.epoch(trial, row(0.5, seconds))
    assert progress.alone == 100 / 2
    progress.fits(16)
    progress.epoch("d", row(0.5, 20.0))
    assert progress.alone == 100 / 2 + 20 / 4, "of 16 slots four have a trial"


def test_nodes_that_come_and_go_change_the_time_left_and_none_is_told_once(progress):
    progress.fits(0)  # as was said before anything began
    assert progress.console.file.getvalue() == ""
    progress.finish("a", dev_f1=0.5, epochs=3, seconds=60.0)
    for slots, seconds in ((1, 180), (3, 60), (0, 180), (0, 180)):
        progress.fits(slots)
        assert progress.seconds_left() == seconds
    assert progress.console.file.getvalue().count("no node has room for a trial now") == 1


def test_each_end_is_a_line(progress):
    progress.finish("a", dev_f1=0.5, epochs=3, seconds=60.0)
    progress.fail("b", "the training loss is nan")
    lines = progress.console.file.getvalue().splitlines()
    assert "[1/4] arm a: dev F1  50.0 · 3 epochs · 60 s" in lines[0]
    assert "[2/4] arm b: failed: the training loss is nan" in lines[1]


def test_what_comes_from_outside_is_no_markup(progress):
    progress.names["a"] = "arm [/a]"
    progress.epoch("a", row(0.5, 1.0))
    progress.retry("a", None)
    drawn = Console(file=io.StringIO(), width=200)
    drawn.print(progress.table())
    assert "best dev F1 50.0 (arm [/a])" in drawn.file.getvalue()
    assert "arm [/a]  epoch 1/9" in drawn.file.getvalue()
    progress.fail("a", "cannot open [/tmp/x]")
    shown = progress.console.file.getvalue()
    assert "arm [/a]: lost its worker" in shown
    assert "arm [/a]: failed: cannot open [/tmp/x]" in shown


def test_what_is_chosen_on_test_is_no_match_for_dev(progress):
    progress.splits = {"a": "test"}
    progress.epoch("a", row(0.9, 1.0))
    progress.epoch("b", row(0.5, 1.0))
    drawn = Console(file=io.StringIO(), width=200)
    drawn.print(progress.table())
    assert "test F1 90.0" in drawn.file.getvalue()
    assert "dev F1 50.0" in drawn.file.getvalue()
    progress.finish("a", 0.9, 1, 1.0)
    assert "test F1  90.0" in progress.console.file.getvalue()
    assert progress.best[0] == 0.5


def test_a_lost_worker_is_told(progress):
    progress.retry("a", None)
    progress.epoch("a", row(0.7, 20.0))
    progress.retry("a", None)
    progress.retry("a", "OSError: disk [full]")
    lines = progress.console.file.getvalue().splitlines()
    assert lines[0] == "arm a: lost its worker at its beginning; goes on"
    assert lines[1] == "arm a: lost its worker after epoch 1; goes on"
    assert lines[2] == "arm a: failed after epoch 1 (OSError: disk [full]); goes on"


def test_a_search_names_its_trials_as_they_begin():
    progress = Progress(Console(file=io.StringIO(), width=120), {}, {}, slots=2, planned=4)
    for name in "ab":
        progress.begin(name, f"arm {name}", 9)
        progress.epoch(name, row(0.4, 10.0))
    progress.stop("a", dev_f1=0.4, epochs=1, seconds=10.0)
    assert "[1/4] arm a: dev F1  40.0 · stopped after epoch 1" in progress.console.file.getvalue()
    assert progress.seconds_left() == (3 * 10 - 10) / 2
    progress.interrupt("b")
    assert not progress.running
    assert progress.seconds_left() == 3 * 10 / 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(42, "42 s"), (420, "7 min"), (11_100, "3 h 05 min")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text
