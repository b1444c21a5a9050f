"""Opens the tracker that a tracking URI names."""

from __future__ import annotations

import pkgutil

from study.tracking.base import DISABLED, ExperimentSpec, Tracker

#: The class of each tracker, by the URI's scheme or the whole name. A class is imported when it
#: is used: MLflow's import takes seconds. Schemes that are not listed are MLflow's.
TRACKERS = {
    DISABLED: "study.tracking.base:NullTracker",
    "mlflow": "study.tracking.mlflow.sender:MlflowTracker",
}


def open_tracker(uri: str, experiment: ExperimentSpec) -> Tracker:
    """Open an experiment in a tracker; an experiment that is there is continued.

    Args:
        uri: Tracking URI, such as ``sqlite:////abs/mlflow.db``, ``postgresql://…`` or
            ``http://127.0.0.1:5000``; :data:`DISABLED` tracks nothing.
        experiment: What to show.

    Raises:
        TrackingError: The server or database cannot be used.
    """
    tracker: Tracker = pkgutil.resolve_name(_class_of(uri))(uri, experiment)
    return tracker


def is_mlflow(uri: str) -> bool:
    """Tell whether a tracking URI is MLflow's, without importing MLflow."""
    return _class_of(uri) == TRACKERS["mlflow"]


def _class_of(uri: str) -> str:
    return TRACKERS.get(uri.partition(":")[0], TRACKERS["mlflow"])
