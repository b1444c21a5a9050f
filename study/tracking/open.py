"""Opens the tracker that a tracking URI names."""

from __future__ import annotations

import pkgutil
from importlib.metadata import entry_points
from urllib.parse import urlsplit

from rin_core.suggestions import suggestion
from study.tracking.base import DISABLED, ExperimentSpec, Tracker

#: The class of each tracker, by the URI's scheme or the whole name. A class is imported when it
#: is used: MLflow's import takes seconds. Schemes that are not listed are MLflow's.
TRACKERS = {
    DISABLED: "study.tracking.base:NullTracker",
    "mlflow": "study.tracking.mlflow.sender:MlflowTracker",
}

#: Schemes of MLflow's servers, and of the databases that it can use. Plugins add others.
SERVERS = ("http", "https")
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


def check_scheme(uri: str) -> None:
    """Check that a tracker, MLflow or one of its plugins can log to a tracking URI.

    Raises:
        ValueError: None can.
    """
    name = uri.partition(":")[0]
    if name in TRACKERS.keys() - {"mlflow"}:
        return
    scheme = urlsplit(uri).scheme
    remedy = "name a database, as in sqlite:///FILE, or a server, as in http://HOST:5000"
    if name in ("databricks", "databricks-uc"):
        # It takes only names of experiments that are paths in a workspace.
        raise ValueError(f"Databricks is not supported; {remedy}")
    if scheme in ("", "file"):
        raise ValueError(f"MLflow does not log to folders; {remedy}")
    plugins = [found.name for found in entry_points(group="mlflow.tracking_store")]
    known = [*SERVERS, *DATABASES, *plugins]
    if scheme not in known and not is_database(uri):
        near = suggestion(scheme, known, f"known are {', '.join(known)}")
        raise ValueError(f"unknown scheme {scheme!r}; {near}")


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


def is_database(uri: str) -> bool:
    """Tell whether a tracking URI is that of a database.

    A driver may follow its name, as in ``postgresql+psycopg2``.
    """
    return urlsplit(uri).scheme.partition("+")[0] in DATABASES


def is_mlflow(uri: str) -> bool:
    """Tell whether a tracking URI is MLflow's, without importing MLflow."""
    return _class_of(uri) == TRACKERS["mlflow"]


def _class_of(uri: str) -> str:
    return TRACKERS.get(uri.partition(":")[0], TRACKERS["mlflow"])
