"""An address at which something other than MLflow answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from study.tracking.base import ExperimentSpec, TrackingError
from study.tracking.mlflow.sender import MlflowTracker


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """A server that gives one answer to all requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PATCH = do_POST  # names that http.server calls

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Welcome</html>",
        b"[1]",
        b"null",
        b'"x"',
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"experiment": {"experiment_id": ' + b"9" * 5000 + b"}}",
        b'{"experiment": 5}',
        b'{"experiment": {"experiment_id": [], "name": 3}}',
    ],
    ids=lambda body: body[:24].decode(),
)
def test_it_is_one_line_that_asks_for_the_address(body: bytes, tracked: ExperimentSpec) -> None:
    with answering(body) as uri, pytest.raises(TrackingError) as raised:
        MlflowTracker(uri, tracked)
    text = str(raised.value)
    assert text.startswith(f"--tracking-uri {uri}: ")
    assert "; check the address, and that an MLflow server runs there, or omit" in text
    assert "\n" not in text
