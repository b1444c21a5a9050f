"""The database of MLflow, and what its client says to others."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from rin_core.config import Config
from rin_core.data.corpus import Finding
from rin_core.data.loading import load_dataset
from study.tracking.base import ExperimentSpec, TrackingError
from study.tracking.mlflow.client import create_database, findings_tag
from study.tracking.mlflow.sender import MlflowTracker


def test_a_database_that_cannot_be_made_is_one_clear_error(
    tmp_path: Path, tracked: ExperimentSpec
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrackingError, match=r"--tracking-uri sqlite:///.*: .*; check the path, or"):
        MlflowTracker(f"sqlite:///{tmp_path}/file/mlflow.db", tracked)


def test_the_database_is_made_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(MlflowClient, "search_experiments", die)
        with pytest.raises(KeyboardInterrupt):
            create_database(tmp_path / "mlflow.db")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_told_to_mlflows_makers() -> None:
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
