"""A server that sends a byte now and then holds up no study."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from study.tracking.mlflow import deadline
from study.tracking.mlflow.deadline import open_client, within


class Dripping(socketserver.StreamRequestHandler):
    """Answers with a header that never ends."""

    def handle(self) -> None:
        with suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
            for _ in range(600):
                self.wfile.write(b" ")
                time.sleep(0.1)


@pytest.fixture
def dripping() -> Iterator[str]:
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Dripping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_request_has_a_total_time(dripping: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "SECONDS", 1.0)
    client, started = open_client(dripping), time.monotonic()
    with pytest.raises(TimeoutError):
        client.get_experiment_by_name("curve")
    assert time.monotonic() - started < 10


def test_answers_and_errors_are_those_of_the_call() -> None:
    assert within(5, lambda: 3) == 3
    assert within(5, lambda: None) is None
    with pytest.raises(KeyError):
        within(5, lambda: {}["a"])
