"""SIGHUP, which a closed terminal sends: it ends a study as Ctrl-C does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def kept_from_children() -> Iterator[None]:
    """Block SIGHUP in the processes that this thread starts meanwhile.

    A closed terminal sends it to all of them. Without Ray, the trials could not save their state.
    This process itself gets it at once or afterwards: its other threads do not block it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def interrupt_on_hangup() -> None:
    """Let SIGHUP act like Ctrl-C, unless it is ignored, as under ``nohup``.

    A terminal may send it twice, but a second Ctrl-C would end the process at once: only the first
    is passed on. Output to a closed terminal is dropped without an error.
    """
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        return
    terminals = [stream for stream in (0, 1, 2) if os.isatty(stream)]
    interrupted = False

    def hang_up(_: int, __: FrameType | None) -> None:
        nonlocal interrupted
        for stream in terminals:
            if not os.isatty(stream):
                nowhere = os.open(os.devnull, os.O_RDWR)
                os.dup2(nowhere, stream)
                os.close(nowhere)
        if not interrupted:
            interrupted = True
            os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGHUP, hang_up)
