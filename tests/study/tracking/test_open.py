"""Which tracker a URI opens, a study without one, and what every tracker does."""

import dataclasses
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from study.ledger.run import Run
from study.tracking.base import ExperimentSpec, NullTracker, Tracker, TrackingError
from study.tracking.open import DATABASES, check_scheme, is_mlflow, open_tracker


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("none", False),
        ("mlflow", True),
        ("sqlite:////tmp/mlflow.db", True),
        ("http://127.0.0.1:5000", True),
    ],
)
def test_a_scheme_that_is_not_listed_is_of_mlflow(uri: str, expected: bool) -> None:
    assert is_mlflow(uri) is expected


@pytest.mark.parametrize(
    "uri",
    ["none", "http://127.0.0.1:5000", "sqlite:///a.db", "postgresql+psycopg2://h/d"],
)
def test_a_scheme_that_mlflow_knows_is_accepted(uri: str) -> None:
    check_scheme(uri)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("htp://localhost:5000", r"unknown scheme 'htp'; did you mean http\?"),
        ("postgres://host/name", r"unknown scheme 'postgres'; did you mean postgresql\?"),
        ("gopher://host", r"unknown scheme 'gopher'; .*http, https, .*mssql"),
        ("uc:http://127.0.0.1:8080", r"unknown scheme 'uc'; .*http, https"),
        ("databricks-uc", r"Databricks is not supported; .*sqlite:///FILE"),
        ("databricks://profile", r"Databricks is not supported; .*sqlite:///FILE"),
        ("databricks", r"Databricks is not supported; .*sqlite:///FILE"),
        ("/tmp/runs", r"MLflow does not log to folders; .*sqlite:///FILE"),
        ("mlruns", r"MLflow does not log to folders; .*sqlite:///FILE"),
        ("mlflow", r"MLflow does not log to folders; .*sqlite:///FILE"),
        ("file:///tmp/runs", r"MLflow does not log to folders; .*sqlite:///FILE"),
    ],
)
def test_an_address_that_cannot_work_is_refused(uri: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_scheme(uri)


def test_a_plugin_of_mlflow_adds_a_scheme(
    monkeypatch: pytest.MonkeyPatch, tracked: ExperimentSpec
) -> None:
    """It is no database, and MLflow opens it."""
    plugin = EntryPoint("gopher", "somewhere:Store", "mlflow.tracking_store")
    monkeypatch.setattr("study.tracking.open.entry_points", lambda group: [plugin])
    check_scheme("gopher://host")
    with pytest.raises(TrackingError, match=r"got unsupported URI .*; check the address, or"):
        open_tracker("gopher://host", tracked)


@pytest.mark.slow
def test_the_databases_are_those_of_mlflow() -> None:
    from mlflow.store.db.db_types import DATABASE_ENGINES

    assert set(DATABASES) == set(DATABASE_ENGINES)


def test_a_tracker_takes_new_runs_of_its_own_experiment(tracked: ExperimentSpec) -> None:
    tracker = Tracker("none", tracked)
    spec = next(iter(tracked.runs.values()))
    own = dataclasses.replace(spec, run=Run(spec.run.path.with_name("new")))
    other = dataclasses.replace(own, experiment="other")
    tracker.on_trial_start(other)
    assert tracker.runs == tracked.runs
    tracker.on_trial_start(own)
    assert tracker.runs == {**tracked.runs, "new": own}


def test_a_study_without_a_tracker_does_not_import_mlflow(tracked: ExperimentSpec) -> None:
    assert isinstance(open_tracker("none", tracked), NullTracker)
    loaded = "import study.execution.session, sys; assert 'mlflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", loaded], check=True, timeout=120)
