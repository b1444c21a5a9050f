"""The memory of a worker: what the benchmark calls growth, and what was measured."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks.memory import Measured, growth

RECORDED = Path(__file__).parents[2] / "benchmarks" / "results" / "memory.csv"


def measured(*resident: float) -> list[Measured]:
    return [Measured(trial=n, resident_mib=mib) for n, mib in enumerate(resident, 1)]


def test_growth_begins_after_the_tenth_trial() -> None:
    warm = [100.0, 300.0, 500.0, 700.0, 900.0, *[1000.0] * 5]
    assert growth(measured(*warm, *[1000.0] * 5)) == 0.0
    steady = [1000.0, 990.0, 1010.0, 1000.0, 1090.0]
    assert growth(measured(*warm, *steady)) == 0.0
    assert growth(measured(*warm, *[1100.0] * 5)) == pytest.approx(10.0)


def test_a_worker_of_fifty_equal_trials_keeps_its_memory() -> None:
    with RECORDED.open(newline="", encoding="utf-8") as file:
        rows = [float(row["resident_mib"]) for row in csv.DictReader(file)]
    assert len(rows) == 50
    assert growth(measured(*rows)) <= 2.0
