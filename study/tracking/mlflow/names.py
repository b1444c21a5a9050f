"""Names of tags, metrics and statuses that studies use in MLflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rin_core.encoder_traits import ENCODERS
from study.ledger.fields import points
from study.ledger.schema import LATE_EPOCHS, Epoch, Result
from study.ledger.state import TrialState

FINGERPRINT, PARENT, KIND = "rin.fingerprint", "mlflow.parentRunId", "rin.kind"
STATE = "rin.state"
CAVEAT = "rin.caveat"  # only on runs with one
WEIGHTS = "rin.weights"  # of a model: selected or averaged; those of earlier versions are selected
BEST = "rin.best"  # the fingerprint of the run whose model the study's run carries
FINDINGS = "rin.corpus_findings"  # what looks wrong in the corpus, without its text
NOTE, NAME, COMMIT = "mlflow.note.content", "mlflow.runName", "mlflow.source.git.commit"
SOURCE = {"mlflow.source.name": "study/run.py", "mlflow.source.type": "LOCAL"}
UNIT = "rin.unit"  # of an experiment's scores; those of earlier versions have none, and fractions
TEST_RESULT, DEV_RESULT = "F1/test", "F1/best_dev"
AVERAGED_RESULT, AVERAGED_DEV_RESULT = "F1/averaged_test", "F1/averaged_dev"
STRICT = "strict_f1"  # of models with entity types
MOST_PARAMS = 12
#: What a reader looks for after the parameters that vary.
FIRST_PARAMS = (
    "training.seed",
    "model.rounds",
    "model.cell",
    "encoder.kind",
    "encoder.model",
    "vectors",
    "encoder.hidden_size",
    "training.learning_rate",
    "training.encoder_learning_rate",
    "training.batch_size",
    "training.max_epochs",
    "training.average",
)
TEST_SCORES = ("precision", "recall", "entity_f1", "exact_f1", STRICT)
USAGE = ("process_memory_megabytes", "process_gpu_memory_megabytes")

#: MLflow's status of a run that ended in a state. A run that is resumed later is ``KILLED`` until
#: then, and so is a pruned one: MLflow has no status of its own for either.
STATUS: Mapping[TrialState, str] = {
    TrialState.RUNNING: "KILLED",
    TrialState.FINISHED: "FINISHED",
    TrialState.PRUNED: "KILLED",
    TrialState.FAILED: "FAILED",
}


def epoch_split(selection: str) -> str:
    """Return the name of the split that an epoch's scores are on.

    Scores by epoch on test get a name of their own, so that they are not taken for the result.
    """
    return "dev" if selection == "dev" else f"{selection}_by_epoch"


def epoch_metrics(row: Epoch, usage: Mapping[str, float], selection: str) -> dict[str, float]:
    """Return an epoch's metrics, with scores in points.

    The text before the slash is a section of charts in the UI. The UI sorts sections first with
    capitals in front and later without regard to case; ``F1`` is near the top either way.
    """
    score = {f"F1/{epoch_split(selection)}": points(row.selection_f1)}
    used = {name: usage[name] for name in USAGE if name in usage}
    training = {"loss": row.train_loss, "seconds": row.seconds}
    return {**score, **section("training", training), **section("system", used)}


def result_metrics(result: Result) -> dict[str, float]:
    """Return the metrics of a result, with scores in points; the ledger has the other scores."""
    test, dev = result.test_scores, result.dev_scores
    shown = {name: test[name] for name in TEST_SCORES if name in test}
    values = {TEST_RESULT: test["f1"], **section("test", shown)}
    if dev is not None:
        values[DEV_RESULT] = dev["f1"]
    if result.selection_split == "dev":
        values[f"F1/dev_last_{LATE_EPOCHS}_epochs"] = result.late_f1
    if result.averaged_dev_scores is not None:
        values[AVERAGED_DEV_RESULT] = result.averaged_dev_scores["f1"]
    if result.averaged_test_scores is not None:
        values[AVERAGED_RESULT] = result.averaged_test_scores["f1"]
        if STRICT in result.averaged_test_scores:
            values[f"test/averaged_{STRICT}"] = result.averaged_test_scores[STRICT]
    whole = {"best_epoch": result.best_epoch, "total_seconds": result.seconds}
    return {**{name: points(value) for name, value in values.items()}, **section("training", whole)}


def section(name: str, values: Mapping[str, float]) -> dict[str, float]:
    """Return values with their section in front."""
    return {f"{name}/{key}": value for key, value in values.items()}


def shown_params(params: Mapping[str, Any], varied: Sequence[str]) -> dict[str, str]:
    """Return the parameters of a run that MLflow shows: first those in which the runs differ.

    Settings of an encoder that the run does not have are left out. ``config.json`` has all.
    """
    used = ENCODERS[params["encoder.kind"]].settings if "encoder.kind" in params else frozenset()
    others = frozenset[str]().union(*(traits.settings for traits in ENCODERS.values())) - used
    order = dict.fromkeys(["arm", *varied, *FIRST_PARAMS, *params])
    shown = [name for name in order if name in params and name not in others]
    return {name: str(params[name]) for name in shown[:MOST_PARAMS]}
