"""The ledger sent to MLflow while a study runs, by one thread that nobody waits for.

A write costs tens of milliseconds, and a server may be slow or away. What is queued is therefore
only which unit has news; the records wait on disk, in the ledger, and are read when they are
sent. So a day without a server costs no memory, and a study started again sends the rest.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from rin_core.cli import without_credentials
from study.tracking.base import Planned, Tracked, TrackingError
from study.tracking.mlflow.client import LONGEST_NOTE, NOTE, Runs

BATCH_SECONDS = 2.0
LAST_TRIES = 3  # after the study's end
_GOES_ON = "training goes on, and what MLflow lacks waits in the ledger"


class Tracker:
    """Mirror an experiment's units into MLflow; see :class:`study.tracking.open.Tracking`.

    Args:
        uri: Tracking URI.
        tracked: What to show.

    Raises:
        TrackingError: The server or database cannot be used.
    """

    def __init__(self, uri: str, tracked: Tracked) -> None:
        self.planned, self.description = dict(tracked.planned), tracked.description
        self._news: dict[str, int | None] = {}  # the last epoch heard of; None is the end
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._failing: set[str] = set()
        try:
            self.runs = Runs(uri, tracked)
        except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
            missing = "install the driver, or name another, as in postgresql+psycopg2://…"
            raise TrackingError(
                f"--tracking-uri {without_credentials(uri)}: {_first_line(error)}; "
                f"{missing if isinstance(error, ImportError) else 'start the server'}, or leave "
                "the option out for a database in the output folder"
            ) from error
        self.page = f"#/experiments/{self.runs.experiment_id}/runs"
        self._thread = threading.Thread(target=self._send, name="mlflow", daemon=True)
        self._thread.start()

    def plan(self, planned: Planned) -> None:
        """Take on a unit, or what has become of it since; before anything is told of it."""
        self.planned[planned.run.fingerprint] = planned

    def epoch(self, fingerprint: str, epoch: int) -> None:
        """Send a unit's epochs up to this one, soon."""
        with self._lock:
            if self._news.get(fingerprint, 0) is not None:
                self._news[fingerprint] = epoch

    def settle(self, fingerprint: str) -> None:
        """Bring a unit's run in line with the ledger, soon: lacking epochs, result or failure."""
        with self._lock:
            self._news[fingerprint] = None

    def close(self, status: str, summary: Sequence[Path] = ()) -> int:
        """Wait until everything is sent, attach the study's files, and end its run.

        Returns:
            How many runs MLflow lacks something of. It is in the ledger, and the same
            study started again sends it.
        """
        self._closing.set()
        self._thread.join()
        try:
            self.runs.conclude(status, summary, self._summary(summary), self._best())
        except Exception as error:
            _say(f"the study's run: {_first_line(error)}")
            return len(self._news) + 1
        return len(self._news)

    def _summary(self, files: Sequence[Path]) -> dict[str, str]:
        done = sum(planned.result() is not None for planned in self.planned.values())
        return {NOTE: self._note(files), "trials": f"{done} of {len(self.planned)} finished"}

    def _note(self, summary: Sequence[Path]) -> str:
        """Return the description with as many sections of the study's page as MLflow takes."""
        note = self.description
        for page in (path.read_text() for path in summary if path.suffix == ".md"):
            # A picture's address is a file beside the page, which MLflow does not look for.
            text = re.sub(r"^!\[.*\n+", "", page, flags=re.MULTILINE)
            for section in re.split(r"^(?=## )", text, flags=re.MULTILINE):
                if len(note) + len(section) + 2 > LONGEST_NOTE:
                    return note
                note += f"\n\n{section.strip()}"
        return note

    def _best(self) -> Planned | None:
        """Return the trial with the best dev F1 of those that have weights.

        Where test chose the epoch, the score is of test and no match for those of dev.
        """
        scores = {
            name: result["dev"]["f1"]
            for name, planned in self.planned.items()
            if planned.selection == "dev"
            and (result := planned.result()) is not None
            and planned.run.weights.exists()
        }
        return self.planned[max(scores, key=lambda name: scores[name])] if scores else None

    def _send(self) -> None:
        """Let news gather for a moment, then send it; what fails is tried again."""
        while not self._closing.wait(BATCH_SECONDS):
            self._round()
        for tries in range(LAST_TRIES):
            time.sleep(tries)
            self._round()
            if not self._news:
                return

    def _round(self) -> None:
        """Send the news there is, up to the first failure: the server may be away for long."""
        with self._lock:
            news = list(self._news.items())
        for fingerprint, heard in news:
            try:
                self.runs.update(self.planned[fingerprint], heard)
            except Exception as error:  # training must not end because its display did
                self._postpone(fingerprint, error)
                return
            self._forget(fingerprint, heard)

    def _postpone(self, fingerprint: str, error: Exception) -> None:
        """Let others go first next time: it may be this one alone that cannot be sent."""
        with self._lock:
            self._news[fingerprint] = self._news.pop(fingerprint)
        if not self._failing:  # once, not every two seconds
            _say(f"{self.planned[fingerprint].name}: {_first_line(error)}; {_GOES_ON}")
        self._failing.add(fingerprint)

    def _forget(self, fingerprint: str, sent: int | None) -> None:
        with self._lock:
            if self._news[fingerprint] == sent:
                del self._news[fingerprint]
        if fingerprint in self._failing:
            self._failing.remove(fingerprint)
            if not self._failing:
                _say("it answers again, and has what it lacked")


def _say(what: str) -> None:
    logging.getLogger(__name__).warning("MLflow: %s", what)


def _first_line(error: BaseException) -> str:
    lines = without_credentials(str(error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__
