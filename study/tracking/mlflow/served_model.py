"""The code of a model in MLflow's format: sentences in, entities and triples out.

MLflow copies this file into the model and runs it to load one, so nothing is pickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow

from rin_core.predict.predictor import Predictor


class ServedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """What ``mlflow.pyfunc.load_model`` and ``mlflow models serve`` run."""

    def load_context(self, context: Any) -> None:
        """Load the weights that come with the model."""
        self.predictor = Predictor.load(Path(context.artifacts["weights"]))

    def predict(self, model_input: list[str]) -> list[dict[str, Any]]:
        """Return, for each sentence, its tokens, entities and triples with probabilities."""
        return [found.to_json() for found in self.predictor.predict(model_input)]


mlflow.models.set_model(ServedModel())
