"""The runs of one experiment in MLflow: found again, created once, brought up to date.

A run is known by its unit's fingerprint. It is asked how far it has come, and sent what it lacks
from the ledger. Every metric's time is a function of the ledger's record and of the run's start,
which the server keeps: MLflow takes the same value of the same step and time for the same record,
so a write whose answer was lost may be repeated.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient

from rin_core.data.encoding import EncodedCorpus
from rin_core.train.checkpoint import write_atomically
from study.tracking.base import Planned, Tracked
from study.tracking.mlflow.model import save_model

FINGERPRINT, PARENT, KIND = "rin.fingerprint", "mlflow.parentRunId", "rin.kind"
BEST = "rin.best"  # the trial whose model the study's run carries
NOTE, NAME, COMMIT = "mlflow.note.content", "mlflow.runName", "mlflow.source.git.commit"
LARGEST_BATCH = 1000  # metrics in one request, MLflow's own limit
LONGEST_NOTE = 8000  # characters of a tag, likewise
WATCHED = "F1/dev"  # every epoch has it, so its last step is the last epoch that arrived
#: Stands for "dev" in the names of epochs' scores where test chose the epoch.
ON_TEST = "test_by_epoch"


@dataclass(slots=True)
class Sent:
    """A run on the server, and how far it has come."""

    run_id: str
    started: int
    """Milliseconds."""
    status: str
    described: bool
    """Parameters and corpus are there."""
    last_epoch: int | None = None
    """None: has to be asked."""


class Runs:
    """An experiment, the study's own run in it, and a run for each unit below that.

    Args:
        uri: Tracking URI.
        tracked: What to show.

    Raises:
        MlflowException: The server or database cannot be used.
        OSError: Likewise.
        sqlalchemy.exc.SQLAlchemyError: Likewise.
    """

    def __init__(self, uri: str, tracked: Tracked) -> None:
        _require(uri)
        self.client = MlflowClient(tracking_uri=uri)
        self.dataset = tracked.corpus and _dataset(tracked.corpus)
        self.user = {"mlflow.user": _user()}
        self.experiment_id = self._experiment(uri, tracked)
        self._sent: dict[str, Sent] = {}
        self._sent = self._existing()
        self.study_id = self._study(tracked)

    def update(self, planned: Planned, heard: int | None) -> None:
        """Send what a unit's run lacks.

        Args:
            planned: The unit.
            heard: The last epoch to send; None for all, with the result, the stop or the failure.
        """
        if heard is not None:
            planned.run.poll()
        run = self._run(planned)
        if run.status == "FINISHED":  # written last, so everything is there
            return
        try:
            if not run.described:
                self._describe(run, planned)
            self._send_epochs(run, planned, heard)
            if heard is None:
                self._finish(run, planned)
        except BaseException:
            run.last_epoch = None
            raise

    def conclude(
        self, status: str, files: Sequence[Path], tags: Mapping[str, str], best: Planned | None
    ) -> None:
        """Attach the study's figure and tables and its best model to its run, and end it."""
        self._existing()
        for path in files:
            self.client.log_artifact(self.study_id, str(path))
        if self.dataset is not None:
            self.client.log_inputs(self.study_id, [self.dataset])
        self.client.log_batch(self.study_id, tags=[RunTag(k, v) for k, v in tags.items()])
        if best is not None:
            self._log_model(best)
        self.client.set_terminated(self.study_id, status)

    def _log_model(self, best: Planned) -> None:
        run = self.client.get_run(self.study_id)
        if run.data.tags.get(BEST) == best.run.fingerprint:
            return
        with tempfile.TemporaryDirectory() as folder:
            model = save_model(best.run.weights, Path(folder) / "model")
            self.client.log_artifacts(self.study_id, str(model), "model")
        tags = [RunTag("rin.best_trial", best.name), RunTag(BEST, best.run.fingerprint)]
        self.client.log_batch(self.study_id, tags=tags)

    def _experiment(self, uri: str, tracked: Tracked) -> str:
        found = self.client.get_experiment_by_name(tracked.name)
        if found is None:
            location = None if _is_server(uri) else tracked.artifacts.resolve().as_uri()
            identity = self.client.create_experiment(tracked.name, artifact_location=location)
        else:
            identity = found.experiment_id
            if found.lifecycle_stage == "deleted":
                self.client.restore_experiment(identity)
        for key, value in {**tracked.tags, NOTE: tracked.description}.items():
            if found is None or found.tags.get(key) != value:
                self.client.set_experiment_tag(identity, key, value)
        return str(identity)

    def _study(self, tracked: Tracked) -> str:
        """Find or create the study's own run."""
        runs = self.client.search_runs([self.experiment_id], f"tags.`{KIND}` = 'study'")
        tags = {**tracked.tags, **self.user, **_SOURCE, KIND: "study"}
        tags |= {NAME: f"study {tracked.name}", NOTE: tracked.description}
        if not runs:
            return str(self.client.create_run(self.experiment_id, tags=tags).info.run_id)
        run_id = str(runs[0].info.run_id)
        self.client.update_run(run_id, status="RUNNING")
        self.client.log_batch(run_id, tags=[RunTag(k, v) for k, v in tags.items()])
        return run_id

    def _existing(self, fingerprint: str | None = None) -> dict[str, Sent]:
        """Find runs by fingerprint; of two of one unit, as a lost answer may leave, keep one."""
        found: dict[str, Sent] = {}
        for run in self._search(fingerprint):
            name, run_id = run.data.tags[FINGERPRINT], run.info.run_id
            kept, written = found.get(name), self._sent.get(name)
            if kept is not None:
                ours = written is not None and written.run_id == run_id
                self.client.delete_run(kept.run_id if ours else run_id)
                if not ours:
                    continue
            described = bool(run.data.params)
            found[name] = Sent(run_id, int(run.info.start_time), run.info.status, described)
        return found

    def _search(self, fingerprint: str | None) -> Iterator[Run]:
        named = f" AND tags.`{FINGERPRINT}` = '{fingerprint}'" if fingerprint else ""
        only, token = f"tags.`{KIND}` = 'trial'{named}", None
        order = ["attributes.start_time ASC", "attributes.run_id ASC"]
        while True:
            page = self.client.search_runs(
                [self.experiment_id], only, max_results=1000, order_by=order, page_token=token
            )
            yield from page
            if not (token := page.token):
                return

    def _run(self, planned: Planned) -> Sent:
        """Return the unit's run, creating it or waking it up."""
        fingerprint = planned.run.fingerprint
        run = self._sent.get(fingerprint)
        if run is None:
            # It may be there: the answer to its creation was lost, or another driver made it.
            run = self._existing(fingerprint).get(fingerprint) or self._create(planned)
            self._sent[fingerprint] = run
        goes_on = planned.stopped_after is None and planned.run.result() is None
        if run.status != "RUNNING" and goes_on:
            self.client.update_run(run.run_id, status="RUNNING")
            run.status = "RUNNING"
        return run

    def _create(self, planned: Planned) -> Sent:
        tags = {**planned.tags, **self.user, **_SOURCE, FINGERPRINT: planned.run.fingerprint}
        tags |= {PARENT: self.study_id, KIND: "trial"}
        started = _started(planned)
        created = self.client.create_run(self.experiment_id, started, tags, planned.name)
        return Sent(created.info.run_id, started, "RUNNING", described=False, last_epoch=0)

    def _describe(self, run: Sent, planned: Planned) -> None:
        if self.dataset is not None:
            self.client.log_inputs(run.run_id, [self.dataset])
        params = [Param(name, str(value)) for name, value in planned.params.items()]
        self.client.log_batch(run.run_id, params=params)  # last: they tell that both are there
        run.described = True

    def _send_epochs(self, run: Sent, planned: Planned, heard: int | None) -> None:
        if run.last_epoch is None:
            watched = f"F1/{_split(planned)}"
            steps = [m.step for m in self.client.get_metric_history(run.run_id, watched)]
            run.last_epoch = max(steps, default=0)
        for batch in _batches(self._lacking(run, planned, heard)):
            self.client.log_batch(run.run_id, metrics=batch)
            run.last_epoch = batch[-1].step

    def _lacking(self, run: Sent, planned: Planned, heard: int | None) -> Iterator[list[Metric]]:
        """Yield the metrics of each epoch that a run lacks."""
        usage, time_ms = planned.run.usage(), float(run.started)
        for row in planned.history():
            epoch, time_ms = int(row["epoch"]), time_ms + 1000 * row["seconds"]
            if (run.last_epoch or 0) < epoch and (heard is None or epoch <= heard):
                values = _arranged(row, _split(planned))
                values |= _prefixed("system", usage.get(epoch, {}))
                yield [Metric(k, v, int(time_ms), epoch) for k, v in values.items()]

    def _finish(self, run: Sent, planned: Planned) -> None:
        """Write a unit's result, stop or failure; until then the run is not at its end."""
        unit, tags = planned.run, {}
        history = planned.history()
        ended = run.started + int(1000 * sum(row["seconds"] for row in history))
        status = "KILLED"  # stopped before its end; the next start goes on
        if (result := planned.result()) is not None:
            self._write_result(run, planned, result, ended)
            status = "FINISHED"
        elif planned.stopped_after is not None:
            tags = {"rin.stopped": "asha", "rin.epochs": str(planned.stopped_after)}
        elif (failure := unit.failure()) is not None:
            tags, status = {"rin.failure": failure["reason"]}, "FAILED"
        self.client.log_batch(run.run_id, tags=[RunTag(k, v) for k, v in tags.items()])
        self.client.set_terminated(run.run_id, status, ended)
        run.status = status

    def _write_result(
        self, run: Sent, planned: Planned, result: Mapping[str, Any], ended: int
    ) -> None:
        values = _scores("test", result["test"])
        if planned.selection == "dev":  # else the record's "dev" is test once more
            values |= _scores("best_dev", result["dev"])
        whole = {"best_epoch": result["best_epoch"], "total_seconds": result["seconds"]}
        values |= _prefixed("training", whole)
        # At step 0 the UI draws one value a run as a bar, anywhere else as a lonely dot.
        metrics = [Metric(k, v, ended, 0) for k, v in values.items()]
        origin = result["provenance"]
        code = origin["code"]
        tags = {"rin.stopped": result["stopped"], "rin.code": json.dumps(code)}
        tags |= {f"rin.{k}": origin[k] for k in ("hardware", "arithmetic") if k in origin}
        tags |= {COMMIT: code["commit"]} if "commit" in code else {}
        tagged = [RunTag(k, v) for k, v in tags.items()]
        self.client.log_batch(run.run_id, metrics=metrics, tags=tagged)
        self.client.log_dict(run.run_id, result["config"], "config.json")
        if planned.run.weights.exists():
            self.client.log_artifact(run.run_id, str(planned.run.weights))


