"""An experiment of two trials, its runs, and a tracker of MLflow."""

from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from study.ledger.run import Run
from study.tracking.base import ExperimentSpec
from study.tracking.mlflow import sender as mlflow_tracker
from study.tracking.mlflow.sender import MlflowTracker
from tests.tracked import experiment

Opened = Callable[[], MlflowTracker]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_tracker, "BATCH_SECONDS", 0.05)


@pytest.fixture
def tracked(tmp_path: Path) -> ExperimentSpec:
    return experiment(tmp_path)


@pytest.fixture
def runs(tracked: ExperimentSpec) -> dict[str, Run]:
    return {name: planned.run for name, planned in tracked.runs.items()}


@pytest.fixture
def opened(mlflow_db: Path, tracked: ExperimentSpec) -> Opened:
    return lambda: MlflowTracker(f"sqlite:///{mlflow_db}", tracked)


@pytest.fixture
def client(mlflow_db: Path) -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{mlflow_db}")
