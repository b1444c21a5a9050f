"""Sends the ledger to MLflow while a study runs, in a thread that nothing waits for.

A write takes tens of milliseconds, and a server may be slow or away. So only the fingerprints of
runs with news are queued. The records stay in the ledger and are read when they are sent: a day
without a server costs no memory, and the next start of the study sends the rest.
"""

from __future__ import annotations

import dataclasses
import logging
import re
import shlex
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from reports.frames.scores import AVERAGED, endpoint_of
from rin_core.cli import without_credentials
from rin_core.problems import first_line
from study.ledger.command import local_program, short_path, sync_command
from study.ledger.databases import MLFLOW, explanation, sqlite_path, sqlite_uri
from study.ledger.state import Caveat, TrialState
from study.tracking.base import (
    EpochEnd,
    ExperimentSpec,
    RunSpec,
    StudyEnd,
    Tracker,
    TrackingError,
    TrialEnd,
)
from study.tracking.mlflow.client import MlflowRuns
from study.tracking.mlflow.model import StudyModel
from study.tracking.mlflow.names import NOTE
from study.tracking.mlflow.view import QUERY
from study.tracking.open import SERVERS, is_database

BATCH_SECONDS = 2.0
LAST_TRIES = 3  # after the end of the study
LONGEST_NOTE = 8000  # characters of a tag, MLflow's own limit


class MlflowTracker(Tracker):
    """Mirrors an experiment's runs into MLflow.

    Args:
        uri: Tracking URI.
        experiment: What to show. Runs that the ledger knows are brought up to date.

    Raises:
        TrackingError: The server or database cannot be used.
    """

    def __init__(self, uri: str, experiment: ExperimentSpec) -> None:
        super().__init__(uri, experiment)
        self._started: set[str] = set()
        self._news: dict[str, int | None] = {}
        """The last epoch to send of each run; None sends everything and ends the run."""
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._failing: set[str] = set()
        self._timed_out = False
        """The last request took longer than its time: at the end it is not tried again."""
        try:
            self.remote = MlflowRuns(uri, experiment)
        except Exception as error:  # of MLflow, Alembic, SQLAlchemy, and of an answer of any form
            remedy = _proxy_remedy(uri) or _remedy(uri)
            if isinstance(error, ImportError):
                remedy = "install the driver, or name another, as in postgresql+psycopg2://…"
            path = sqlite_path(uri)
            if path is not None and (line := explanation(path, error)) is not None:
                raise TrackingError(line) from error
            if path is not None and path.name == MLFLOW and path.is_file():  # nobody named it
                raise TrackingError(
                    f"{path}: {_reason(error)}; the ledger has all of its content: "
                    f"`{sync_command(path.parent)}` renames it and rebuilds it"
                ) from error
            raise TrackingError(
                f"--tracking-uri {without_credentials(uri)}: {_reason(error)}; {remedy}, "
                "or omit the option to use a database in the output folder"
            ) from error
        for spec in experiment.runs.values():
            if spec.run.history():
                self.synchronize(spec.fingerprint)
        self._thread = threading.Thread(target=self._send, name="mlflow", daemon=True)
        self._thread.start()

    def on_trial_start(self, spec: RunSpec) -> None:
        """Take a run of this experiment."""
        super().on_trial_start(spec)
        if spec.fingerprint in self.runs:
            self._started.add(spec.fingerprint)

    def on_epoch(self, event: EpochEnd) -> None:
        """Send a run's epochs up to this one, soon."""
        if event.fingerprint not in self.runs:
            return
        with self._lock:
            if self._news.get(event.fingerprint, 0) is not None:
                self._news[event.fingerprint] = event.epoch

    def on_trial_end(self, event: TrialEnd) -> None:
        """Send a run's end, soon."""
        name = event.fingerprint
        if name not in self.runs:
            return
        if event.state is TrialState.PRUNED:
            self.runs[name] = dataclasses.replace(self.runs[name], pruned_after=event.epochs)
        self._started.discard(name)
        self.synchronize(name)

    def synchronize(self, fingerprint: str) -> None:
        """Bring a run in line with the ledger, soon: missing epochs, then result or failure."""
        with self._lock:
            self._news[fingerprint] = None

    def on_study_end(self, event: StudyEnd) -> None:
        """Wait until everything is sent, attach the reports, and end the study's run.

        What cannot be sent stays in the ledger. The next start of the study sends it.
        """
        for name in self._started:  # an interrupted trial has no end
            self.synchronize(name)
        self._closing.set()
        self._thread.join()
        self.unsent = len(self._news)
        done = sum(spec.is_finished for spec in self.runs.values())
        tags = {
            NOTE: study_note(self.experiment.description, event.files),
            "trials": f"{done} of {len(self.runs)} finished",
        }
        try:
            self.remote.conclude(event, tags, self.best())
        except Exception as error:
            _warn(f"the study's run: {self._problem(error)}")
            self.unsent += 1

    def how_to_view(self) -> Sequence[str]:
        """Return the command that serves a database, and the experiment's address."""
        address = without_credentials(self.uri).rstrip("/")
        page = f"#/experiments/{self.remote.experiment_id}/runs?{QUERY}"
        if address.startswith(("http://", "https://")):
            return [f"  {address}/{page}"]
        if (path := sqlite_path(address)) is not None:
            address = sqlite_uri(short_path(path))
        command = [*local_program("mlflow", "mlflow"), "ui", "--backend-store-uri", address]
        return [
            f"MLflow: {shlex.join(command)}",
            f"  http://127.0.0.1:5000/{page}",
        ]

    def best(self) -> StudyModel | None:
        """Return the model with the best dev F1 among those whose weights are here.

        Dev chooses by the endpoint that the verdicts are about; a search has no verdicts. A run
        that selects its epoch on test has no dev F1 and is left out, as is one that learned
        nothing.
        """
        found = ((spec, spec.result()) for spec in self.runs.values())
        done = [(spec, result) for spec, result in found if result is not None]
        endpoint = endpoint_of(result.averaged_test_scores is not None for _, result in done)
        averaged = self.experiment.ranks_arms and endpoint is AVERAGED
        models = [
            StudyModel(spec, averaged, scores["f1"])
            for spec, result in done
            if (scores := result.averaged_dev_scores if averaged else result.dev_scores) is not None
            and result.caveat is not Caveat.NOTHING_LEARNED
            and spec.run.model(averaged=averaged).exists()
        ]
        return max(models, key=lambda model: model.dev_f1, default=None)

    def _send(self) -> None:
        """Collect news for a moment, then send it. A write that fails is retried."""
        while not self._closing.wait(BATCH_SECONDS):
            self._send_news()
        for tries in range(LAST_TRIES):
            time.sleep(tries)
            self._send_news()
            if not self._news or self._timed_out:
                return

    def _send_news(self) -> None:
        """Send the queued news up to the first failure: the server may be away for long."""
        with self._lock:
            waiting = list(self._news)
        for fingerprint in waiting:
            with self._lock:  # news that arrive while these are sent are kept
                last_epoch = self._news.pop(fingerprint)
            try:
                self.remote.update(self.runs[fingerprint], last_epoch)
            except Exception as error:  # training must not end because a display fails
                with self._lock:  # to the end: it may be the only run that cannot be sent
                    newer = self._news.pop(fingerprint, last_epoch)
                    self._news[fingerprint] = None if last_epoch is None else newer
                if not self._failing:  # once, not every two seconds
                    _warn(
                        f"{self.runs[fingerprint].name}: {self._problem(error)}; training "
                        "continues; unsent metrics stay in the ledger and are retried"
                    )
                self._failing.add(fingerprint)
                self._timed_out = isinstance(error, TimeoutError)
                return
            self._timed_out = False
            if fingerprint in self._failing:
                self._failing.remove(fingerprint)
                if not self._failing:
                    _warn("reachable again; all pending runs are sent")

    def _problem(self, error: Exception) -> str:
        """Return what is wrong in one line, with the remedy where a database has one."""
        path = sqlite_path(self.uri)
        known = None if path is None else explanation(path, error)
        return known or _reason(error)


