"""A trained model in MLflow's format."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import mlflow
from mlflow.entities import LoggedModel, LoggedModelOutput, Metric
from mlflow.environment_variables import MLFLOW_DEFAULT_PREDICTION_DEVICE
from mlflow.tracking import MlflowClient

import rin_core
from rin_core.predict.loading import extra_packages, word_table
from study.ledger.fields import points
from study.tracking.base import RunSpec
from study.tracking.mlflow.names import (
    AVERAGED_DEV_RESULT,
    AVERAGED_RESULT,
    DEV_RESULT,
    FINGERPRINT,
    TEST_RESULT,
    WEIGHTS,
)

MODEL = "model"
"""Its name in MLflow: ``runs:/STUDY/model``."""
SELECTED = "selected"

SERVED_WITH = (
    "mlflow",
    "torch",
    "numpy",
    "numba",
    "safetensors",
    "transformers",
    "tokenizers",
    "huggingface-hub",
    "tyro",
    "rich",
    "annotated-types",
)
"""The packages that every model needs: MLflow, and the dependencies of the project."""


def save_model(weights: Path, folder: Path, trained_with: Mapping[str, str] | None = None) -> Path:
    """Write a trained model in MLflow's format, with the code and the versions it runs on.

    Args:
        weights: A trial's ``weights.safetensors``.
        folder: Where to; must not exist.
        trained_with: The versions of packages that trained it, for those that are not installed
            here.

    Returns:
        ``folder``, to be loaded with ``mlflow.pyfunc.load_model`` or served with
        ``mlflow models serve --env-manager local --model-uri``.
    """
    artifacts = {"weights": str(weights)}
    if table := word_table(weights):
        artifacts["vectors"] = str(table)
    with _on_the_cpu(), warnings.catch_warnings():
        # MLflow switches its notices on whatever the filters: nested JSON has no narrower type.
        warnings.showwarning = lambda *_, **__: None
        mlflow.pyfunc.save_model(
            folder,
            python_model=str(Path(__file__).with_name("served_model.py")),
            artifacts=artifacts,
            code_paths=[str(Path(rin_core.__file__).parent)],
            pip_requirements=[
                requirement(name, trained_with or {})
                for name in (*SERVED_WITH, *extra_packages(weights))
            ],
            input_example=["Ann Smith was born in Oslo."],
        )
    return folder


@contextmanager
def _on_the_cpu() -> Iterator[None]:
    """Load models on the CPU. MLflow computes the example, and others may fill the GPU."""
    device = MLFLOW_DEFAULT_PREDICTION_DEVICE.get_raw()
    MLFLOW_DEFAULT_PREDICTION_DEVICE.set("cpu")
    try:
        yield
    finally:
        if device is None:
            MLFLOW_DEFAULT_PREDICTION_DEVICE.unset()
        else:
            MLFLOW_DEFAULT_PREDICTION_DEVICE.set(device)


def requirement(name: str, trained_with: Mapping[str, str]) -> str:
    """Return the line of a requirements file: a package, at the version that it has here.

    A local label, as in ``2.13.0+cpu``, is left out: no package index has builds with labels.

    Args:
        name: The package.
        trained_with: Versions of packages that are not installed here.
    """
    try:
        found = version(name)
    except PackageNotFoundError:
        if name not in trained_with:
            return name
        found = trained_with[name]
    return f"{name}=={found.partition('+')[0]}"


@dataclass(frozen=True, slots=True)
class StudyModel:
    """The model of a study: the weights that its verdicts are about, of one of its runs."""

    spec: RunSpec
    """The run."""
    averaged: bool
    """Whether they are the averaged weights, not those of the selected epoch."""
    dev_f1: float
    """Of these weights, as a fraction."""

    @property
    def weights(self) -> Path:
        """Return their file."""
        return self.spec.run.model(averaged=self.averaged)

    @property
    def scores(self) -> tuple[str, str]:
        """Return the names of their metrics, on dev and on test."""
        if self.averaged:
            return AVERAGED_DEV_RESULT, AVERAGED_RESULT
        return DEV_RESULT, TEST_RESULT

    @property
    def tags(self) -> dict[str, str]:
        """Return what tells the model from others."""
        kind = "averaged" if self.averaged else SELECTED
        return {FINGERPRINT: self.spec.fingerprint, WEIGHTS: kind}

    def replaces(self, latest: LoggedModel | None) -> bool:
        """Tell whether it is better on dev than the study's latest complete model in MLflow.

        That may be a model of another ledger. A model that is judged otherwise is replaced, and so
        is one without scores.
        """
        if latest is None or identity(latest.tags)[WEIGHTS] != self.tags[WEIGHTS]:
            return True
        recorded = [metric.value for metric in latest.metrics or () if metric.key == self.scores[0]]
        return points(self.dev_f1) > max(recorded, default=-1.0)


def identity(tags: Mapping[str, str]) -> dict[str, str]:
    """Return those tags of a model, or of a registered version, that tell it from others."""
    return {FINGERPRINT: tags.get(FINGERPRINT, ""), WEIGHTS: tags.get(WEIGHTS, SELECTED)}


def models_of(
    client: MlflowClient, experiment_id: str, study_ids: Collection[str]
) -> list[LoggedModel]:
    """Return the models of studies' runs, the latest first, complete or not."""
    found = client.search_logged_models([experiment_id], f"name = '{MODEL}'")
    models = [model for model in found if model.source_run_id in study_ids]
    return sorted(models, key=lambda model: int(model.creation_timestamp), reverse=True)


