"""A small corpus, and one training that every module compares with."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import EncodedCorpus, corpus_vocabulary, encode_corpus
from rin_core.train.loop import Result, train
from tests.trainings import TINY


@pytest.fixture(scope="module", autouse=True)
def deterministic() -> Iterator[None]:
    """Sum in one order: on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def corpus() -> EncodedCorpus:
    """Short sentences, and the same ones to score: a few epochs must find some triples."""
    whole = demo_corpus()
    train_ = tuple(s for s in whole.train if len(s.words) <= 12)[:60]
    small = dataclasses.replace(whole, train=train_, dev=train_, test=train_[10:50])
    return encode_corpus(small, TINY.data, None, corpus_vocabulary(small, TINY.data))


@pytest.fixture(scope="module")
def unbroken(
    corpus: EncodedCorpus, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Result, Path]:
    """Train once without a stop; tests compare with it and leave its folder alone."""
    folder = tmp_path_factory.mktemp("unbroken")
    return train(TINY, corpus, directory=folder), folder
