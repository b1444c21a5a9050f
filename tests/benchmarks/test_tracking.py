"""The benchmark of tracking: a trial is measured without MLflow and with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.tracking import address, compare, measure
from rin_core.config import Config
from rin_core.data.loading import load_dataset
from study.tracking.base import DISABLED


@pytest.mark.slow
def test_a_pair_is_measured_and_compared(tmp_path: Path) -> None:
    config = Config().with_overrides(
        {"training.max_epochs": 1, "encoder.hidden_size": 8, "model.feature_size": 8}
    )
    corpus = load_dataset("demo", config)
    with address("sqlite", tmp_path) as uri:
        rows = [measure(config, corpus, where, 1, tmp_path) for where in (DISABLED, uri)]
    assert [(row.tracking, row.epochs) for row in rows] == [(DISABLED, 1), ("sqlite", 1)]
    assert "with ÷ without" in compare(rows)
