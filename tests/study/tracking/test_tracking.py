import dataclasses
import logging
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from rin_core.config import Config
from rin_core.data.corpus import Finding
from rin_core.data.loading import load_dataset
from rin_core.train.loop import CHECKPOINT
from study.ledger.run import Run
from study.ledger.shared import SharedRun
from study.ledger.state import TrialState
from study.ledger.store import Store
from study.tracking.base import (
    CONTENT,
    ExperimentSpec,
    NullTracker,
    StudyEnd,
    Summary,
    SummaryValue,
    TrackingError,
)
from study.tracking.mlflow import sender as mlflow_tracker
from study.tracking.mlflow.client import create_database, findings_tag
from study.tracking.mlflow.names import (
    CAVEAT,
    KIND,
    MOST_PARAMS,
    PARENT,
    STATE,
    WATCHED,
    shown_params,
)
from study.tracking.mlflow.sender import MlflowTracker
from study.tracking.mlflow.view import QUERY
from study.tracking.open import open_tracker
from tests.records import NO_PREDICTIONS, a_result, scores
from tests.tracked import (
    STARTED,
    children,
    close,
    epoch_end,
    experiment,
    finish,
    learn,
    runs_of,
    steps,
    trial_end,
)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(mlflow_tracker, "BATCH_SECONDS", 0.05)


@pytest.fixture
def tracked(tmp_path: Path) -> ExperimentSpec:
    return experiment(tmp_path)


@pytest.fixture
def runs(tracked: ExperimentSpec) -> dict[str, Run]:
    return {name: planned.run for name, planned in tracked.runs.items()}


@pytest.fixture
def opened(mlflow_db: Path, tracked: ExperimentSpec):
    return lambda: MlflowTracker(f"sqlite:///{mlflow_db}", tracked)


@pytest.fixture
def client(mlflow_db: Path) -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{mlflow_db}")


def test_a_trial_is_a_child_run_with_a_metric_an_epoch(opened, runs, client):
    tracker = opened()
    for epoch in (1, 2, 3):
        learn(runs["aaa"], epoch)
        tracker.on_epoch(epoch_end("aaa", epoch))
    finish(runs["aaa"], 3)
    tracker.synchronize("aaa")
    assert close(tracker, complete=True) == 0
    run = children(client)["aaa"]
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "arm aaa"
    assert run.data.params == {"k": "1"}
    assert run.data.tags[PARENT] == tracker.remote.study_id
    assert run.data.tags["mlflow.source.git.commit"] == "c0ffee"
    assert run.data.tags["rin.hardware"] == "a processor"
    assert "rin.arithmetic" not in run.data.tags, "older records have none"
    assert run.data.metrics["F1/test"] == 40.0
    assert steps(client, run) == steps(client, run, "system/process_memory_megabytes") == [1, 2, 3]
    assert [a.path for a in client.list_artifacts(run.info.run_id)] == ["config.json"]


def test_no_score_of_test_stands_under_the_name_of_dev(tmp_path, mlflow_db, client):
    """What test chose has its own names, is taken up again by them, and is not the best."""
    tracked = experiment(tmp_path)
    on_test = dataclasses.replace(tracked.runs["bbb"], selection="test")
    tracked = dataclasses.replace(tracked, runs={**tracked.runs, "bbb": on_test})
    runs = {name: planned.run for name, planned in tracked.runs.items()}
    first = MlflowTracker(f"sqlite:///{mlflow_db}", tracked)
    learn(runs["bbb"], 1)
    first.synchronize("bbb")
    close(first, complete=False)
    second = MlflowTracker(f"sqlite:///{mlflow_db}", tracked)
    for name, dev_f1 in {"aaa": 0.5, "bbb": 0.9}.items():
        finish(runs[name], 2, dev_f1, selection="test" if name == "bbb" else "dev")
        second.synchronize(name)
    runs["bbb"].weights.touch()
    assert second.best() is None
    close(second, complete=True)
    runs["aaa"].weights.touch()
    assert second.best() == tracked.runs["aaa"]
    run = children(client)["bbb"]
    assert [name for name in run.data.metrics if "dev" in name] == []
    assert steps(client, run, "F1/test_by_epoch") == [1, 2]
    assert run.data.metrics["F1/test"] == 40.0
    assert {"F1/dev", "F1/best_dev"} <= children(client)["aaa"].data.metrics.keys()


