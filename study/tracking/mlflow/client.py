"""The runs of one experiment in MLflow: found, created once, and brought up to date.

A run is found by its fingerprint. MLflow is asked which epochs it has, and receives the missing
ones from the ledger. Every metric's timestamp is computed from the ledger and from the run's
start time, which the server keeps. MLflow treats the same value at the same step and timestamp
as the same record, so a write without an answer can be repeated.
"""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    Metric,
    Param,
    Run,
    RunTag,
)
from mlflow.tracking import MlflowClient

from rin_core.data.encoding import EncodedCorpus
from study.ledger.databases import create_once, sqlite_path, sqlite_uri
from study.ledger.schema import Result
from study.ledger.state import ENDED_WITHOUT_ERROR, TrialState
from study.tracking.base import CONTENT, ExperimentSpec, RunSpec, StudyEnd, SummaryValue
from study.tracking.mlflow import view
from study.tracking.mlflow.deadline import open_client
from study.tracking.mlflow.model import StudyModel, complete_models, log_model
from study.tracking.mlflow.moved import update_addresses
from study.tracking.mlflow.names import (
    BEST,
    CAVEAT,
    COMMIT,
    FINDINGS,
    FINGERPRINT,
    KIND,
    NAME,
    NOTE,
    PARENT,
    SOURCE,
    STATE,
    STATUS,
    UNIT,
    epoch_metrics,
    epoch_split,
    result_metrics,
    shown_params,
)
from study.tracking.open import is_database

LARGEST_BATCH = 1000  # metrics in one request, MLflow's own limit
REPORTS = "report"
POINTS = "points"


@dataclass(slots=True)
class RemoteRun:
    """A run in MLflow, and how much of it has arrived."""

    run_id: str
    started: int
    """Milliseconds."""
    status: str
    described: bool
    """Parameters and corpus have arrived."""
    last_epoch: int | None = None
    """None: MLflow has to be asked."""
    sent: set[str] = field(default_factory=set)
    """Steps whose write was answered. A retry continues after them."""

    def once(self, step: str, write: Callable[[], object]) -> None:
        """Write a step, unless an earlier attempt has done so."""
        if step not in self.sent:
            write()
            self.sent.add(step)


