"""A server that sends a byte now and then holds up no study."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from mlflow.tracking import MlflowClient

from study.ledger.run import Run
from study.tracking.base import ExperimentSpec, TrackingError
from study.tracking.mlflow import deadline
from study.tracking.mlflow.deadline import Timed, open_client, within
from study.tracking.mlflow.sender import MlflowTracker
from tests.tracked import close, finish


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


def test_it_holds_up_no_start(
    dripping: str, monkeypatch: pytest.MonkeyPatch, tracked: ExperimentSpec
) -> None:
    monkeypatch.setattr(deadline, "SECONDS", 1.0)
    started = time.monotonic()
    with pytest.raises(TrackingError, match=f"^--tracking-uri {dripping}: no complete answer"):
        MlflowTracker(dripping, tracked)
    assert time.monotonic() - started < 10


def test_it_holds_up_no_end(
    dripping: str,
    monkeypatch: pytest.MonkeyPatch,
    opened: Callable[[], MlflowTracker],
    runs: dict[str, Run],
) -> None:
    monkeypatch.setattr(deadline, "SECONDS", 1.0)
    tracker = opened()
    tracker.remote.client = open_client(dripping)
    for run in runs.values():
        finish(run, 1)
        tracker.synchronize(run.fingerprint)
    started = time.monotonic()
    assert close(tracker, complete=True) == len(runs) + 1  # and the study's run
    assert time.monotonic() - started < 10


def test_answers_and_errors_are_those_of_the_call() -> None:
    empty: dict[str, int] = {}
    assert within(5, lambda: 3) == 3
    assert within(5, lambda: None) is None
    with pytest.raises(KeyError):
        within(5, lambda: empty["a"])


@pytest.mark.parametrize("name", ["log_artifact", "log_artifacts", "log_model_artifacts"])
def test_files_have_more_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "SECONDS", 0.05)

    class Slow(MlflowClient):  # type: ignore[misc]
        def __init__(self) -> None:
            pass

    def send(*_: object) -> str:
        time.sleep(0.3)
        return "sent"

    monkeypatch.setattr(Slow, name, send)
    assert getattr(Timed(Slow()), name)("to", "file") == "sent"
