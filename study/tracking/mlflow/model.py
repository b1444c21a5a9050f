"""A trained model in MLflow's format."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from pathlib import Path

import mlflow

import rin_core
from rin_core.predict.loading import word_table

SERVED_WITH = ("mlflow", "torch", "numpy", "numba", "safetensors", "transformers", "tyro", "rich")


def save_model(weights: Path, folder: Path) -> Path:
    """Write a trained model in MLflow's format, with the code and the versions it runs on.

    Args:
        weights: A trial's ``weights.safetensors``.
        folder: Where to; must not exist.

    Returns:
        ``folder``, to be loaded with ``mlflow.pyfunc.load_model`` or served with
        ``mlflow models serve --env-manager local --model-uri``.
    """
    artifacts = {"weights": str(weights)}
    if table := word_table(weights):
        artifacts["vectors"] = str(table)
    with warnings.catch_warnings():
        # MLflow switches its notices on whatever the filters: nested JSON has no narrower type.
        warnings.showwarning = lambda *_, **__: None
        mlflow.pyfunc.save_model(
            folder,
            python_model=str(Path(__file__).with_name("served_model.py")),
            artifacts=artifacts,
            code_paths=[str(Path(rin_core.__file__).parent)],
            pip_requirements=[f"{name}=={version(name)}" for name in SERVED_WITH],
            input_example=["Ann Smith was born in Oslo."],
        )
    return folder
