"""Studies in MLflow: the only file that imports it, but for the model it serves.

MLflow shows what the ledger knows and is never asked for it. Each unit of an experiment has
one run, found again by its fingerprint, and a run is brought up to date by sending only the
epochs it lacks; so a killed driver, a retried trial or a second study leaves no duplicate.

Everything is sent from one thread, in batches: a write costs tens of milliseconds, and
trials should not wait for it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import rin_core
from rin_core.batching import EncodedCorpus
from rin_core.checkpoint import write_atomically
from rin_core.errors import without_credentials
from study.ledger import StudyError, Unit

os.environ.setdefault("MLFLOW_ENABLE_TELEMETRY", "false")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# A dead server should be noticed in seconds; what it misses is sent again later.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

FINGERPRINT, PARENT, KIND = "rin.fingerprint", "mlflow.parentRunId", "rin.kind"
BEST = "rin.best"  # the trial whose model the study's run carries
SERVED_WITH = ("mlflow", "torch", "numpy", "numba", "safetensors", "transformers", "tyro", "rich")
BATCH_SECONDS = 2.0
LAST_TRIES = 3  # after the study's end
LARGEST_BATCH = 1000  # metrics in one request, MLflow's own limit
WATCHED = "dev_f1"  # every epoch has it, so its last step is the last epoch that arrived


class TrackingError(StudyError):
    """MLflow cannot be reached or used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a run is called and found by."""

    unit: Unit
    name: str
    params: Mapping[str, Any]
    tags: Mapping[str, str]
    stopped_after: int | None = None
    """The epoch after which a search stopped it: what the unit did later is not this run's."""

    def history(self) -> list[dict[str, Any]]:
        """Return the epochs that belong to the run."""
        return self.unit.history()[: self.stopped_after]

    def result(self) -> dict[str, Any] | None:
        """Return the result, unless it is that of a stopped trial's later life."""
        return self.unit.result() if self.stopped_after is None else None


@dataclass(slots=True)
class _Open:
    """A run on the server, and how far it has come."""

    run_id: str
    status: str
    last_epoch: int
    pending: list[Mapping[str, float]] = field(default_factory=list)


