"""Servers on loopback for tests: MLflow's own, and one that stands between and misbehaves."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        return int(free.getsockname()[1])


class MlflowServer:
    """``mlflow server`` or ``ui`` over a database; may be killed and started again."""

    def __init__(self, database: str, artifacts: Path, kind: str = "server") -> None:
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.command = [sys.executable, "-m", "mlflow", kind, "--backend-store-uri", database]
        self.command += ["--artifacts-destination", str(artifacts), "--host", LOOPBACK]
        self.command += ["--port", str(self.port), "--workers", "1"]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # MLflow calls uvicorn by name: the environment must be activated.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.process = subprocess.Popen(
            self.command,
            env=os.environ | {"PATH": path, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for(self.answers, 120)

    def answers(self) -> bool:
        assert self.process is None or self.process.poll() is None, "the server ended"
        try:
            urllib.request.urlopen(f"{self.url}/health", timeout=5).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextlib.contextmanager
def mlflow_server(database: str, artifacts: Path, kind: str = "server") -> Iterator[MlflowServer]:
    server = MlflowServer(database, artifacts, kind)
    try:
        server.start()
        yield server
    finally:
        server.kill()


class Faulty(ThreadingHTTPServer):
    """Passes requests on; delays them, or does not pass the answer back."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__((LOOPBACK, 0), _Pass)
        self.to, self.delay, self.lose_every, self.lost = port, 0.0, 0, 0
        self.authorizations: set[str] = set()
        self._posts, self._lock = 0, threading.Lock()
        self.url = f"http://{LOOPBACK}:{self.server_address[1]}"

    def loses(self, method: str) -> bool:
        with self._lock:
            self._posts += method == "POST"
            lost = bool(self.lose_every) and method == "POST" and self._posts % self.lose_every == 0
            self.lost += lost
            return lost

    def handle_error(self, *_: Any) -> None:
        """A client that gave up is what this is for."""


class _Pass(BaseHTTPRequestHandler):
    server: Faulty

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.authorizations.add(self.headers.get("Authorization", ""))
        time.sleep(self.server.delay)
        upstream = http.client.HTTPConnection(LOOPBACK, self.server.to, timeout=60)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        if self.server.loses(self.command):
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name in ("Content-Type",):
            self.send_header(name, answer.headers.get(name, "text/plain"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def faulty(server: MlflowServer) -> Iterator[Faulty]:
    between = Faulty(server.port)
    thread = threading.Thread(target=between.serve_forever, daemon=True)
    thread.start()
    try:
        yield between
    finally:
        between.shutdown()
        between.server_close()


def wait_for(true: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
