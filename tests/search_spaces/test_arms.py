"""Every arm of every space learns something from a bit of the demo corpus, without Ray."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from rin_core.config import Config
from rin_core.data.corpus import Corpus
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import corpus_vocabulary, encode_corpus
from rin_core.data.pretrained import load_pretrained
from rin_core.train.loop import train
from search_spaces import SPACES
from tests.tiny_models import save_bert
from tests.trainings import padded_tags

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
    config.fingerprint("data"): pytest.param(config, id=f"{space.name}-{trial.arm}")
    for space in SPACES.values()
    for trial in space.trials(["demo"], arms=["*"], seeds=[0])
    for config in [trial.config.with_overrides(TINY)]
}


@pytest.fixture(scope="module")
def small() -> Corpus:
    whole = demo_corpus()
    return dataclasses.replace(
        whole, train=whole.train[:60], dev=whole.dev[:15], test=whole.test[:15]
    )


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bert(tmp_path_factory.mktemp("bert"))


@pytest.mark.parametrize("config", ARMS.values())
def test_an_arm_trains(config: Config, small: Corpus, bert: Path) -> None:
    pretrained = None
    if config.encoder.kind == "transformer":
        config = config.with_overrides({"encoder.model": str(bert), "training.max_epochs": 3})
        pretrained = load_pretrained(str(bert), config.encoder.max_pieces)
    vocabulary = corpus_vocabulary(small, config.data)
    corpus = encode_corpus(small, config.data, None, vocabulary, pretrained)
    result = train(config, corpus)
    losses = [epoch.train_loss for epoch in result.history]
    assert losses[-1] < losses[0] < math.inf
    assert result.test_decoded.tags_NL.shape == padded_tags(corpus.test).shape
    scores = *result.selection_scores.values(), *result.test_scores.values()
    assert all(0 <= score <= 1 for score in scores)


def test_spaces_share_arms() -> None:
    assert len(ARMS) < sum(len(space.arms) for space in SPACES.values())
