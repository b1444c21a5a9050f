"""When training ends and which epoch it keeps, as a function of the epochs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rin_core.config import Config
from rin_core.train.stopping import best_epoch, end_reason, limits, obstacle, without_limits
from study.ledger.exported import ExportedRun, read_exported

LEDGERS = Path(__file__).resolve().parents[3] / "results" / "ledger"


@pytest.mark.parametrize(
    ("f1", "losses", "best"),
    [
        ([0.1, 0.5, 0.5], [3.0, 2.0, 1.0], 2),
        ([0.0, 0.0, 0.1], [1.0, 2.0, 3.0], 3),
        ([0.1, 0.0, 0.0], [3.0, 2.0, 1.0], 1),
        ([0.0, 0.0, 0.0], [3.0, 1.0, 2.0], 2),
        ([0.0, 0.0, 0.0], [3.0, 1.0, 1.0], 2),
    ],
)
def test_best_epoch(f1: list[float], losses: list[float], best: int) -> None:
    assert best_epoch(f1, losses) == best


def ends(f1: list[float], losses: list[float], patience: int, max_epochs: int) -> tuple[int, str]:
    """Return the epoch after which a run ends, and why."""
    for epoch in range(1, len(f1) + 1):
        reason = end_reason(f1[:epoch], losses[:epoch], patience=patience, max_epochs=max_epochs)
        if reason is not None:
            return epoch, reason
    raise AssertionError("it does not end")


def test_a_model_that_still_learns_is_not_stopped() -> None:
    falling = [float(30 - n) for n in range(30)]
    assert ends([0.0] * 30, falling, 3, 30) == (30, "max_epochs")
    late = [0.0] * 20 + [0.1] + [0.05] * 9
    assert ends(late, falling, 3, 30) == (24, "patience")


def test_a_model_that_does_not_learn_is_stopped() -> None:
    assert ends([0.0] * 30, [5.0, 4.0, *[4.5] * 28], 3, 30) == (5, "patience")


@given(
    st.lists(st.floats(0.01, 1), min_size=1, max_size=30),
    st.data(),
    st.integers(1, 10),
    st.integers(1, 30),
)
def test_losses_decide_nothing_once_a_triple_was_found(
    f1: list[float], data: st.DataObject, patience: int, most: int
) -> None:
    """So no run that ever scored is judged by another rule than before."""
    losses = data.draw(st.lists(st.floats(0, 99), min_size=len(f1), max_size=len(f1)))
    first = f1.index(max(f1)) + 1
    expected = "patience" if len(f1) - first >= patience else None
    if expected is None and len(f1) >= most:
        expected = "max_epochs"
    assert best_epoch(f1, losses) == first
    assert end_reason(f1, losses, patience=patience, max_epochs=most) == expected


@pytest.mark.slow
def test_published_runs_ended_by_this_rule() -> None:
    count = 0
    for path in sorted(LEDGERS.glob("*.jsonl.xz")):
        for record in read_exported(path):
            if not isinstance(record, ExportedRun):
                continue
            result, count = record.result, count + 1
            f1 = [row.selection_f1 for row in result.history]
            losses = [row.train_loss for row in result.history]
            own = limits(Config.from_flat(result.config))
            assert ends(f1, losses, **own) == (len(f1), result.end_reason)
            assert best_epoch(f1, losses) == result.best_epoch
    assert count > 200


@pytest.mark.parametrize(
    ("changes", "source", "hindered"),
    [
        ({"training.max_epochs": 9}, {}, False),
        ({"training.max_epochs": 5}, {}, False),
        ({"training.max_epochs": 4}, {}, True),
        ({"training.patience": 3}, {}, False),
        ({"training.patience": 2}, {}, True),
        ({"training.max_epochs": 9, "training.warmup": 0.1}, {"training.warmup": 0.1}, True),
        ({"training.patience": 7, "training.warmup": 0.1}, {"training.warmup": 0.1}, False),
    ],
)
def test_obstacle(changes: dict[str, object], source: dict[str, object], hindered: bool) -> None:
    """The other run has five epochs, of which the second is the best."""
    f1, losses = [0.1, 0.5, 0.4, 0.3, 0.2], [5.0, 4.0, 3.0, 2.0, 1.0]
    limits = {"training.max_epochs": 5, "training.patience": 5}
    base = Config().with_overrides(limits)
    config, other = base.with_overrides(changes), base.with_overrides(source)
    assert without_limits(config) == without_limits(other)
    assert bool(obstacle(config, other, f1, losses)) == hindered
