"""What a study tells of its trials, and whom: MLflow, or nobody."""

from __future__ import annotations

import os

from study.tracking.base import NOBODY, Tracked, Tracking, Untracked

# Read when MLflow is imported, and with every request; a person's own settings come first.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# MLflow repeats a request whose answer was lost, also one that creates something: two runs.
# What got no answer is tried again here, after a look at what has arrived.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")


def track(uri: str, tracked: Tracked) -> Tracking:
    """Begin or go on with an experiment.

    Args:
        uri: Tracking URI, such as ``sqlite:////abs/mlflow.db``, ``postgresql://…`` or
            ``http://127.0.0.1:5000``; :data:`NOBODY` tracks nothing.
        tracked: What to show.

    Raises:
        TrackingError: The server or database cannot be used.
    """
    if uri == NOBODY:
        return Untracked()
    from study.tracking.mlflow.sender import (
        Tracker,  # takes seconds, which nobody need not wait for
    )

    return Tracker(uri, tracked)
