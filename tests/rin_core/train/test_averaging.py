"""The moving average of the weights: its numbers, its exact resume, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from rin_core.data.encoding import EncodedCorpus
from rin_core.layout import AVERAGED_WEIGHTS, CHECKPOINT, WEIGHTS
from rin_core.predict.loading import load_model
from rin_core.train.averaging import WeightAverage, kept_share
from rin_core.train.checkpoint import load_tensors
from rin_core.train.loop import Result, train
from rin_core.train.metrics import evaluate
from tests.conftest import Trained
from tests.trainings import EPOCHS, TINY, Stop, stop_after, timeless

PLAIN = TINY.override("model.rounds", 0)
AVERAGED = PLAIN.with_overrides({"training.average": "ema", "training.average_decay": 0.9})


@pytest.fixture(scope="module")
def corpus(trained: Trained) -> EncodedCorpus:
    return trained.encoded


@pytest.fixture(scope="module")
def unbroken(
    corpus: EncodedCorpus, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Result, Path]:
    folder = tmp_path_factory.mktemp("unbroken")
    return train(AVERAGED, corpus, directory=folder), folder


def numbers(result: Result) -> dict[str, object]:
    """Return a result without times and without the scores of the average."""
    scores = ("averaged_selection_scores", "averaged_test_scores")
    return {name: value for name, value in timeless(result).items() if name not in scores}


def averages(result: Result) -> tuple[dict[str, float] | None, ...]:
    return result.averaged_selection_scores, result.averaged_test_scores


def test_the_share_grows_to_the_decay() -> None:
    assert kept_share(0, 0.999) == 0.1
    assert kept_share(90, 0.999) == pytest.approx(0.91)
    assert kept_share(10**6, 0.999) == 0.999
    assert kept_share(90, 0.5) == 0.5


def test_the_average_by_hand() -> None:
    """Of a weight that is 0, 1, 2, 3 after each step, with a decay of one half."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average, expected = WeightAverage(model, 0.5), 0.0
    for step, share in enumerate((1 / 10, 2 / 11, 3 / 12)):
        with torch.no_grad():
            model.weight.fill_(step + 1)
        average.update(step)
        expected = share * expected + (1 - share) * (step + 1)
    assert average.tensors()["weight"].item() == pytest.approx(expected)
    with average.in_model():
        assert model.weight.item() == pytest.approx(expected)
    assert model.weight.item() == 3.0


def test_frozen_weights_are_not_copied() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    model[0].requires_grad_(False)
    assert list(WeightAverage(model, 0.9).tensors()) == ["1.weight", "1.bias"]


@pytest.mark.slow
def test_an_average_changes_nothing_else(
    corpus: EncodedCorpus, unbroken: tuple[Result, Path], tmp_path: Path
) -> None:
    plain = train(PLAIN, corpus, directory=tmp_path)
    assert numbers(plain) == numbers(unbroken[0])
    assert averages(plain) == (None, None)
    assert not (tmp_path / AVERAGED_WEIGHTS).exists()
    ours, theirs = (load_tensors(folder / WEIGHTS)[0] for folder in (tmp_path, unbroken[1]))
    assert all(ours[name].equal(theirs[name]) for name in ours)


@pytest.mark.slow
@pytest.mark.parametrize("last", [1, EPOCHS - 1, EPOCHS])
def test_resume_equals_an_unbroken_run(
    corpus: EncodedCorpus, unbroken: tuple[Result, Path], tmp_path: Path, last: int
) -> None:
    with pytest.raises(Stop):
        train(AVERAGED, corpus, directory=tmp_path, on_epoch=stop_after(last))
    resumed = train(AVERAGED, corpus, directory=tmp_path)
    assert numbers(resumed) == numbers(unbroken[0])
    assert averages(resumed) == averages(unbroken[0])
    for name in (AVERAGED_WEIGHTS, WEIGHTS, CHECKPOINT):
        ours, theirs = (load_tensors(folder / name)[0] for folder in (tmp_path, unbroken[1]))
        assert ours.keys() == theirs.keys()
        assert all(ours[key].equal(theirs[key]) for key in ours), name


def test_the_averaged_weights_are_a_model_with_those_scores(
    corpus: EncodedCorpus, unbroken: tuple[Result, Path]
) -> None:
    result, folder = unbroken
    model = load_model(folder / AVERAGED_WEIGHTS).model
    cpu = torch.device("cpu")
    for split, expected in zip((corpus.dev, corpus.test), averages(result), strict=True):
        assert evaluate(model, split, corpus.entity_word, cpu).flat() == expected
    assert min(scores["f1"] for scores in averages(result) if scores) > 0
    other = load_tensors(folder / WEIGHTS)[0]
    ours, metadata = load_tensors(folder / AVERAGED_WEIGHTS)
    assert metadata["epoch"] == EPOCHS
    assert not all(ours[name].equal(other[name]) for name in ours)


def test_patience_does_not_end_the_training(corpus: EncodedCorpus) -> None:
    config = AVERAGED.with_overrides({"training.patience": 1, "training.learning_rate": 1e-6})
    result = train(config, corpus)
    assert (len(result.history), result.end_reason) == (EPOCHS, "max_epochs")
