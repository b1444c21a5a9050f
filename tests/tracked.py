"""What tracking tests share: runs as training leaves them, and what MLflow has of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from mlflow.tracking import MlflowClient

from rin_core.train.checkpoint import save_tensors
from study.ledger.layout import CHECKPOINT
from study.ledger.ledger import Ledger
from study.ledger.run import Run
from study.ledger.schema import Epoch, Result
from study.ledger.state import TrialState
from study.tracking.base import EpochEnd, ExperimentSpec, RunSpec, StudyEnd, Tracker, TrialEnd
from study.tracking.mlflow.names import FINGERPRINT
from tests.records import NO_PREDICTIONS, a_result, an_epoch, scores

EXPERIMENT = "curve-demo"
ENDED = (
    "F1/test",
    "F1/best_dev",
    "F1/dev_last_10_epochs",
    "training/best_epoch",
    "training/total_seconds",
)
STARTED = 1_700_000_000.0
#: Names in a result's epochs.
#: A metric that every epoch has.
WATCHED = "F1/dev"
RECORDED = {WATCHED: "selection_f1", "training/loss": "train_loss"}


def epoch(number: int) -> Epoch:
    return an_epoch(
        number,
        train_loss=1.0 / number,
        selection_scores=scores(min(1.0, number / 100), precision=number / 200),
        seconds=0.5,
        tokens_per_second=100.0 + number,
        usage={"process_memory_megabytes": 200.0 + number},
    )


def learn(run: Run, epochs: int) -> None:
    """Leave what a worker leaves after so many epochs."""
    save_tensors(run.path / CHECKPOINT, {"w": torch.zeros(1)}, {})
    run.start_history(epoch(number) for number in range(1, epochs + 1))


def epoch_end(fingerprint: str, number: int) -> EpochEnd:
    """Return the event of an epoch."""
    return EpochEnd(fingerprint=fingerprint, epoch=number, train_loss=1.0, f1=0.5, seconds=0.5)


def trial_end(fingerprint: str, **changes: Any) -> TrialEnd:
    """Return the event of a trial's end."""
    return TrialEnd(**{"fingerprint": fingerprint, "state": TrialState.FINISHED, **changes})


def close(tracker: Tracker, *, complete: bool, files: Sequence[Path] = ()) -> int:
    """End a study; return how many runs were not sent completely."""
    tracker.on_study_end(StudyEnd(complete=complete, files=files))
    return tracker.unsent


def finish(
    run: Run, epochs: int, f1: float = 0.5, *, selection: str = "dev", **changes: Any
) -> None:
    result = a_result(
        run.fingerprint,
        epochs,
        history=[epoch(number).to_json() for number in range(1, epochs + 1)],
        config={"model.rounds": 1},
        selection_split=selection,
        selection_scores=scores(f1),
        test_scores=scores(0.4, precision=0.3),
        seconds=0.5 * epochs,
        provenance={
            "code": {"version": "0.1.0", "commit": "c0ffee"},
            "hardware": "a processor",
            "threads": 1,
            "started": STARTED,
        },
        **changes,
    )
    run.finish(result, NO_PREDICTIONS, run.claim())


def experiment(root: Path, names: Iterable[str] = ("aaa", "bbb"), **changes: Any) -> ExperimentSpec:
    ledger = Ledger(root / "runs")
    runs = {
        name: RunSpec(
            run=ledger.run(name),
            experiment=EXPERIMENT,
            name=f"arm {name}",
            params={"k": 1},
            tags={"arm": name},
            max_epochs=9,
        )
        for name in names
    }
    return ExperimentSpec(
        **{
            "name": EXPERIMENT,
            "description": "**what is compared**",
            "runs": runs,
            "tags": {"space": "curve", "corpus": "demo"},
            "artifacts": root / "artifacts",
            **changes,
        }
    )


def runs_of(client: MlflowClient, name: str = EXPERIMENT) -> list[Any]:
    found = client.get_experiment_by_name(name)
    return [] if found is None else list(client.search_runs([found.experiment_id]))


def children(client: MlflowClient, name: str = EXPERIMENT) -> dict[str, Any]:
    trials = [run for run in runs_of(client, name) if FINGERPRINT in run.data.tags]
    named = {run.data.tags[FINGERPRINT]: run for run in trials}
    assert len(named) == len(trials), "two runs for one fingerprint"
    return named


def steps(client: MlflowClient, run: Any, key: str = WATCHED) -> list[int]:
    return [m.step for m in client.get_metric_history(run.info.run_id, key)]


def differences(
    client: MlflowClient,
    name: str,
    done: Mapping[str, Result],
    metrics: Collection[str] = (),
) -> list[str]:
    """Say in what an experiment differs from results: runs, states, epochs, values.

    Args:
        client: Where the experiment is.
        name: The experiment's.
        done: Results by fingerprint; other runs are ignored.
        metrics: Which to compare; none means all that a run has.
    """
    runs: dict[str, list[Any]] = {}
    for run in runs_of(client, name):
        if FINGERPRINT in run.data.tags:
            runs.setdefault(run.data.tags[FINGERPRINT], []).append(run)
    found = []
    for fingerprint, result in done.items():
        states = [run.info.status for run in runs.get(fingerprint, [])]
        if states != ["FINISHED"]:
            found.append(f"{fingerprint}: {states} in MLflow")
        else:
            (run,) = runs[fingerprint]
            others = _other_values(client, run, result.history, metrics or run.data.metrics)
            found += [f"{fingerprint} {text}" for text in others]
    return found


def _other_values(
    client: MlflowClient, run: Any, history: Sequence[Epoch], metrics: Iterable[str]
) -> Iterator[str]:
    epochs = [row.epoch for row in history]
    for metric in metrics:
        points = client.get_metric_history(run.info.run_id, metric)
        # They come in the order of their times, which an epoch trained twice may have mixed.
        points.sort(key=lambda point: int(point.step))
        if [point.step for point in points] not in (epochs, [0]):
            yield f"{metric}: steps {[point.step for point in points]}"
        elif metric in RECORDED:
            unit = 100 if metric == WATCHED else 1  # scores are in points
            wanted = [pytest.approx(unit * getattr(row, RECORDED[metric])) for row in history]
            if [point.value for point in points] != wanted:
                yield f"{metric}: other values"


def check_complete(client: MlflowClient, epochs: Mapping[str, int], name: str = EXPERIMENT) -> None:
    """Every metric of every epoch of every run is there, once; so is every result."""
    runs = children(client, name)
    assert runs.keys() == epochs.keys()
    for run, count in epochs.items():
        assert runs[run].info.status == "FINISHED"
        values = runs[run].data.metrics
        assert {WATCHED, "training/loss", *ENDED} <= set(values)
        assert len(values) <= 15
        for key in values:
            ended = key in ENDED or key.startswith("test/")
            if not key.startswith("system/"):
                assert steps(client, runs[run], key) == ([0] if ended else [*range(1, count + 1)])
