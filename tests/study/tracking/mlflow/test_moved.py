"""A ledger that was moved or copied: nothing is written to, or read from, the old place."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from mlflow.tracking import MlflowClient

from study.tracking.mlflow.client import create_database
from study.tracking.mlflow.moved import update_addresses


def a_ledger(root: Path, name: str = "curve") -> tuple[str, str]:
    """Write a database with a run that has one file; return its URI and the run."""
    uri = f"sqlite:///{root / 'mlflow.db'}"
    create_database(root / "mlflow.db")
    client = MlflowClient(uri)
    artifacts = (root / "artifacts").resolve().as_uri()
    run = client.create_run(client.create_experiment(name, artifacts)).info
    folder = Path(url2pathname(urlparse(run.artifact_uri).path))
    folder.mkdir(parents=True)  # by hand: MLflow's client keeps the address of a run
    (folder / "note.txt").write_text("here")
    return uri, run.run_id


def test_files_of_a_moved_ledger_are_found_and_written_in_the_new_place(tmp_path: Path) -> None:
    old, new = tmp_path / "old 100%_", tmp_path / "new"
    _, run = a_ledger(old)
    first = MlflowClient(f"sqlite:///{old / 'mlflow.db'}")
    first.create_registered_model("rin")
    first.create_model_version("rin", f"{(old / 'artifacts').as_uri()}/models/m-1", run)
    shutil.move(old, new)
    uri = f"sqlite:///{new / 'mlflow.db'}"
    update_addresses(uri, "curve", new / "artifacts")
    client = MlflowClient(uri)
    version = client.get_model_version("rin", "1")
    places = version.source, client.get_model_version_download_uri("rin", "1")
    assert places == (f"{(new / 'artifacts').as_uri()}/models/m-1",) * 2
    client.log_text(run, "more", "more.txt")
    assert [file.path for file in client.list_artifacts(run)] == ["more.txt", "note.txt"]
    other = client.create_run(client.get_experiment_by_name("curve").experiment_id)
    assert other.info.artifact_uri.startswith(new.as_uri())
    assert not old.exists()


def test_a_copy_leaves_the_original_alone(tmp_path: Path) -> None:
    _, run = a_ledger(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    uri = f"sqlite:///{tmp_path / 'two' / 'mlflow.db'}"
    update_addresses(uri, "curve", tmp_path / "two" / "artifacts")
    MlflowClient(uri).log_text(run, "more", "more.txt")
    assert not list((tmp_path / "one").rglob("more.txt"))
    assert list((tmp_path / "two").rglob("more.txt"))


def test_places_that_a_person_chose_stay(tmp_path: Path) -> None:
    uri, run = a_ledger(tmp_path / "one", "curve")
    before = MlflowClient(uri).get_run(run).info.artifact_uri
    update_addresses(uri, "another", tmp_path / "one" / "artifacts")
    update_addresses(uri, "curve", tmp_path / "elsewhere" / "artifacts")  # another database's
    update_addresses("http://127.0.0.1:9", "curve", tmp_path / "artifacts")
    assert MlflowClient(uri).get_run(run).info.artifact_uri == before
