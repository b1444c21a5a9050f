"""A total time for each request to a server.

MLflow's own time-out is for the next byte: a server that sends one every few seconds never ends.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from mlflow.tracking import MlflowClient

SECONDS = 30.0
FILE_SECONDS = 600.0
"""For requests that send files."""
UPLOADS = ("log_artifact", "log_artifacts", "log_model_artifacts")

Answer = TypeVar("Answer")


class Timed:
    """A client whose every request ends in time.

    Args:
        client: Answers the requests.
    """

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        """Return a method of the client, limited; raises ``TimeoutError`` when it is called."""
        found = getattr(self._client, name)
        if not callable(found):
            return found
        seconds = FILE_SECONDS if name in UPLOADS else SECONDS

        @functools.wraps(found)
        def call(*args: Any, **kwargs: Any) -> Any:
            return within(seconds, lambda: found(*args, **kwargs))

        return call


def open_client(uri: str) -> MlflowClient:
    """Return MLflow's client; that of a server has a total time for each request."""
    client = MlflowClient(tracking_uri=uri)
    if not uri.startswith(("http://", "https://")):
        return client
    return cast("MlflowClient", Timed(client))


def within(seconds: float, call: Callable[[], Answer]) -> Answer:
    """Call a function in another thread; raise ``TimeoutError`` if it takes longer.

    The thread is left behind then. It does not keep the program from ending.
    """
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="mlflow request", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError(f"no complete answer within {seconds:g} s")
    return answers[0]
