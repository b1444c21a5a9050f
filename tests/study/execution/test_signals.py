"""SIGHUP: what a closed terminal does to a driver and to the processes that it starts."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from study.execution.signals import interrupt_on_hangup, kept_from_children

#: A driver that waits, and prints as it closes its study.
DRIVER = """
import signal, sys, time
from pathlib import Path
from study.execution.signals import interrupt_on_hangup

# Tests may run under nohup or in the background, where these are ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
interrupt_on_hangup()
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("run the same command to resume", flush=True)
    print("run the same command to resume", file=sys.stderr, flush=True)
    Path(sys.argv[1]).write_text("closed")
"""


@pytest.fixture
def interruptions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Collect the times that this process is interrupted; its handlers are put back."""
    seen: list[int] = []
    numbers = (signal.SIGHUP, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    yield seen
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_first_hangup_interrupts_and_others_do_not_end_the_process(
    interruptions: list[int],
) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    interrupt_on_hangup()
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGHUP)
    assert interruptions == [signal.SIGINT]


def test_an_ignored_hangup_stays_ignored(interruptions: list[int]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupt_on_hangup()
    os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    assert interruptions == []


def test_a_hangup_meanwhile_comes_once_and_children_do_not_get_it(
    interruptions: list[int],
) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    interrupt_on_hangup()
    with kept_from_children():
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.kill(os.getpid(), signal.SIGHUP)
    deadline = time.monotonic() + 10
    while not interruptions and time.monotonic() < deadline:
        time.sleep(0.01)
    assert interruptions == [signal.SIGINT]
    child.send_signal(signal.SIGHUP)
    assert child.communicate(b"alive")[0] == b"alive"
    assert child.returncode == 0


def test_a_driver_closes_its_study_when_its_terminal_is_gone(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    driver, terminal = pty.fork()
    if driver == 0:
        os.execv(sys.executable, [sys.executable, "-c", DRIVER, str(closed)])
    assert os.read(terminal, 5) == b"ready"
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(driver, 0)[1]) == 0
    assert closed.read_text() == "closed"
