"""What passes between Ray's trials and the driver."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import OutOfMemoryError
from ray.tune import TuneError
from ray.tune.experiment import Trial
from rich.console import Console

from rin_core.config import Config
from rin_core.data.loading import load_dataset
from study.execution import tuner, worker
from study.execution.cluster import ClusterError
from study.ledger.ledger import Ledger
from study.ledger.shared import SharedRun
from study.ledger.store import Store
from study.tracking.base import Callback
from tests.records import an_epoch

ROW = an_epoch(1, train_loss=2.0, seconds=3.0)


def test_an_epoch_is_reported_once_with_what_the_driver_acts_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[Mapping[str, float]] = []
    monkeypatch.setattr(worker, "tune", SimpleNamespace(report=said.append))
    report = worker.Reporter()
    for row in (ROW, ROW, an_epoch(2, f1=0.3, train_loss=2.0, seconds=3.0)):
        report(row)
    sums = [{"best_dev_f1": 0.5, "total_seconds": seconds} for seconds in (3.0, 6.0)]
    one = {"epoch": 1, "train_loss": 2.0, "selection_f1": 0.5, "seconds": 3.0}
    assert said == [{**one, **sums[0]}, {**one, "epoch": 2, "selection_f1": 0.3, **sums[1]}]


class Listener(Callback):
    """Keeps the events in their order; it records ends as well."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def spec(self, fingerprint: str) -> Any:
        return fingerprint

    def end(self, fingerprint: str, error: str | None) -> Any:
        return (fingerprint, error)

    def on_trial_start(self, spec: Any) -> None:
        self.events.append(("start", spec))

    def on_trial_retry(self, fingerprint: str, error: str | None) -> None:
        self.events.append(("retry", fingerprint, error))

    def on_trial_end(self, event: Any) -> None:
        self.events.append(("end", *event))


def test_what_ray_keeps_of_a_trial_is_freed_at_its_end() -> None:
    listener = Listener()
    trial = Trial("x", stub=True, config={"run": {"fingerprint": "f"}})
    trial.update_last_result({"selection_f1": 0.5, "training_iteration": 1, "config": {}})
    assert len(trial.metric_analysis) == len(trial.metric_n_steps) == 2
    tuner.TrialEvents(listener, [listener]).on_trial_complete(1, [trial], trial)
    assert (trial.metric_analysis, trial.metric_n_steps) == ({}, {})
    assert trial.last_result["selection_f1"] == 0.5
    assert listener.events == [("start", "f"), ("end", "f", None)]


def test_a_password_of_the_store_reaches_the_worker_but_no_file_of_rays(
    spert_folder: Path, tmp_path: Path
) -> None:
    """Ray writes what a trial is given as its config into the output folder."""
    store = Store(f"file://{tmp_path}/store?password=hunter2")
    config = Config()
    corpus = load_dataset(str(spert_folder), config)
    run = Ledger(tmp_path / "runs", store).run(config.fingerprint(corpus.digest))
    described = worker.run_config(run, config, "c")
    assert "hunter2" not in json.dumps(described)
    with worker.open_run(described, store.uri) as there:
        assert isinstance(there, SharedRun)
        assert there.store == store


def test_what_ended_the_driver_is_told_as_it_was() -> None:
    """Ray wraps it in the text of a traceback, once for every level."""

    def raised(level: int) -> None:
        try:
            if level == 0:
                raise OSError(28, "No space left on device")
            raised(level - 1)
        except (OSError, TuneError):
            raise TuneError("Traceback …")  # noqa: B904  # as Ray does

    with pytest.raises(TuneError) as caught:
        raised(2)
    assert str(tuner.innermost(caught.value)) == "[Errno 28] No space left on device"
    alone = TuneError("no reason")
    assert tuner.innermost(alone) is alone


def no_memory(number: int) -> tuner.WorkersLost:
    return tuner.WorkersLost(OutOfMemoryError(f"{number} worker(s) were killed …\nMemory …"))


def test_trials_resume_when_the_memory_of_a_node_ran_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ray's monitor ends workers then, which ends Tune; each start goes on a little."""
    epochs = [0]
    outcomes: list[tuner.WorkersLost | bool] = [*map(no_memory, range(1, 5)), True]

    def once() -> bool:
        epochs[0] += 1
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert tuner.resuming(once, lambda: epochs[0], Console())
    assert capsys.readouterr().out == "a node ran out of memory: the trials resume\n" * 4


def test_memory_that_stays_short_ends_the_study_with_a_remedy() -> None:
    starts = []

    def once() -> bool:
        starts.append(1)
        raise no_memory(1)

    message = "^a node ran out of memory: .* --max-concurrent; run the same command to resume$"
    with pytest.raises(ClusterError, match=message):
        tuner.resuming(once, lambda: 7, Console(quiet=True))
    assert len(starts) == 1 + tuner.RETRIES


def test_other_errors_are_not_tried_again() -> None:
    def once() -> bool:
        raise RuntimeError("a fault of the program")

    with pytest.raises(RuntimeError, match=r"^a fault of the program$"):
        tuner.resuming(once, lambda: 0, Console())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('Failure # 1 (…)\nray::f()\n  File "x.py", line 3\nOSError: full\n', "OSError: full"),
        ('Failure # 1 (…)\nray::f()\n  File "x"\nE: x\nFailure # 2 (…)\nThe actor died', None),
        (None, None),
    ],
)
def test_an_error_is_told_from_a_lost_worker(text: str | None, told: str | None) -> None:
    listener = Listener()
    trial = SimpleNamespace(config={"run": {"fingerprint": "f"}}, get_error=lambda: text)
    events = tuner.TrialEvents(listener, [listener])
    events.on_trial_recover(1, [trial], trial)  # before the worker has started
    events.on_trial_start(1, [trial], trial)
    assert listener.events == [("start", "f"), ("retry", "f", told)]


def test_a_node_that_does_not_see_the_output_folder_says_so(tmp_path: Path) -> None:
    given: dict[str, Any] = {"handles": {}, "threads": 1, "shared": None}
    with pytest.raises(RuntimeError, match=r"cannot access .*; .*--shared URI"):
        worker.trainable({"run": {}}, **given, liveness_file=tmp_path / "runs" / ".driver-1")