def complete_models(
    client: MlflowClient, experiment_id: str, study_ids: Collection[str]
) -> list[LoggedModel]:
    """Return the models of studies' runs that were uploaded to the end, the latest first."""
    found = models_of(client, experiment_id, study_ids)
    return [model for model in found if model.status == "READY"]


def log_model(
    client: MlflowClient,
    best: StudyModel,
    *,
    params: Mapping[str, str],
    study_id: str,
    trial_id: str,
) -> None:
    """Log the model of a study, in place of an earlier one.

    The earlier model is deleted when the new one is complete, unless it is registered. MLflow
    shows the model among those of the experiment, with the scores of its weights.

    Args:
        client: Where to.
        best: The model.
        params: Those that MLflow shows of it.
        study_id: The study's run in MLflow.
        trial_id: The run in MLflow.
    """
    experiment_id = client.get_run(study_id).info.experiment_id
    earlier = models_of(client, experiment_id, [study_id])
    tags = {**best.tags, "rin.trial": best.spec.name}
    model = client.create_logged_model(experiment_id, MODEL, study_id, tags, dict(params), "RIN")
    try:
        _send(client, model.model_id, best, trial_id)
        client.finalize_logged_model(model.model_id, "READY")
    except BaseException:
        # Of the study's models, MLflow loads the latest, complete or not.
        with suppress(Exception):
            client.delete_logged_model(model.model_id)
        raise
    client.log_outputs(study_id, [LoggedModelOutput(model.model_id, 0)])
    registered = {
        version.source for version in client.search_model_versions(f"run_id = '{study_id}'")
    }
    for old in earlier:
        if not any(old.model_id in source for source in registered):
            client.delete_logged_model(old.model_id)


def _send(client: MlflowClient, model_id: str, best: StudyModel, trial_id: str) -> None:
    """Send the files and the scores of a model."""
    result = best.spec.run.result()
    packages = result.provenance.packages if result is not None else {}
    with tempfile.TemporaryDirectory() as folder:
        saved = save_model(best.weights, Path(folder) / "model", packages)
        client.log_model_artifacts(model_id, str(saved))
    # The same scores at the same times: the run keeps one of each, and the model gets them. A run
    # whose end could not be sent has none yet.
    scores = [client.get_metric_history(trial_id, name)[-1:] for name in best.scores]
    metrics = [
        Metric(m.key, m.value, m.timestamp, m.step, model_id) for found in scores for m in found
    ]
    client.log_batch(trial_id, metrics=metrics)