def test_what_learned_nothing_has_a_tag_and_is_not_the_best(opened, runs, client):
    finish(runs["aaa"], 2, 0.0)
    finish(runs["bbb"], 2)
    for run in runs.values():
        run.weights.touch()
    runs["bbb"].weights.unlink()
    tracker = opened()
    assert tracker.best() is None
    close(tracker, complete=True)
    tags = {name: run.data.tags.get(CAVEAT) for name, run in children(client).items()}
    assert tags == {"aaa": "nothing learned", "bbb": "still improving"}


def test_averaged_weights_have_metrics_of_their_own(opened, runs, client):
    averaged = {"averaged_selection_scores": scores(0.6), "averaged_test_scores": scores(0.55)}
    result = a_result("aaa", 2, **averaged)
    runs["aaa"].finish(result, NO_PREDICTIONS, runs["aaa"].claim())
    runs["aaa"].averaged_weights.touch()
    finish(runs["bbb"], 2)
    close(opened(), complete=True)
    sent = children(client)
    metrics = sent["aaa"].data.metrics
    assert (metrics["F1/averaged_dev"], metrics["F1/averaged_test"]) == (60.0, 55.0)
    assert metrics["F1/dev_last_10_epochs"] == 50.0
    files = {a.path for a in client.list_artifacts(sent["aaa"].info.run_id)}
    assert "averaged.safetensors" in files
    assert not [name for name in sent["bbb"].data.metrics if "averaged" in name]


def test_the_study_is_told_in_words_where_one_looks_for_them(opened, client, tmp_path):
    page, picture = tmp_path / "results.md", tmp_path / "curve.png"
    page.write_text(f"# Results\n\n![A curve](curve.svg)\n\n## F1\n| a |\n\n## Long\n{'x' * 8000}")
    picture.write_bytes(b"png")
    tracker = opened()
    close(tracker, complete=True, files=[page, picture])
    (study,) = runs_of(client)
    assert study.info.status == "FINISHED"
    assert study.data.tags[KIND] == "study"
    assert (study.data.tags["space"], study.data.tags["corpus"]) == ("curve", "demo")
    assert study.data.tags["trials"] == "0 of 2 finished"
    note = study.data.tags["mlflow.note.content"]
    assert note == "**what is compared**\n\n# Results\n\n## F1\n| a |"
    files = {a.path for a in client.list_artifacts(study.info.run_id, "report")}
    assert files == {"report/results.md", "report/curve.png"}
    shown = client.get_experiment(tracker.remote.experiment_id)
    assert shown.tags["mlflow.note.content"] == "**what is compared**"
    assert tracker.how_to_view()[-1].endswith(f"#/experiments/{shown.experiment_id}/runs?{QUERY}")


def test_a_run_shows_at_most_12_parameters_first_those_that_vary():
    flat = {"arm": "gru-1", **Config().flat()}
    shown = shown_params(flat, ["training.clip_norm", "model.scorer"])
    assert list(shown)[:4] == ["arm", "training.clip_norm", "model.scorer", "training.seed"]
    assert len(shown) == MOST_PARAMS
    assert "encoder.model" not in shown, "a BiLSTM has no transformer"
    transformer = shown_params({**flat, "encoder.kind": "transformer"}, [])
    assert "encoder.model" in transformer
    assert "encoder.hidden_size" not in transformer


