"""Experiment tracking with MLflow."""

import logging
import os

# MLflow reads these when it is imported and with every request. A user's own settings win.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# MLflow retries a request without an answer, even one that creates a run: that makes two runs.
# The sender retries by itself, after it has looked at what has arrived.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
# It prints a traceback for each failed request to a database. The sender says once what is wrong.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
