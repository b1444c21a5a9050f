"""The code of a model in MLflow's format: texts in, sentences with entities and triples out.

MLflow copies this file into the model and runs it to load one, so nothing is pickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import torch
from mlflow.environment_variables import MLFLOW_DEFAULT_PREDICTION_DEVICE

from rin_core.predict.predictor import Predictor
from rin_core.predict.records import answer, extract, record_of


class ServedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """What ``mlflow.pyfunc.load_model`` and ``mlflow models serve`` run."""

    def load_context(self, context: Any) -> None:
        """Load the weights that come with the model.

        They go to the device that ``MLFLOW_DEFAULT_PREDICTION_DEVICE`` names, such as ``cpu`` or
        ``cuda:1``, else to a GPU if there is one.
        """
        gpu = "cuda" if torch.cuda.is_available() else "cpu"
        device = torch.device(MLFLOW_DEFAULT_PREDICTION_DEVICE.get() or gpu)
        self.predictor = Predictor.load(Path(context.artifacts["weights"]), device)

    def predict(self, model_input: list[str]) -> list[dict[str, Any]]:
        """Return for each text what ``python -m rin_core.predict --json`` writes."""
        records = [record_of({"text": text}, self.predictor.splitter) for text in model_input]
        found = extract(self.predictor, records)
        return [answer(record, rounds) for record, rounds in zip(records, found, strict=True)]


mlflow.models.set_model(ServedModel())