def test_the_studys_run_has_the_latest_numbers_once(opened, client):
    for value in (85.0, 85.0, 86.0):
        tracker = opened()
        values = [SummaryValue("Arms by K/test F1 GRU", 84.0, 0)]
        values.append(SummaryValue("Best arm/test F1", value))
        summary = Summary(values=values, tags={"rin.best_arm": "GRU"})
        tracker.on_study_end(StudyEnd(complete=True, summary=summary))
    (study,) = runs_of(client)
    assert study.data.metrics == {"Arms by K/test F1 GRU": 84.0, "Best arm/test F1": 86.0}
    history = client.get_metric_history(study.info.run_id, "Best arm/test F1")
    assert [metric.value for metric in history] == [85.0, 86.0]
    assert study.data.tags["rin.best_arm"] == "GRU"


def test_an_experiment_with_scores_as_fractions_is_left_beside_a_new_one(opened, client, runs):
    finish(runs["aaa"], 1)
    former = client.create_experiment("curve-demo")
    close(opened(), complete=True)
    assert client.get_experiment(former).name == f"curve-demo (former layout {former})"
    assert children(client)["aaa"].data.metrics["F1/test"] == 40.0


def test_the_command_that_shows_a_study_can_be_pasted(mlflow_db, tmp_path):
    folder = tmp_path / "Jörg's runs"
    folder.mkdir()
    uri = f"sqlite:///{shutil.copy(mlflow_db, folder / 'mlflow.db')}"
    tracker = MlflowTracker(uri, experiment(tmp_path, ("aaa",)))
    command = shlex.split(tracker.how_to_view()[0].removeprefix("MLflow: "))
    assert command[1:] == ["ui", "--backend-store-uri", uri]
    close(tracker, complete=True)


def test_a_second_start_continues_the_same_runs(opened, runs, client):
    first = opened()
    for run in runs.values():
        learn(run, 1)
        first.on_epoch(epoch_end(run.fingerprint, 1))
    finish(runs["bbb"], 1)
    first.synchronize("bbb")
    close(first, complete=False)
    second = opened()
    learn(runs["aaa"], 2)
    second.on_epoch(epoch_end("aaa", 1))  # a retried epoch
    second.on_epoch(epoch_end("aaa", 2))
    finish(runs["aaa"], 3)  # whose third epoch was never reported
    second.synchronize("aaa")
    second.synchronize("bbb")
    close(second, complete=True)
    assert second.remote.study_id == first.remote.study_id
    runs = children(client)
    assert steps(client, runs["aaa"]) == [1, 2, 3]
    assert steps(client, runs["bbb"], "F1/test") == [0]
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_another_content_of_the_corpus_has_a_study_run_of_its_own(tmp_path, mlflow_db, client):
    for fingerprint, content in (("aaa", "old"), ("bbb", "new"), ("ccc", "old")):
        spec = experiment(tmp_path, [fingerprint], tags={CONTENT: content})
        learn(spec.runs[fingerprint].run, 1)
        finish(spec.runs[fingerprint].run, 1)
        close(MlflowTracker(f"sqlite:///{mlflow_db}", spec), complete=True)
    parents = {name: run.data.tags[PARENT] for name, run in children(client).items()}
    assert parents["aaa"] == parents["ccc"] != parents["bbb"]
    content = {name: client.get_run(run).data.tags[CONTENT] for name, run in parents.items()}
    assert content == {"aaa": "old", "bbb": "new", "ccc": "old"}


def test_a_finished_run_is_sent_whole_and_dated_by_its_training(opened, runs, client):
    finish(runs["aaa"], 120)  # more than fits one request
    tracker = opened()
    tracker.synchronize("aaa")
    close(tracker, complete=True)
    run = children(client)["aaa"]
    history = client.get_metric_history(run.info.run_id, "training/loss")
    assert [m.step for m in history] == [*range(1, 121)]
    assert [m.timestamp for m in history[:2]] == [1000 * STARTED + 500, 1000 * STARTED + 1000]
    assert run.info.end_time - run.info.start_time == 60_000


