"""What passes between Ray's trials and the driver."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import pytest
from ray.tune.experiment import Trial

from study import tuner

ROW = {"epoch": 1, "train_loss": 2.0, "seconds": 3.0, "dev_f1": 0.5, "dev_precision": 0.4}


def test_an_epoch_is_reported_once_with_what_the_driver_acts_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[Mapping[str, float]] = []
    monkeypatch.setattr(tuner, "tune", SimpleNamespace(report=said.append))
    report = tuner.Reports()
    for row in (ROW, ROW, {**ROW, "epoch": 2, "dev_f1": 0.3}):
        report(row)
    sums = [{"best_dev_f1": 0.5, "total_seconds": seconds} for seconds in (3.0, 6.0)]
    heard = {name: ROW[name] for name in tuner.HEARD}
    assert said == [{**heard, **sums[0]}, {**heard, "epoch": 2, "dev_f1": 0.3, **sums[1]}]


def test_what_ray_keeps_of_a_trial_is_freed_at_its_end() -> None:
    ended: list[tuple[str, str | None]] = []
    listener = SimpleNamespace(ended=lambda *told: ended.append(told))
    trial = Trial("x", stub=True, config={"unit": {"fingerprint": "f"}})
    trial.update_last_result({**ROW, "training_iteration": 1, "config": {}})
    assert len(trial.metric_analysis) == len(trial.metric_n_steps) == len(ROW) + 1
    tuner._Forward(listener).on_trial_complete(1, [trial], trial)
    assert (trial.metric_analysis, trial.metric_n_steps) == ({}, {})
    assert trial.last_result["dev_f1"] == 0.5
    assert ended == [("f", None)]