class Tracker:
    """Mirror an experiment's units into MLflow.

    Args:
        uri: Tracking URI, such as ``sqlite:////abs/mlflow.db`` or ``http://127.0.0.1:5000``.
        experiment: Name.
        artifacts: Where artifacts go when this creates the experiment on a database;
            a server decides for itself.
        planned: The units by fingerprint.
        description: Markdown for the parent run.
        corpus: What the runs are trained on, for the UI's dataset column.

    Raises:
        TrackingError: The server or database cannot be used.
    """

    def __init__(
        self,
        uri: str,
        experiment: str,
        artifacts: Path,
        planned: Mapping[str, Planned],
        description: str,
        corpus: EncodedCorpus | None = None,
    ) -> None:
        self.dataset = corpus and _dataset(corpus)
        self.planned = dict(planned)
        self._queue: queue.Queue[tuple[str, Mapping[str, float] | None]] = queue.Queue()
        self.unsent = 0
        try:
            self.client = MlflowClient(tracking_uri=uri)
            self.experiment_id = self._experiment(uri, experiment, artifacts)
            self._runs = self._existing_runs()
            self.parent_id = self._parent(experiment, description)
        except (MlflowException, OSError) as error:
            raise TrackingError(
                f"--tracking-uri {without_credentials(uri)}: {_first_line(error)}; start the "
                "server, or leave the option out for a database in the output folder"
            ) from error
        self._thread = threading.Thread(target=self._send, name="mlflow", daemon=True)
        self._thread.start()

    def plan(self, planned: Planned) -> None:
        """Take on a unit, or what has become of it since; before anything is sent of it."""
        self.planned[planned.unit.fingerprint] = planned

    def epoch(self, fingerprint: str, row: Mapping[str, float]) -> None:
        """Send one epoch of a unit, soon."""
        self._queue.put((fingerprint, row))

    def settle(self, fingerprint: str) -> None:
        """Bring a unit's run in line with the ledger, soon: lacking epochs, result or failure."""
        self._queue.put((fingerprint, None))

    def close(self, status: str, summary: Sequence[Path] = ()) -> int:
        """Wait until everything is sent, attach the study's files, and end the parent run.

        Returns:
            How many runs MLflow lacks something of. It is in the ledger, and the same
            study started again sends it.
        """
        self._queue.put(("", None))
        self._thread.join()
        with self._tolerant("the study's run"):
            for path in summary:
                self.client.log_artifact(self.parent_id, str(path))
            self._log_best()
            self.client.set_terminated(self.parent_id, status)
        return self.unsent

    def _log_best(self) -> None:
        """Attach the trial with the best dev F1 to the study's run, as a model MLflow can serve."""
        results = {name: planned.result() for name, planned in self.planned.items()}
        scores = {name: result["dev"]["f1"] for name, result in results.items() if result}
        with_weights = [name for name in scores if self.planned[name].unit.weights.exists()]
        if not with_weights:
            return
        best = max(with_weights, key=lambda name: scores[name])
        run = self.client.get_run(self.parent_id)
        if run.data.tags.get(BEST) == best:
            return
        with tempfile.TemporaryDirectory() as folder:
            model = save_model(self.planned[best].unit.weights, Path(folder) / "model")
            self.client.log_artifacts(self.parent_id, str(model), "model")
        named = {BEST: best, "rin.best_trial": self.planned[best].name}
        self.client.log_batch(self.parent_id, tags=[RunTag(k, v) for k, v in named.items()])

    def _experiment(self, uri: str, name: str, artifacts: Path) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            if found.lifecycle_stage == "deleted":
                self.client.restore_experiment(found.experiment_id)
            return str(found.experiment_id)
        local = uri.startswith("sqlite:")
        location = artifacts.resolve().as_uri() if local else None
        return str(self.client.create_experiment(name, artifact_location=location))

    def _existing_runs(self) -> dict[str, _Open]:
        runs: dict[str, _Open] = {}
        token = None
        while True:
            page = self.client.search_runs([self.experiment_id], max_results=1000, page_token=token)
            for run in page:
                if (fingerprint := run.data.tags.get(FINGERPRINT)) is not None:
                    runs[fingerprint] = self._opened(run)
            if not (token := page.token):
                return runs

    def _opened(self, run: Run) -> _Open:
        steps = [0]
        if run.info.status != "FINISHED" and WATCHED in run.data.metrics:
            steps = [m.step for m in self.client.get_metric_history(run.info.run_id, WATCHED)]
        return _Open(run.info.run_id, run.info.status, max(steps))

    def _parent(self, experiment: str, description: str) -> str:
        runs = self.client.search_runs([self.experiment_id], f"tags.`{KIND}` = 'study'")
        note = {"mlflow.note.content": description}
        if runs:
            run_id = str(runs[0].info.run_id)
            self.client.update_run(run_id, status="RUNNING")
        else:
            tags = {KIND: "study", "mlflow.runName": f"study {experiment}"}
            run_id = str(self.client.create_run(self.experiment_id, tags=tags).info.run_id)
        self.client.log_batch(run_id, tags=[RunTag(k, v) for k, v in note.items()])
        return run_id

    def _send(self) -> None:
        """Gather what arrives for a moment, then write it; what fails is tried again."""
        unsettled: set[str] = set()
        closing, tries = False, 0
        while not closing or (unsettled and tries < LAST_TRIES):
            time.sleep(BATCH_SECONDS if not closing else tries)
            closing |= self._gather(unsettled)
            tries += closing
            for fingerprint, run in list(self._runs.items()):
                if run.pending or fingerprint in unsettled:
                    with self._tolerant(fingerprint):
                        self._flush(run)
                        if fingerprint in unsettled:
                            self._finish(fingerprint, run)
                            unsettled.remove(fingerprint)
        self.unsent = len(unsettled)

    def _gather(self, unsettled: set[str]) -> bool:
        """Empty the queue into the runs; return whether its end was reached."""
        with contextlib.suppress(queue.Empty):
            while True:
                fingerprint, row = self._queue.get_nowait()
                if not fingerprint:
                    return True
                with self._tolerant(fingerprint):
                    run = self._run(fingerprint)
                    run.pending += [row] if row else self.planned[fingerprint].history()
                if row is None:
                    unsettled.add(fingerprint)
        return False

    @contextlib.contextmanager
    def _tolerant(self, what: str) -> Iterator[None]:
        """Training must not end because its display did; the ledger has it all."""
        try:
            yield
        except (MlflowException, OSError) as error:
            logging.getLogger(__name__).warning("MLflow: %s: %s", what, _first_line(error))

    def _run(self, fingerprint: str) -> _Open:
        """Return the unit's run, creating it or waking it up."""
        run = self._runs.get(fingerprint)
        if run is None:
            run = self._runs[fingerprint] = self._create(fingerprint)
        elif run.status != "RUNNING" and self._goes_on(self.planned[fingerprint]):
            self.client.update_run(run.run_id, status="RUNNING")
            run.status = "RUNNING"
        return run

    def _goes_on(self, planned: Planned) -> bool:
        return planned.stopped_after is None and planned.unit.result() is None

    def _create(self, fingerprint: str) -> _Open:
        planned = self.planned[fingerprint]
        tags = {**planned.tags, FINGERPRINT: fingerprint, PARENT: self.parent_id, KIND: "trial"}
        tags |= {"mlflow.source.name": "study/run.py", "mlflow.source.type": "LOCAL"}
        created = self.client.create_run(self.experiment_id, tags=tags, run_name=planned.name)
        run = _Open(created.info.run_id, "RUNNING", 0)
        params = [Param(name, str(value)) for name, value in planned.params.items()]
        self.client.log_batch(run.run_id, params=params)
        if self.dataset is not None:
            self.client.log_inputs(run.run_id, [self.dataset])
        return run

    def _flush(self, run: _Open) -> None:
        if run.status == "FINISHED":  # written last, so every epoch is there
            run.pending = []
            return
        fresh = [row for row in run.pending if row["epoch"] > run.last_epoch]
        now = int(time.time() * 1000)
        metrics = [
            Metric(name, value, now, int(row["epoch"]))
            for row in {row["epoch"]: row for row in fresh}.values()
            for name, value in row.items()
            if name != "epoch"
        ]
        for start in range(0, len(metrics), LARGEST_BATCH):
            self.client.log_batch(run.run_id, metrics=metrics[start : start + LARGEST_BATCH])
        run.pending = []
        if fresh:
            run.last_epoch = int(max(row["epoch"] for row in fresh))

    def _finish(self, fingerprint: str, run: _Open) -> None:
        """Write a unit's result or failure, unless its run is complete already."""
        planned = self.planned[fingerprint]
        unit = planned.unit
        if run.status == "FINISHED":
            return
        if (result := planned.result()) is not None:
            self._write_result(run.run_id, unit, result)
            status = "FINISHED"
        elif planned.stopped_after is not None:
            tags = [RunTag("rin.stopped", "asha"), RunTag("rin.epochs", str(planned.stopped_after))]
            self.client.log_batch(run.run_id, tags=tags)
            status = "KILLED"
        elif (failure := unit.failure()) is not None:
            self.client.set_tag(run.run_id, "rin.failure", failure["reason"])
            status = "FAILED"
        else:
            status = "KILLED"  # stopped before its end; the next start goes on
        self.client.set_terminated(run.run_id, status)
        run.status = status

    def _write_result(self, run_id: str, unit: Unit, result: Mapping[str, Any]) -> None:
        values = {f"test_{name}": value for name, value in result["test"].items()}
        values |= {f"best_dev_{name}": value for name, value in result["dev"].items()}
        values |= {"best_epoch": result["best_epoch"], "total_seconds": result["seconds"]}
        now = int(time.time() * 1000)
        metrics = [Metric(k, v, now, result["best_epoch"]) for k, v in values.items()]
        code = result["provenance"]["code"]
        tags = [RunTag("rin.stopped", result["stopped"]), RunTag("rin.code", str(code))]
        self.client.log_batch(run_id, metrics=metrics, tags=tags)
        self.client.log_dict(run_id, result["config"], "config.json")
        if unit.weights.exists():
            self.client.log_artifact(run_id, str(unit.weights))