def test_an_epoch_not_reported_yet_is_not_shown_yet(opened, runs, client):
    """A run that another study has trained further is judged epoch by epoch."""
    tracker = opened()
    learn(runs["aaa"], 9)
    tracker.on_epoch(epoch_end("aaa", 4))
    close(tracker, complete=False)
    assert steps(client, children(client)["aaa"]) == [1, 2, 3, 4]


def test_an_interrupted_run_is_sent_up_to_its_last_epoch(tracked, mlflow_db, runs, client):
    empty = dataclasses.replace(tracked, runs={})
    tracker = MlflowTracker(f"sqlite:///{mlflow_db}", empty)
    tracker.on_trial_start(tracked.runs["aaa"])
    tracker.on_trial_start(dataclasses.replace(tracked.runs["bbb"], experiment="another"))
    learn(runs["aaa"], 3)
    close(tracker, complete=False)
    (run,) = children(client).values()
    assert (run.info.status, run.data.tags[STATE]) == ("KILLED", "running")
    assert steps(client, run) == [1, 2, 3]


def test_epochs_on_a_node_of_its_own_are_shown_while_it_trains(
    mlflow_db, client, tracked, tmp_path
):
    store = Store(f"file://{tmp_path}/bucket")
    here = SharedRun(tmp_path / "here" / "aaa", store)
    node = SharedRun(tmp_path / "node" / "aaa", store)
    planned = {"aaa": dataclasses.replace(tracked.runs["aaa"], run=here)}
    tracker = MlflowTracker(f"sqlite:///{mlflow_db}", dataclasses.replace(tracked, runs=planned))
    token = node.claim()
    learn(node, 2)
    node.publish_epoch(token)
    tracker.on_epoch(epoch_end("aaa", 2))
    close(tracker, complete=False)
    run = children(client)["aaa"]
    assert steps(client, run) == [1, 2]
    assert steps(client, run, "system/process_memory_megabytes") == [1, 2]
    assert not (here.path / CHECKPOINT).exists()


def test_failed_and_interrupted_trials_have_their_own_status(opened, runs, client):
    tracker = opened()
    for name, run in runs.items():
        learn(run, 1)
        tracker.synchronize(name)
    runs["aaa"].record_failure("the training loss is nan")
    close(tracker, complete=False)
    runs = children(client)
    assert runs["aaa"].info.status == "FAILED"
    assert runs["aaa"].data.tags["rin.failure"] == "the training loss is nan"
    assert runs["bbb"].info.status == "KILLED"


def test_a_pruned_run_has_no_result_even_if_its_unit_is_trained_on(
    opened, runs, client, tracked, mlflow_db
):
    tracker = opened()
    learn(runs["aaa"], 2)
    tracker.on_trial_end(trial_end("aaa", state=TrialState.PRUNED, epochs=2))
    close(tracker, complete=True)
    finish(runs["aaa"], 5)  # an audit went to the end
    pruned = dataclasses.replace(tracked.runs["aaa"], pruned_after=2)
    again = MlflowTracker(
        f"sqlite:///{mlflow_db}", dataclasses.replace(tracked, runs={"aaa": pruned})
    )
    close(again, complete=True)
    run = children(client)["aaa"]
    assert run.info.status == "KILLED"
    assert (run.data.tags[STATE], run.data.tags["rin.epochs"]) == ("pruned", "2")
    assert steps(client, run) == [1, 2]
    assert "F1/test" not in run.data.metrics


