"""The epochs of a checkpoint are numbers that training can have left."""

from pathlib import Path

import pytest

from rin_core.errors import CheckpointError
from rin_core.train.epochs import read_epochs

ROW = {
    "epoch": 1,
    "train_loss": 2.0,
    "selection_scores": {"f1": 0.5},
    "seconds": 1.0,
    "tokens_per_second": 9.0,
}


def test_epochs_are_read() -> None:
    (epoch,) = read_epochs(Path("c"), {"history": [ROW]})
    assert (epoch.epoch, epoch.train_loss, epoch.selection_scores) == (1, 2.0, {"f1": 0.5})


@pytest.mark.parametrize(
    "changes",
    [
        {"train_loss": float("nan")},
        {"train_loss": "2.0"},
        {"train_loss": None},
        {"seconds": 10**400},
        {"seconds": True},
        {"tokens_per_second": float("inf")},
        {"epoch": 2},
        {"selection_scores": {}},
        {"selection_scores": {"f1": 1.5}},
        {"selection_scores": {"f1": 0.5, "recall": -1.0}},
        {"selection_scores": [0.5]},
        {"another": 1},
    ],
)
def test_what_no_training_leaves_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match="c: its epochs"):
        read_epochs(Path("c"), {"history": [{**ROW, **changes}]})
