"""Names of tags, metrics and statuses that studies use in MLflow."""

from __future__ import annotations

from collections.abc import Mapping

from study.ledger.schema import Epoch
from study.ledger.state import TrialState

FINGERPRINT, PARENT, KIND = "rin.fingerprint", "mlflow.parentRunId", "rin.kind"
STATE = "rin.state"
CAVEAT = "rin.caveat"  # only on runs with one
BEST = "rin.best"  # the fingerprint of the run whose model the study's run carries
FINDINGS = "rin.corpus_findings"  # what looks wrong in the corpus, without its text
NOTE, NAME, COMMIT = "mlflow.note.content", "mlflow.runName", "mlflow.source.git.commit"
SOURCE = {"mlflow.source.name": "study/run.py", "mlflow.source.type": "LOCAL"}
WATCHED = "F1/dev"  # every epoch has it, so its last step is the last epoch that arrived

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


def epoch_metrics(row: Epoch, selection: str) -> dict[str, float]:
    """Return an epoch's metrics.

    The text before the slash is a section of charts in the UI. The UI sorts sections first with
    capitals in front and later without regard to case; ``F1`` is at the top either way.
    """
    training = {
        "loss": row.train_loss,
        "seconds": row.seconds,
        "tokens_per_second": row.tokens_per_second,
    }
    return {
        **score_metrics(epoch_split(selection), row.selection_scores),
        **section("training", training),
    }


def score_metrics(split: str, scores: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics of one split's scores."""
    others = {name: value for name, value in scores.items() if name != "f1"}
    return {f"F1/{split}": scores["f1"], **section(f"scores_{split}", others)}


def averaged_metrics(split: str, scores: Mapping[str, float] | None) -> dict[str, float]:
    """Return the metrics of the averaged weights on one split; none without them."""
    return {} if scores is None else score_metrics(f"averaged_{split}", scores)


def section(name: str, values: Mapping[str, float]) -> dict[str, float]:
    """Return values with their section in front."""
    return {f"{name}/{key}": value for key, value in values.items()}
