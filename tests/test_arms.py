"""Every arm of every space learns something from a bit of the demo corpus, without Ray."""

from __future__ import annotations

import dataclasses
import math

import pytest

from rin_core.batching import EncodedCorpus, corpus_vocabulary, encode_corpus
from rin_core.config import Config
from rin_core.demo import demo_corpus
from rin_core.training import train
from search_spaces import SPACES

TINY = {
    "encoder.word_dim": 8,
    "encoder.pos_dim": 2,
    "encoder.hidden_size": 12,
    "model.feature_size": 12,
    "training.batch_size": 10,
    "training.learning_rate": 5e-3,
    "training.max_epochs": 2,
}
ARMS = {
    trial.config.fingerprint("data"): pytest.param(trial.config, id=f"{space.name}-{trial.arm}")
    for space in SPACES.values()
    for trial in space.trials(["demo"], seeds=[0], overrides=TINY)
}


@pytest.fixture(scope="module")
def corpus() -> EncodedCorpus:
    whole = demo_corpus()
    small = dataclasses.replace(
        whole, train=whole.train[:60], dev=whole.dev[:15], test=whole.test[:15]
    )
    config = Config().with_overrides(TINY)
    return encode_corpus(small, config.data, None, corpus_vocabulary(small, config.data))


@pytest.mark.parametrize("config", ARMS.values())
def test_an_arm_trains(config: Config, corpus: EncodedCorpus) -> None:
    result = train(config, corpus)
    first, second = (epoch.train_loss for epoch in result.history)
    assert second < first < math.inf
    assert result.test_decoded.tags_NL.shape == corpus.test.tags_NL.shape
    assert all(0 <= score <= 1 for score in (*result.dev.values(), *result.test.values()))


def test_spaces_share_arms() -> None:
    assert len(ARMS) < sum(len(space.arms) for space in SPACES.values())