def study_note(description: str, reports: Sequence[Path]) -> str:
    """Return the description, and the sections of the reports that fit into MLflow's limit."""
    note = description
    for page in (path.read_text(encoding="utf-8") for path in reports if path.suffix == ".md"):
        # A picture's address is a file beside the page, and MLflow does not look there.
        text = re.sub(r"^!\[.*\n+", "", page, flags=re.MULTILINE)
        for section in re.split(r"^(?=## )", text, flags=re.MULTILINE):
            if len(note) + len(section) + 2 > LONGEST_NOTE:
                return note
            note += f"\n\n{section.strip()}"
    return note


def _reason(error: Exception) -> str:
    return without_credentials(first_line(error))


def _warn(text: str) -> None:
    logging.getLogger(__name__).warning("MLflow: %s", text)


def _remedy(uri: str) -> str:
    """Return what to do where tracking does not start; a server may also be another program's."""
    if sqlite_path(uri) is not None:
        return "check the path"
    if is_database(uri):
        return "check the address, and that the database server runs there"
    if urlsplit(uri).scheme in SERVERS:
        return "check the address, and that an MLflow server runs there"
    return "check the address"


def _proxy_remedy(uri: str) -> str | None:
    """Return what to do where a proxy is asked for the server; None if there is none."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        return None
    proxied = parts.scheme in getproxies() or "all" in getproxies()
    if not proxied or proxy_bypass(parts.hostname):
        return None
    return (
        f"the request goes to the proxy in {parts.scheme}_proxy: if the server needs no proxy, set "
        f"no_proxy={parts.hostname}, else check that an MLflow server runs there"
    )