def _dataset(corpus: EncodedCorpus) -> DatasetInput:
    """Describe a corpus: its name, the digest that fingerprints hold, and its sizes."""
    splits = {"train": corpus.train, "dev": corpus.dev, "test": corpus.test}
    profile = {f"{name}_sentences": len(split) for name, split in splits.items()}
    profile |= {f"{name}_triples": split.gold_4M.shape[1] for name, split in splits.items()}
    profile["relations"] = len(corpus.vocabulary.relations)
    described = Dataset(
        name=corpus.name,
        digest=corpus.digest,
        source_type="corpus",
        source=json.dumps({"name": corpus.name, "content": corpus.content}),
        profile=json.dumps(profile),
    )
    return DatasetInput(described, [InputTag("mlflow.data.context", "train, dev, test")])


def save_model(weights: Path, folder: Path) -> Path:
    """Write a trained model in MLflow's format, with the code and the versions it runs on.

    Args:
        weights: A trial's ``weights.safetensors``.
        folder: Where to; must not exist.

    Returns:
        ``folder``, to be loaded with ``mlflow.pyfunc.load_model`` or served with
        ``mlflow models serve --env-manager local --model-uri``.
    """
    with warnings.catch_warnings():
        # MLflow switches its notices on whatever the filters: nested JSON has no narrower type.
        warnings.showwarning = lambda *_, **__: None
        mlflow.pyfunc.save_model(
            folder,
            python_model=str(Path(__file__).with_name("served_model.py")),
            artifacts={"weights": str(weights)},
            code_paths=[str(Path(rin_core.__file__).parent)],
            pip_requirements=[f"{name}=={version(name)}" for name in SERVED_WITH],
            input_example=["Ann Smith was born in Oslo ."],
        )
    return folder


def create_database(uri: str) -> None:
    """Make the schema of a new SQLite database, whole or not at all, before anyone opens it.

    Two processes that find an empty database at once both migrate it, and break it; a kill in
    the middle leaves half a schema. So it is made under another name and moved into place.
    """
    if not uri.startswith("sqlite:///"):
        return
    path = Path(uri.removeprefix("sqlite:///"))
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        fresh = Path(folder) / path.name
        MlflowClient(tracking_uri=f"sqlite:///{fresh}").search_experiments(max_results=1)
        write_atomically(path, fresh.read_bytes())


def _first_line(error: BaseException) -> str:
    lines = without_credentials(str(error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__
