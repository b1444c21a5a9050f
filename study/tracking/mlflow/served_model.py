"""The code of a model in MLflow's format: texts in, sentences with entities and triples out.

MLflow copies this file into the model and runs it to load one, so nothing is pickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow

from rin_core.predict.predictor import Predictor
from rin_core.predict.records import answer, extract, record_of


class ServedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """What ``mlflow.pyfunc.load_model`` and ``mlflow models serve`` run."""

    def load_context(self, context: Any) -> None:
        """Load the weights that come with the model."""
        self.predictor = Predictor.load(Path(context.artifacts["weights"]))

    def predict(self, model_input: list[str]) -> list[dict[str, Any]]:
        """Return for each text what ``python -m rin_core.predict --json`` writes."""
        records = [record_of({"text": text}, self.predictor.splitter) for text in model_input]
        found = extract(self.predictor, records)
        return [answer(record, rounds) for record, rounds in zip(records, found, strict=True)]


mlflow.models.set_model(ServedModel())
