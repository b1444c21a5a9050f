"""What MLflow shows of a trial and of a study: names, tags, parameters and metrics."""

import dataclasses
import shlex
import shutil
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from rin_core.config import Config
from study.ledger.run import Run
from study.tracking.base import CONTENT, ExperimentSpec, StudyEnd, Summary, SummaryValue
from study.tracking.mlflow.names import CAVEAT, KIND, MOST_PARAMS, PARENT, shown_params
from study.tracking.mlflow.sender import MlflowTracker
from study.tracking.mlflow.view import QUERY
from tests.records import NO_PREDICTIONS, a_result, scores
from tests.study.tracking.conftest import Opened
from tests.tracked import (
    children,
    close,
    epoch_end,
    experiment,
    finish,
    learn,
    runs_of,
    steps,
)


def test_a_trial_is_a_child_run_with_a_metric_an_epoch(
    opened: Opened, runs: dict[str, Run], client: MlflowClient
) -> None:
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


def test_no_score_of_test_stands_under_the_name_of_dev(
    tmp_path: Path, mlflow_db: Path, client: MlflowClient
) -> None:
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
    best = second.best()
    assert best is not None
    assert best.spec == tracked.runs["aaa"]
    run = children(client)["bbb"]
    assert [name for name in run.data.metrics if "dev" in name] == []
    assert steps(client, run, "F1/test_by_epoch") == [1, 2]
    assert run.data.metrics["F1/test"] == 40.0
    assert {"F1/dev", "F1/best_dev"} <= children(client)["aaa"].data.metrics.keys()


def test_what_learned_nothing_has_a_tag_and_is_not_the_best(
    opened: Opened, runs: dict[str, Run], client: MlflowClient
) -> None:
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


def test_averaged_weights_have_metrics_of_their_own(
    opened: Opened, runs: dict[str, Run], client: MlflowClient
) -> None:
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


def test_the_best_model_is_chosen_by_the_weights_that_the_verdicts_are_about(
    opened: Opened, runs: dict[str, Run], tracked: ExperimentSpec, mlflow_db: Path
) -> None:
    """Which may be another run's than those of the epochs that were selected on dev."""
    tracker = opened()
    for name, f1, averaged in (("aaa", 0.9, 0.5), ("bbb", 0.4, 0.6)):
        own = scores(averaged)
        finish(runs[name], 2, f1, averaged_selection_scores=own, averaged_test_scores=own)
        runs[name].weights.touch()
    assert tracker.best() is None, "no averaged weights are here"
    for run in runs.values():
        run.averaged_weights.touch()
    best = tracker.best()
    assert best is not None
    assert (best.spec.fingerprint, best.dev_f1) == ("bbb", 0.6)
    assert best.weights == runs["bbb"].averaged_weights
    close(tracker, complete=False)
    searched = dataclasses.replace(tracked, ranks_arms=False)
    search = MlflowTracker(f"sqlite:///{mlflow_db}", searched)
    best = search.best()
    assert best is not None
    assert best.weights == runs["aaa"].weights, "a search tunes the score of the selected epoch"
    close(search, complete=False)


def test_the_study_is_told_in_words_where_one_looks_for_them(
    opened: Opened, client: MlflowClient, tmp_path: Path
) -> None:
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


def test_a_run_shows_at_most_12_parameters_first_those_that_vary() -> None:
    flat = {"arm": "gru-1", **Config().flat()}
    shown = shown_params(flat, ["training.clip_norm", "model.scorer"])
    assert list(shown)[:4] == ["arm", "training.clip_norm", "model.scorer", "training.seed"]
    assert len(shown) == MOST_PARAMS
    assert "encoder.model" not in shown, "a BiLSTM has no transformer"
    transformer = shown_params({**flat, "encoder.kind": "transformer"}, [])
    assert "encoder.model" in transformer
    assert "encoder.hidden_size" not in transformer


def test_the_studys_run_has_the_latest_numbers_once(opened: Opened, client: MlflowClient) -> None:
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


def test_an_experiment_with_scores_as_fractions_is_left_beside_a_new_one(
    opened: Opened, client: MlflowClient, runs: dict[str, Run]
) -> None:
    finish(runs["aaa"], 1)
    former = client.create_experiment("curve-demo")
    close(opened(), complete=True)
    assert client.get_experiment(former).name == f"curve-demo (former layout {former})"
    assert children(client)["aaa"].data.metrics["F1/test"] == 40.0


def test_the_command_that_shows_a_study_can_be_pasted(
    mlflow_db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "Jörg's runs"
    folder.mkdir()
    uri = f"sqlite:///{shutil.copy(mlflow_db, folder / 'mlflow.db')}"
    tracker = MlflowTracker(uri, experiment(tmp_path, ("aaa",)))
    command = shlex.split(tracker.how_to_view()[0].removeprefix("MLflow: "))
    assert command[1:] == ["ui", "--backend-store-uri", uri]
    # An environment may extend another, which has the program.
    python = tmp_path / "bin" / "python"
    monkeypatch.setattr("sys.executable", str(python))
    command = shlex.split(tracker.how_to_view()[0].removeprefix("MLflow: "))
    assert command == [str(python), "-m", "mlflow", "ui", "--backend-store-uri", uri]
    close(tracker, complete=True)


def test_another_content_of_the_corpus_has_a_study_run_of_its_own(
    tmp_path: Path, mlflow_db: Path, client: MlflowClient
) -> None:
    for fingerprint, content in (("aaa", "old"), ("bbb", "new"), ("ccc", "old")):
        spec = experiment(tmp_path, [fingerprint], tags={CONTENT: content})
        learn(spec.runs[fingerprint].run, 1)
        finish(spec.runs[fingerprint].run, 1)
        close(MlflowTracker(f"sqlite:///{mlflow_db}", spec), complete=True)
    parents = {name: run.data.tags[PARENT] for name, run in children(client).items()}
    assert parents["aaa"] == parents["ccc"] != parents["bbb"]
    contents = {name: client.get_run(run).data.tags[CONTENT] for name, run in parents.items()}
    assert contents == {"aaa": "old", "bbb": "new", "ccc": "old"}


def test_a_record_without_a_content_has_the_study_run_that_is_there(
    tmp_path: Path, mlflow_db: Path, client: MlflowClient
) -> None:
    """As an imported search, whose session wrote the content before."""
    for tags in ({CONTENT: "new"}, {}):
        spec = experiment(tmp_path, ["aaa"], tags=tags)
        close(MlflowTracker(f"sqlite:///{mlflow_db}", spec), complete=True)
    (study,) = runs_of(client)
    assert study.data.tags[CONTENT] == "new"
