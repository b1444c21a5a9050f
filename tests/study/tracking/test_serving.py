"""A trained model in MLflow's own format: loaded and served, it finds what prediction finds."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import pytest
import torch
from mlflow.tracking import MlflowClient

from rin_core.predict.predictor import Predictor
from study.tracking.base import TrackingError
from study.tracking.mlflow import served_model
from study.tracking.mlflow.model import save_model
from study.tracking.mlflow.names import BEST, FINGERPRINT, WEIGHTS
from study.tracking.mlflow.registry import register_model
from study.tracking.mlflow.sender import MlflowTracker
from tests.conftest import Trained
from tests.records import scores
from tests.servers import free_port
from tests.tracked import children, close, experiment, finish, steps


@pytest.fixture(scope="module")
def model(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(trained.weights, tmp_path_factory.mktemp("served") / "model")


@pytest.fixture(scope="module")
def sentences(trained: Trained) -> list[str]:
    written = [" ".join(sentence.words).replace(" .", ".") for sentence in trained.corpus.dev[:20]]
    return [*written, " ".join(written[:3]), ""]


def expected(trained: Trained, sentences: list[str]) -> list[dict[str, Any]]:
    """Return what the command writes."""
    command = [sys.executable, "-m", "rin_core.predict", "--model", str(trained.weights), "--json"]
    ran = subprocess.run([*command, *sentences], capture_output=True, check=True)
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    triples = [s["triples"] for row in found for s in row["sentences"]]
    assert any(triples), "a model that finds nothing proves nothing"
    return found


def test_a_loaded_model_finds_what_prediction_finds(
    model: Path, trained: Trained, sentences: list[str]
) -> None:
    loaded = mlflow.pyfunc.load_model(str(model))
    assert loaded.predict(sentences) == expected(trained, sentences)


def test_it_carries_code_weights_signature_and_example_and_no_pickle(model: Path) -> None:
    names = {str(path.relative_to(model)) for path in model.rglob("*") if path.is_file()}
    assert {"served_model.py", "artifacts/weights.safetensors", "input_example.json"} <= names
    assert "code/rin_core/model/rin.py" in names
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".pt", ".bin"))]
    assert "string" in str(mlflow.models.get_model_info(str(model)).signature.inputs)


@pytest.mark.parametrize(
    ("named", "has_gpu", "device"),
    [
        (None, False, "cpu"),
        (None, True, "cuda"),
        ("", True, "cuda"),
        ("cpu", True, "cpu"),
        ("cuda:1", True, "cuda:1"),
    ],
)
def test_it_computes_on_the_named_device_else_on_a_gpu_if_there_is_one(
    monkeypatch: pytest.MonkeyPatch, named: str | None, has_gpu: bool, device: str
) -> None:
    if named is None:
        monkeypatch.delenv("MLFLOW_DEFAULT_PREDICTION_DEVICE", raising=False)
    else:
        monkeypatch.setenv("MLFLOW_DEFAULT_PREDICTION_DEVICE", named)
    monkeypatch.setattr("torch.cuda.is_available", lambda: has_gpu)
    used: list[torch.device | None] = []

    def load(weights: Path, device: torch.device | None = None) -> None:
        used.append(device)

    monkeypatch.setattr("rin_core.predict.predictor.Predictor.load", load)
    served_model.ServedModel().load_context(SimpleNamespace(artifacts={"weights": "file"}))
    assert used == [torch.device(device)]


def test_a_model_is_saved_without_the_gpu(
    monkeypatch: pytest.MonkeyPatch, trained: Trained, tmp_path: Path
) -> None:
    """The trials of another study may fill it. The example is computed when a model is saved."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setenv("MLFLOW_DEFAULT_PREDICTION_DEVICE", "cuda:7")
    used: list[torch.device | None] = []
    whole = Predictor.load

    def load(weights: Path, device: torch.device | None = None) -> Predictor:
        used.append(device)
        return whole(weights)

    monkeypatch.setattr(Predictor, "load", load)
    save_model(trained.weights, tmp_path / "model")
    assert set(used) == {torch.device("cpu")}
    assert os.environ["MLFLOW_DEFAULT_PREDICTION_DEVICE"] == "cuda:7"


