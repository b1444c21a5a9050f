"""The benchmark of prediction: every way predicts, and prediction finds what evaluation found."""

from __future__ import annotations

from benchmarks.predict import Options, agreement, load, rates
from tests.conftest import Trained


def test_every_way_is_timed_and_no_triple_differs(trained: Trained) -> None:
    predictor = load(trained.weights, trained.corpus.train)
    sentences = trained.corpus.test[:20]
    options = Options(models=(), batch_tokens=(256,), threads=(1,), repeats=1)
    found = rates(predictor, sentences, options)
    assert [name for name, _ in found] == [
        "model alone",
        "words and tags, 256 at once",
        "text, 2048 at once",
        "text to JSON, 2048 at once",
    ]
    assert agreement(predictor, trained.weights, sentences).different == 0
