"""Which tracker a URI opens, a study without one, and what every tracker does."""

import dataclasses
import subprocess
import sys

import pytest

from study.ledger.run import Run
from study.tracking.base import ExperimentSpec, NullTracker, Tracker
from study.tracking.open import is_mlflow, open_tracker


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
