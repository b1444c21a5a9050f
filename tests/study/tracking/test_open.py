"""A study without a tracker."""

import subprocess
import sys

from study.tracking.base import ExperimentSpec, NullTracker
from study.tracking.open import open_tracker


def test_a_study_without_a_tracker_does_not_import_mlflow(tracked: ExperimentSpec) -> None:
    assert isinstance(open_tracker("none", tracked), NullTracker)
    loaded = "import study.execution.session, sys; assert 'mlflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", loaded], check=True, timeout=120)
