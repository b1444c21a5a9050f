"""Folder names with characters that are special in URLs and shells."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from sqlalchemy import make_url

from study.commands.options import database_uri
from study.ledger.databases import MLFLOW, sqlite_path, sqlite_uri
from study.search.optuna_store import open_storage
from study.tracking.base import ExperimentSpec
from study.tracking.mlflow.sender import MlflowTracker
from tests.ledgers import EXPERIMENT, Ledger

ROOT = Path(__file__).parents[2]
NAMES = ["a b", "a?b", "a#b", "a%b", "a%20b", "a&b=c", "é", "a'b", "a$(b)", "a;b"]


@pytest.mark.parametrize("name", NAMES)
def test_the_address_of_a_database_leads_to_its_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name / MLFLOW
    assert sqlite_path(sqlite_uri(path)) == path
    assert make_url(sqlite_uri(path)).database == str(path)
    assert sqlite_path("http://127.0.0.1:5000") is None
    open_storage(path)
    assert path.is_file()
    assert [found.name for found in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_the_printed_command_opens_the_database(
    name: str, tmp_path: Path, mlflow_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / name
    runs.mkdir()
    mlflow_db.rename(runs / MLFLOW)
    uri = database_uri(runs)
    monkeypatch.chdir(tmp_path)
    spec = ExperimentSpec(
        name="x", description="", runs={}, tags={}, artifacts=runs / "artifacts", corpus=None
    )
    shown = MlflowTracker(uri, spec).how_to_view()[0].partition("MLflow: ")[2]
    words = shlex.split(shown)
    opened = sqlite_path(words[words.index("--backend-store-uri") + 1])
    assert opened is not None
    assert opened.resolve() == runs / MLFLOW
    found = MlflowClient(tracking_uri=words[-1]).search_experiments()
    assert "x" in [experiment.name for experiment in found]
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.slow
def test_a_command_works_in_such_a_folder(tmp_path: Path) -> None:
    made = Ledger(tmp_path / "a b?c#d%20e")
    made.finish(made.plan("gru-1", 0), 0.5)
    made.save()
    ran = subprocess.run(
        [sys.executable, str(ROOT / "study" / "run.py"), "sync", "--runs", made.runs.name],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    client = MlflowClient(tracking_uri=database_uri(made.runs))
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    assert client.search_runs([experiment.experiment_id])
    assert [entry.name for entry in tmp_path.iterdir()] == [made.runs.name]