_SOURCE = {"mlflow.source.name": "study/run.py", "mlflow.source.type": "LOCAL"}


def _split(planned: Planned) -> str:
    """Name what an epoch's scores, which the record calls dev's, are scores of."""
    return "dev" if planned.selection == "dev" else ON_TEST


def _arranged(row: Mapping[str, float], split: str) -> dict[str, float]:
    """Name an epoch's values so that the UI's charts come in sections.

    What stands before the slash is the section. The UI sorts them, at first with capitals in
    front and later without regard to them: F1 is to be at the top either way.
    """
    scores = {k.removeprefix("dev_"): v for k, v in row.items() if k.startswith("dev_")}
    training = {"loss": row["train_loss"]}
    training |= {name: row[name] for name in ("seconds", "tokens_per_second")}
    return _scores(split, scores) | _prefixed("training", training)


def _scores(split: str, scores: Mapping[str, float]) -> dict[str, float]:
    others = {name: value for name, value in scores.items() if name != "f1"}
    return {f"F1/{split}": scores["f1"]} | _prefixed(f"scores_{split}", others)


def _prefixed(section: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{section}/{name}": value for name, value in values.items()}


def _batches(epochs: Iterator[list[Metric]]) -> Iterator[list[Metric]]:
    """Join epochs, whole ones: the last step of one metric must speak for all."""
    batch: list[Metric] = []
    for metrics in epochs:
        if batch and len(batch) + len(metrics) > LARGEST_BATCH:
            yield batch
            batch = []
        batch = batch + metrics
    if batch:
        yield batch


def _started(planned: Planned) -> int:
    """Return when a unit's training began, in milliseconds, as well as that is known."""
    result = planned.result()
    if result is not None and "started" in result["provenance"]:
        return int(1000 * result["provenance"]["started"])
    return int(1000 * (time.time() - sum(row["seconds"] for row in planned.history())))


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


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"


def _is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def _require(uri: str) -> None:
    """Open a database once: one that cannot be opened MLflow tries for 100 seconds."""
    if _is_server(uri) or "://" not in uri:
        return
    if uri.startswith("sqlite:"):
        create_database(uri)
        return
    engine = sqlalchemy.create_engine(uri)
    with contextlib.closing(engine.connect()):
        engine.dispose()


def create_database(uri: str) -> None:
    """Make the schema of a new SQLite database, whole or not at all, before anyone opens it.

    Two processes that find an empty database at once both migrate it, and break it; a kill in
    the middle leaves half a schema. So it is made under another name and moved into place.
    """
    path = Path(uri.removeprefix("sqlite:///"))
    if not uri.startswith("sqlite:///") or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        fresh = Path(folder) / path.name
        MlflowClient(tracking_uri=f"sqlite:///{fresh}").search_experiments(max_results=1)
        write_atomically(path, fresh.read_bytes())
