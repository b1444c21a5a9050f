"""``--notify``: one JSON message at the end, which never holds a study for long."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from rich.console import Console

from study.commands import notify, start
from study.commands.context import Ended
from study.commands.main import parse
from study.commands.start import run_study

RECEIVED: list[tuple[str, dict[str, object]]] = []


class Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/slow":
            time.sleep(5)
        RECEIVED.append((self.path, json.loads(body)))
        self.send_response(404 if self.path == "/nowhere" else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Ended(0, ("a-demo",)), "complete"),
        (Ended(1, ("a-demo",)), "incomplete"),
        (Ended(130, ("a-demo",)), "interrupted"),
        (OSError("the disk is full"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_each_end_is_one_message(
    monkeypatch: pytest.MonkeyPatch, address: str, outcome: Ended | BaseException, state: str
) -> None:
    def ended(*_: object) -> Ended:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr(start, "_run_study", ended)
    RECEIVED.clear()
    options = parse(["--notify", f"{address}/hook?token=secret", "--seeds", "2"])
    if isinstance(outcome, Ended):
        run_study(options, Console())
    else:
        with pytest.raises(type(outcome)):
            run_study(options, Console())
    ((path, content),) = RECEIVED
    assert path == "/hook?token=secret"
    assert content["state"] == state
    assert content["command"] == "rin-study --space rounds_curve --data demo --seeds 2"
    assert isinstance(content["text"], str)


def test_a_message_that_is_not_sent_says_why_and_not_where(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    content = notify.message("complete", "rin-study", "done")
    assert notify.send(f"{address}/nowhere", content) == "status 404"
    assert "refused" in notify.send("http://127.0.0.1:9/secret", content)
    monkeypatch.setattr(notify, "TIMEOUT", 0.3)
    begun = time.monotonic()
    assert notify.send(f"{address}/slow", content) == "no answer in time"
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("error", [TimeoutError(), urllib.error.URLError(TimeoutError())])
def test_a_time_out_of_one_step_is_no_answer_in_time(
    monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def urlopen(_request: urllib.request.Request, timeout: float) -> None:
        raise error

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    assert notify.send("https://example.org/hook", {}) == "no answer in time"


def test_a_topic_of_ntfy_is_in_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    def urlopen(request: urllib.request.Request, timeout: float) -> None:
        assert isinstance(request.data, bytes)
        sent.append((request.full_url, json.loads(request.data)["topic"]))
        raise OSError("no network here")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    notify.send("https://ntfy.sh/mine", {"message": "done"})
    assert sent == [("https://ntfy.sh/", "mine")]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ntfy.sh/mine", "https://"])
def test_an_address_that_is_not_http_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="--notify: must be an address"):
        run_study(parse(["--notify", url]), Console())