@pytest.mark.slow
def test_what_could_not_be_sent_is_counted_and_sent_next_time(opened, runs, client, monkeypatch):
    finish(runs["aaa"], 2)
    tracker = opened()

    def down(*args, **kwargs):
        raise OSError("connection refused")

    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "log_batch", down)
        tracker.synchronize("aaa")
        assert close(tracker, complete=True) == 2  # the trial's run and the study's
    tracker = opened()
    tracker.synchronize("aaa")
    assert close(tracker, complete=True) == 0
    run = children(client)["aaa"]
    assert run.info.status == "FINISHED"
    assert run.data.params == {"k": "1"}
    assert steps(client, run) == [1, 2]


@pytest.mark.slow
def test_one_run_that_cannot_be_written_holds_up_no_other(opened, runs, client, caplog):
    tracker = opened()
    learn(runs["aaa"], 1)
    tracker.on_epoch(epoch_end("aaa", 1))
    deadline = time.monotonic() + 30
    while not children(client) and time.monotonic() < deadline:
        time.sleep(0.05)
    client.delete_run(children(client)["aaa"].info.run_id)  # by a person, in the UI
    with caplog.at_level(logging.WARNING):
        for number in range(2, 6):
            for name, run in runs.items():
                learn(run, number)
                tracker.on_epoch(epoch_end(name, number))
            time.sleep(0.1)
        finish(runs["bbb"], 6)
        tracker.synchronize("bbb")
        assert close(tracker, complete=True) == 1
    assert steps(client, children(client)["bbb"]) == [*range(1, 7)]
    assert len([r for r in caplog.records if "is retried" in r.message]) == 1


def test_of_two_remote_runs_of_one_run_one_is_kept(opened, runs, client):
    """As two requests to create it leave behind, the first of which was only slow."""
    first = opened()
    learn(runs["aaa"], 3)
    first.synchronize("aaa")
    close(first, complete=False)
    run = children(client)["aaa"]
    twin = client.create_run(run.info.experiment_id, tags=run.data.tags)
    client.log_metric(twin.info.run_id, WATCHED, 0.5, step=1)
    second = opened()
    finish(runs["aaa"], 4)
    second.synchronize("aaa")
    close(second, complete=True)
    assert steps(client, children(client)["aaa"]) == [1, 2, 3, 4]


def test_a_database_that_cannot_be_made_is_one_clear_error(tmp_path, tracked):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrackingError, match=r"--tracking-uri sqlite:///.*: .*; start the server"):
        MlflowTracker(f"sqlite:///{tmp_path}/file/mlflow.db", tracked)


def test_the_database_is_made_whole_or_not_at_all(tmp_path, monkeypatch):
    def die(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(MlflowClient, "search_experiments", die)
        with pytest.raises(KeyboardInterrupt):
            create_database(f"sqlite:///{tmp_path}/mlflow.db")
    assert list(tmp_path.iterdir()) == []


def test_a_study_without_a_tracker_does_not_import_mlflow(tracked):
    assert isinstance(open_tracker("none", tracked), NullTracker)
    loaded = "import study.execution.session, sys; assert 'mlflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", loaded], check=True, timeout=120)


def test_nothing_is_told_to_mlflows_makers():
    """In an environment that MLflow does not take for a test, where it would say nothing anyway."""
    asked = (
        "import study.tracking.mlflow.client\n"
        "import mlflow.telemetry.utils as telemetry\n"
        "assert not telemetry._IS_IN_CI_ENV_OR_TESTING\n"
        "assert telemetry.is_telemetry_disabled()"
    )
    bare = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    subprocess.run([sys.executable, "-c", asked], check=True, timeout=120, env=bare)


def test_findings_are_a_tag_without_text_of_the_corpus(tmp_path: Path) -> None:
    corpus = load_dataset("demo", Config())
    assert findings_tag(corpus) == "none"
    found = Finding(code="few-sentences", level="warning", text="Ann", split="train", count=3)
    note = Finding(code="tokenized", level="note", text="Bob")
    named = dataclasses.replace(corpus, findings=(found, note))
    assert findings_tag(named) == "few-sentences train 3, tokenized"
