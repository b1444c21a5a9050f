"""Whether a person, or a batch system, has asked for a stop while Ray ran trials.

Ray Tune answers Ctrl-C with a handler of its own: it ends its trials, returns as if all were done
and, without a signal, leaves the handler behind, where it swallows the next Ctrl-C.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

#: What ends Ray's trials early: Ctrl-C, SIGTERM in its guise, and what Ray itself listens for.
ASKED = (signal.SIGINT, signal.SIGUSR1)


@dataclass(slots=True)
class Interruption:
    """Whether there was one; known once the trials have ended."""

    happened: bool = False


@contextmanager
def watched() -> Iterator[Interruption]:
    """Watch for a signal that ends trials early, whoever handles it, and put handlers back.

    Python writes the number of a signal to a file before any handler of it runs.
    """
    seen = Interruption()
    handlers = {number: signal.getsignal(number) for number in ASKED}
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield seen
        finally:
            signal.set_wakeup_fd(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            with suppress(BlockingIOError):
                seen.happened = not set(ASKED).isdisjoint(reader.recv(4096))