@pytest.fixture
def server(model: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(model)]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    # MLflow calls uvicorn by name: the environment must be activated, as for the command itself.
    activated = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        command,
        cwd=model,  # so that the code it runs is the model's own
        env=os.environ | {"PATH": activated},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 150
        while True:
            try:
                urllib.request.urlopen(f"{url}/ping", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, "the server ended"
                assert time.monotonic() < deadline, "the server did not answer"
                time.sleep(0.3)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@pytest.mark.timeout(240)
@pytest.mark.slow
def test_a_server_answers_with_the_same_triples(
    server: str, trained: Trained, sentences: list[str]
) -> None:
    request = urllib.request.Request(
        f"{server}/invocations",
        json.dumps({"inputs": sentences}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer)["predictions"] == expected(trained, sentences)


def test_the_studys_run_carries_the_best_trials_model(
    mlflow_db: Path,
    tmp_path: Path,
    trained: Trained,
    sentences: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two finished trials the one that was ahead on dev; looked at again, nothing is resent."""
    uri = f"sqlite:///{mlflow_db}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    tracked = experiment(tmp_path, ("aaa", "bbb", "ccc"), corpus=trained.encoded)
    for name, f1 in (("aaa", 0.9), ("bbb", 0.4)):
        run = tracked.runs[name].run
        finish(run, 2, f1)
        shutil.copy(trained.weights, run.weights)
    for _ in range(2):
        tracker = MlflowTracker(uri, tracked)
        for name in tracked.runs:
            tracker.synchronize(name)
        assert close(tracker, complete=True) == 0
        client, study = tracker.remote.client, tracker.remote.study_id
        assert client.get_run(study).data.tags[BEST] == "aaa"
        (model,) = client.search_logged_models([tracker.remote.experiment_id])
        assert (model.status, model.source_run_id) == ("READY", study)
        found = {metric.key: metric.value for metric in model.metrics}
        assert found == {"F1/best_dev": 90.0, "F1/test": 40.0}
        trial = children(client)["aaa"]
        assert steps(client, trial, "F1/test") == [0], "the run has its score once"
        loaded = mlflow.pyfunc.load_model(f"runs:/{study}/model")
        assert loaded.predict(sentences) == expected(trained, sentences)
        for run in children(client).values():
            (used,) = run.inputs.dataset_inputs
            assert (used.dataset.name, used.dataset.digest) == ("demo", trained.encoded.digest)
            assert json.loads(used.dataset.profile)["train_sentences"] == 60


def test_a_study_of_averaged_weights_has_them_and_their_scores_as_its_model(
    mlflow_db: Path,
    tmp_path: Path,
    trained: Trained,
    sentences: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uri = f"sqlite:///{mlflow_db}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    tracked = experiment(tmp_path, ("aaa",))
    run = tracked.runs["aaa"].run
    finish(run, 2, 0.9, averaged_selection_scores=scores(0.6), averaged_test_scores=scores(0.55))
    shutil.copy(trained.weights, run.averaged_weights)
    run.weights.write_bytes(b"those of the selected epoch")
    tracker = MlflowTracker(uri, tracked)
    tracker.synchronize("aaa")
    assert close(tracker, complete=True) == 0
    (model,) = tracker.remote.client.search_logged_models([tracker.remote.experiment_id])
    found = {metric.key: metric.value for metric in model.metrics}
    assert found == {"F1/averaged_dev": 60.0, "F1/averaged_test": 55.0}
    loaded = mlflow.pyfunc.load_model(f"runs:/{tracker.remote.study_id}/model")
    assert loaded.predict(sentences) == expected(trained, sentences)
    assert register_model(uri, tracked.name, "rin") == "models:/rin/1"
    (version,) = tracker.remote.client.search_model_versions("name = 'rin'")
    assert (version.tags[FINGERPRINT], version.tags[WEIGHTS]) == ("aaa", "averaged")


def test_the_best_model_is_registered_on_request_and_once(
    mlflow_db: Path,
    tmp_path: Path,
    trained: Trained,
    sentences: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """MLflow's own settings name another place until the model is loaded."""
    uri = f"sqlite:///{mlflow_db}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
    tracked = experiment(tmp_path, ("aaa", "bbb"))
    with pytest.raises(TrackingError, match="--register rin: MLflow has no model of curve-demo"):
        register_model(uri, tracked.name, "rin")
    for name, f1, address in (
        *(("aaa", 0.5, "models:/rin/1"), ("aaa", 0.5, "models:/rin/1")),
        ("bbb", 0.7, "models:/rin/2"),
    ):
        run = tracked.runs[name].run
        if run.result() is None:
            finish(run, 2, f1)
            shutil.copy(trained.weights, run.weights)
        tracker = MlflowTracker(uri, tracked)
        tracker.synchronize(name)
        assert close(tracker, complete=True) == 0
        assert register_model(uri, tracked.name, "rin") == address
    versions = tracker.remote.client.search_model_versions("name = 'rin'")
    assert {v.version: v.tags[FINGERPRINT] for v in versions} == {1: "aaa", 2: "bbb"}
    assert {v.run_id for v in versions} == {tracker.remote.study_id}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    loaded = mlflow.pyfunc.load_model("models:/rin/2")
    assert loaded.predict(sentences) == expected(trained, sentences)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model is one file."""

    def save(weights: Path, folder: Path, *_: object) -> Path:
        folder.mkdir()
        (folder / "MLmodel").write_text(weights.read_text())
        return folder

    monkeypatch.setattr("study.tracking.mlflow.model.save_model", save)


@pytest.mark.usefixtures("_small")
def test_another_ledger_replaces_a_model_only_by_a_better_one(
    mlflow_db: Path, tmp_path: Path
) -> None:
    """A registered version names its model, which stays."""
    uri = f"sqlite:///{mlflow_db}"
    client = MlflowClient(tracking_uri=uri)

    def end(ledger: str, name: str, f1: float, **changes: Any) -> list[str]:
        tracked = experiment(tmp_path / ledger, (name,))
        run = tracked.runs[name].run
        finish(run, 2, f1, **changes)
        for averaged in (False, True):
            run.model(averaged=averaged).write_text(name)
        tracker = MlflowTracker(uri, tracked)
        tracker.synchronize(name)
        assert close(tracker, complete=True) == 0
        models = client.search_logged_models([tracker.remote.experiment_id])
        return [model.tags[FINGERPRINT] for model in models]

    assert end("one", "aaa", 0.5) == ["aaa"]
    assert end("two", "bbb", 0.4) == ["aaa"]
    assert end("three", "ccc", 0.5) == ["aaa"]
    assert register_model(uri, "curve-demo", "rin") == "models:/rin/1"
    assert end("four", "ddd", 0.6) == ["ddd", "aaa"]
    assert end("five", "eee", 0.7) == ["eee", "aaa"]
    assert register_model(uri, "curve-demo", "rin") == "models:/rin/2"
    both = {"averaged_selection_scores": scores(0.3), "averaged_test_scores": scores(0.3)}
    judged_otherwise = end("six", "fff", 0.2, **both)
    assert judged_otherwise == ["fff", "eee", "aaa"]


def test_an_upload_that_fails_leaves_the_earlier_model(
    mlflow_db: Path, tmp_path: Path, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best model is not registered until it is complete; the next start uploads it again."""
    uri = f"sqlite:///{mlflow_db}"
    tracked = experiment(tmp_path, ("aaa", "bbb"))

    def end(name: str, f1: float) -> int:
        run = tracked.runs[name].run
        if run.result() is None:
            finish(run, 2, f1)
            shutil.copy(trained.weights, run.weights)
        tracker = MlflowTracker(uri, tracked)
        tracker.synchronize(name)
        return close(tracker, complete=True)

    def down(*_: object, **__: object) -> None:
        raise OSError("connection reset")

    def models() -> list[tuple[str, str]]:
        client = MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(tracked.name)
        logged = client.search_logged_models([found.experiment_id])
        return [(model.tags[FINGERPRINT], str(model.status)) for model in logged]

    assert end("aaa", 0.5) == 0
    for cleaned, expected in (
        (True, [("aaa", "READY")]),
        (False, [("bbb", "PENDING"), ("aaa", "READY")]),
    ):
        with monkeypatch.context() as broken:
            broken.setattr(MlflowClient, "log_model_artifacts", down)
            if not cleaned:
                broken.setattr(MlflowClient, "delete_logged_model", down)
            assert end("bbb", 0.7) == 1
        assert models() == expected
        with pytest.raises(TrackingError, match=r"upload did not end; run the same command again"):
            register_model(uri, tracked.name, "rin")
    assert end("bbb", 0.7) == 0
    assert models() == [("bbb", "READY")]
    assert register_model(uri, tracked.name, "rin") == "models:/rin/1"