class MlflowRuns:
    """An experiment with the study's own run, and a child run for each training.

    Args:
        uri: Tracking URI.
        experiment: What to show.

    Raises:
        MlflowException: The server or database cannot be used.
        OSError: Likewise.
        sqlalchemy.exc.SQLAlchemyError: Likewise.
        ValueError: Something other than MLflow answers.
    """

    def __init__(self, uri: str, experiment: ExperimentSpec) -> None:
        require_database(uri)
        update_addresses(uri, experiment.name, experiment.artifacts)
        self.client = open_client(uri)
        self.dataset = experiment.corpus and dataset_input(experiment.corpus)
        self.varied = experiment.varied
        try:
            self.user = {"mlflow.user": getpass.getuser()}
        except (OSError, KeyError):  # a container's user may have no name
            self.user = {"mlflow.user": "unknown"}
        self.experiment_id = self._open_experiment(uri, experiment)
        self._known: dict[str, RemoteRun] = {}
        self._known = self._find_runs()
        self.study_id = self._open_study(experiment)

    def update(self, spec: RunSpec, last_epoch: int | None) -> None:
        """Send what is missing of a run in MLflow.

        Args:
            spec: The run.
            last_epoch: The last epoch to send; None sends everything and ends the run.
        """
        if last_epoch is not None:
            spec.run.poll()
        remote = self._open_run(spec)
        if remote.status == "FINISHED":  # it is set last, so everything has arrived
            return
        try:
            if not remote.described:
                if (dataset := self.dataset) is not None:
                    remote.once("corpus", lambda: self.client.log_inputs(remote.run_id, [dataset]))
                shown = shown_params(spec.params, self.varied)
                params = [Param(name, value) for name, value in shown.items()]
                self.client.log_batch(remote.run_id, params=params)  # last: it marks both as sent
                remote.described = True
            # Read before the epochs: a run that ends meanwhile has more of them.
            state = spec.state()
            self._send_epochs(remote, spec, last_epoch)
            if last_epoch is None:
                self._end(remote, spec, state)
        except BaseException:
            remote.last_epoch = None
            raise

    def conclude(self, end: StudyEnd, tags: Mapping[str, str], best: StudyModel | None) -> None:
        """Attach the reports, the numbers and the best model to the study's run, and end it.

        Args:
            end: The results of the study.
            tags: More tags of the study's run.
            best: The model that the study's run carries.
        """
        self._find_runs()  # deletes duplicates
        for path in end.files:
            self.client.log_artifact(self.study_id, str(path), REPORTS)
        if self.dataset is not None:
            self.client.log_inputs(self.study_id, [self.dataset])
        self._log_summary(end.summary.values)
        self._set_tags(self.study_id, {**end.summary.tags, **end.tags, **tags})
        models = complete_models(self.client, self.experiment_id, [self.study_id])
        if best is not None and best.replaces(next(iter(models), None)):
            spec = best.spec
            # First: without its model, it tells that an upload did not end.
            self._set_tags(self.study_id, {"rin.best_trial": spec.name, BEST: spec.fingerprint})
            log_model(
                self.client,
                best,
                params=shown_params(spec.params, self.varied),
                study_id=self.study_id,
                trial_id=self._open_run(spec).run_id,
            )
        status = STATUS[TrialState.FINISHED if end.complete else TrialState.FAILED]
        self.client.set_terminated(self.study_id, status)

    def _log_summary(self, values: Sequence[SummaryValue]) -> None:
        """Send the numbers that MLflow does not have yet; the latest of a name and step counts."""
        now = int(1000 * time.time())
        known: dict[tuple[str, int], float] = {}
        for name in dict.fromkeys(value.name for value in values):
            history = self.client.get_metric_history(self.study_id, name)
            history.sort(key=lambda metric: metric.timestamp)
            known |= {(name, metric.step): metric.value for metric in history}
        metrics = [
            Metric(one.name, one.value, now, one.step)
            for one in values
            if known.get((one.name, one.step)) != one.value
        ]
        self.client.log_batch(self.study_id, metrics=metrics)

    def _set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        self.client.log_batch(run_id, tags=[RunTag(k, v) for k, v in tags.items()])

    def _open_experiment(self, uri: str, experiment: ExperimentSpec) -> str:
        found = self.client.get_experiment_by_name(experiment.name)
        if found is not None and found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        if found is not None and found.tags.get(UNIT) != POINTS:
            # Its runs have other metrics, and fractions. The ledger fills a new experiment.
            former = f"{experiment.name} (former layout {found.experiment_id})"
            self.client.rename_experiment(found.experiment_id, former)
            found = None
        if found is None:
            server = uri.startswith(("http://", "https://"))
            location = None if server else experiment.artifacts.resolve().as_uri()
            identity = self.client.create_experiment(experiment.name, artifact_location=location)
        else:
            identity = found.experiment_id
        if not identity:  # the client reads it from any empty answer
            raise ValueError("its answer names no experiment")
        tags = {**experiment.tags, NOTE: experiment.description, UNIT: POINTS}
        tags[view.TAG] = view.ranked_view(experiment)
        for key, value in tags.items():
            if found is None or found.tags.get(key) != value:
                self.client.set_experiment_tag(identity, key, value)
        return str(identity)

    def _open_study(self, experiment: ExperimentSpec) -> str:
        """Find or create the study's own run; each content of the corpus has one."""
        found = self.client.search_runs([self.experiment_id], f"tags.`{KIND}` = 'study'")
        content = experiment.tags.get(CONTENT)
        # Runs of earlier versions do not have the tag, nor have records of searches the content.
        runs = [run for run in found if content in (None, run.data.tags.get(CONTENT, content))]
        name = f"study {experiment.name}"
        if len(runs) < len(found):
            name += f", corpus {content}"
        tags = {**experiment.tags, **self.user, **SOURCE, KIND: "study"}
        tags |= {NAME: name, NOTE: experiment.description}
        if experiment.corpus is not None:
            tags[FINDINGS] = findings_tag(experiment.corpus)
        if not runs:
            return str(self.client.create_run(self.experiment_id, tags=tags).info.run_id)
        run_id = str(runs[0].info.run_id)
        self.client.update_run(run_id, status="RUNNING")
        self._set_tags(run_id, tags)
        return run_id

    def _find_runs(self, fingerprint: str | None = None) -> dict[str, RemoteRun]:
        """Find runs by fingerprint, and delete duplicates.

        A lost answer may leave two runs with one fingerprint. One is kept, the other deleted.
        """
        named = f" AND tags.`{FINGERPRINT}` = '{fingerprint}'" if fingerprint else ""
        runs, token = list[Run](), None
        while True:
            page = self.client.search_runs(
                [self.experiment_id],
                f"tags.`{KIND}` = 'trial'{named}",
                max_results=1000,
                order_by=["attributes.start_time ASC", "attributes.run_id ASC"],
                page_token=token,
            )
            runs += page
            if not (token := page.token):
                break
        found: dict[str, RemoteRun] = {}
        for run in runs:
            name, run_id = run.data.tags[FINGERPRINT], run.info.run_id
            earlier, known = found.get(name), self._known.get(name)
            if earlier is not None:
                ours = known is not None and known.run_id == run_id
                self.client.delete_run(earlier.run_id if ours else run_id)
                if not ours:
                    continue
            described = bool(run.data.params)
            found[name] = RemoteRun(run_id, int(run.info.start_time), run.info.status, described)
        return found

    def _open_run(self, spec: RunSpec) -> RemoteRun:
        """Return a run; create it if MLflow has none, reopen it if training continues."""
        remote = self._known.get(spec.fingerprint)
        if remote is None:
            # It may exist: the answer to its creation was lost, or another driver created it.
            remote = self._find_runs(spec.fingerprint).get(spec.fingerprint) or self._create(spec)
            self._known[spec.fingerprint] = remote
        if remote.status != "RUNNING" and spec.state() not in ENDED_WITHOUT_ERROR:
            self.client.update_run(remote.run_id, status="RUNNING")
            remote.status = "RUNNING"
            remote.sent.clear()
        return remote

    def _create(self, spec: RunSpec) -> RemoteRun:
        tags = {**spec.tags, **self.user, **SOURCE, FINGERPRINT: spec.fingerprint}
        tags |= {PARENT: self.study_id, KIND: "trial"}
        started = time.time() - sum(row.seconds for row in spec.history())  # an estimate
        if (result := spec.result()) is not None:
            started = result.provenance.started or started
        started_ms = int(1000 * started)
        created = self.client.create_run(self.experiment_id, started_ms, tags, spec.name)
        return RemoteRun(created.info.run_id, started_ms, "RUNNING", described=False, last_epoch=0)

    def _send_epochs(self, remote: RemoteRun, spec: RunSpec, last_epoch: int | None) -> None:
        if remote.last_epoch is None:
            watched = f"F1/{epoch_split(spec.selection)}"
            steps = [m.step for m in self.client.get_metric_history(remote.run_id, watched)]
            remote.last_epoch = max(steps, default=0)
        batch: list[Metric] = []
        usage, time_ms, sent = spec.run.usage(), float(remote.started), remote.last_epoch
        for row in spec.history():
            epoch, time_ms = row.epoch, time_ms + 1000 * row.seconds
            if epoch <= sent or (last_epoch is not None and epoch > last_epoch):
                continue
            values = epoch_metrics(row, usage.get(epoch, {}), spec.selection)
            metrics = [Metric(k, v, int(time_ms), epoch) for k, v in values.items()]
            # An epoch is never split: the last step of one metric stands for all metrics.
            if batch and len(batch) + len(metrics) > LARGEST_BATCH:
                self.client.log_batch(remote.run_id, metrics=batch)
                remote.last_epoch, batch = batch[-1].step, []
            batch = batch + metrics
        if batch:
            self.client.log_batch(remote.run_id, metrics=batch)
            remote.last_epoch = batch[-1].step

    def _end(self, remote: RemoteRun, spec: RunSpec, state: TrialState) -> None:
        """Write the result or the reason, then the status, which marks the run as complete."""
        seconds = sum(row.seconds for row in spec.history())
        ended = remote.started + int(1000 * seconds)
        tags = {STATE: str(state)}
        if state is TrialState.FINISHED and (result := spec.result()) is not None:
            self._write_result(remote, spec, result, ended)
        elif state is TrialState.PRUNED:
            tags["rin.epochs"] = str(spec.pruned_after)
        elif (failure := spec.run.failure()) is not None:
            tags["rin.failure"] = failure.reason
        remote.once(f"state {state}", lambda: self._set_tags(remote.run_id, tags))
        self.client.set_terminated(remote.run_id, STATUS[state], ended)
        remote.status = STATUS[state]

    def _write_result(self, remote: RemoteRun, spec: RunSpec, result: Result, ended: int) -> None:
        values = result_metrics(result)
        # At step 0 the UI draws one value per run as a bar, elsewhere as a single dot.
        metrics = [Metric(k, v, ended, 0) for k, v in values.items()]
        origin = result.provenance
        tags = {"rin.end_reason": result.end_reason, "rin.code": json.dumps(origin.code.to_json())}
        tags["rin.hardware"] = origin.hardware
        tags |= {CAVEAT: str(result.caveat)} if result.caveat else {}
        tags |= {"rin.arithmetic": origin.arithmetic} if origin.arithmetic else {}
        tags |= {COMMIT: origin.code.commit} if origin.code.commit else {}
        tagged = [RunTag(k, v) for k, v in tags.items()]
        client, run_id, weights = self.client, remote.run_id, spec.run.weights
        remote.once("result", lambda: client.log_batch(run_id, metrics=metrics, tags=tagged))
        remote.once("config", lambda: client.log_dict(run_id, result.config, "config.json"))
        if weights.exists():
            remote.once("weights", lambda: client.log_artifact(run_id, str(weights)))
        if (averaged := spec.run.averaged_weights).exists():
            remote.once("averaged", lambda: client.log_artifact(run_id, str(averaged)))


def dataset_input(corpus: EncodedCorpus) -> DatasetInput:
    """Describe a corpus: its name, the digest that fingerprints depend on, and its sizes."""
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


def findings_tag(corpus: EncodedCorpus) -> str:
    """Return the findings on a corpus by code, split and count, as in ``few-sentences train 150``.

    Examples are text of the corpus, and stay in the ledger.
    """
    parts = ((f.code, f.split, str(f.count or "")) for f in corpus.findings)
    return ", ".join(" ".join(filter(None, part)) for part in parts) or "none"


def require_database(uri: str) -> None:
    """Open a database once: MLflow retries one that cannot be opened for 100 seconds."""
    if not is_database(uri):
        return
    if (path := sqlite_path(uri)) is not None:
        create_database(path)
        return
    engine = sqlalchemy.create_engine(uri)
    engine.connect().close()
    engine.dispose()


def create_database(path: Path) -> None:
    """Create an SQLite database with MLflow's schema, unless it exists."""

    def create(fresh: Path) -> None:
        MlflowClient(tracking_uri=sqlite_uri(fresh)).search_experiments(max_results=1)

    create_once(path, create)
