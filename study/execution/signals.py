"""Signals and threads: what ends a study, and what must not."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any] | int | None


def set_handler(number: int, handler: Handler) -> None:
    """Handle a signal, if this is the main thread.

    Python allows no other thread to do so. A study in another thread, as a server starts it, gets
    no signals: they belong to the program that started it.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(number, handler)


def in_lasting_thread(call: Callable[[], object]) -> None:
    """Call a function in a thread that lasts as long as this process: the main thread is one.

    What the function raises is raised here.
    """
    if threading.current_thread() is threading.main_thread():
        call()
        return
    called: Future[object] = Future()

    def work() -> None:
        try:
            called.set_result(call())
        except BaseException as error:  # a SystemExit, too, is for the caller
            called.set_exception(error)
        threading.Event().wait()

    threading.Thread(target=work, name="parent of Ray", daemon=True).start()
    called.result()


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

    set_handler(signal.SIGHUP, hang_up)
