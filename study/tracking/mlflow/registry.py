"""MLflow's model registry: the best model of a study as a version of a named model."""

from __future__ import annotations

from mlflow.exceptions import MlflowException

from rin_core.cli import without_credentials
from rin_core.problems import first_line
from study.tracking.base import TrackingError
from study.tracking.mlflow.deadline import open_client
from study.tracking.mlflow.model import complete_models, identity
from study.tracking.mlflow.names import BEST, FINGERPRINT, KIND


def register_model(uri: str, experiment: str, name: str) -> str:
    """Make the best model of a study a version of a registered model.

    A model that is already a version is not registered again.

    Args:
        uri: Tracking URI.
        experiment: The study.
        name: Of the registered model; a new one is created.

    Returns:
        The address of the version, as in ``models:/NAME/2``.

    Raises:
        TrackingError: MLflow has no model of the study, or cannot be used.
    """
    try:
        return _register(uri, experiment, name)
    except TrackingError:
        raise
    except Exception as error:  # of MLflow, SQLAlchemy, and of an answer of any form
        reason = without_credentials(first_line(error))
        raise TrackingError(f"--register {name}: {reason}; run the same command again") from error


def _register(uri: str, experiment: str, name: str) -> str:
    client = open_client(uri)
    found = client.get_experiment_by_name(experiment)
    studies = client.search_runs([found.experiment_id], f"tags.`{KIND}` = 'study'") if found else []
    best = {run.info.run_id: run.data.tags.get(BEST) for run in studies}
    if found is None or not any(best.values()):
        raise TrackingError(
            f"--register {name}: MLflow has no model of {experiment}, because no finished run in "
            "the ledger has weights and a dev F1; 'rin-study rerun FINGERPRINT' makes weights again"
        )
    models = complete_models(client, found.experiment_id, best)
    latest = next((m for m in models if m.tags[FINGERPRINT] == best[m.source_run_id]), None)
    if latest is None:
        raise TrackingError(
            f"--register {name}: MLflow does not have the whole model of {experiment}, because its "
            "upload did not end; run the same command again, which uploads it again"
        )
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    known = client.search_model_versions(f"name = '{name}'")
    version = next((v for v in known if identity(v.tags) == identity(latest.tags)), None)
    if version is None:
        # A server finds a model by its ID. A database would look for it in the place that MLflow's
        # own settings name, which may be another.
        served = uri.startswith(("http://", "https://"))
        version = client.create_model_version(
            name,
            f"models:/{latest.model_id}" if served else latest.artifact_location,
            latest.source_run_id,
            tags={**identity(latest.tags), "rin.study": experiment},
            model_id=latest.model_id,
        )
    return f"models:/{name}/{version.version}"
