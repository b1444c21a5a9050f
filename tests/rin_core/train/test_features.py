"""Features of a frozen transformer: the same as computed anew, kept by content, computed once."""

from __future__ import annotations

import dataclasses
import errno
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import torch

from rin_core.config import Config
from rin_core.data.batches import make_batch
from rin_core.data.encoding import EncodedCorpus
from rin_core.model.rin import RIN
from rin_core.train import features
from rin_core.train.features import with_features
from rin_core.train.loop import train
from tests.transformer import CPU, settings, small_corpus

SPLITS = ("train", "dev", "test")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RIN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


@pytest.fixture
def config(tiny_bert: Path) -> Config:
    return settings(tiny_bert, encoder__freeze=True, encoder__packed=True)


def frozen(config: Config) -> tuple[RIN, EncodedCorpus]:
    corpus = small_corpus(config)
    torch.manual_seed(0)
    return RIN(config, corpus.vocabulary, None, corpus.pretrained), corpus


def test_are_those_that_the_transformer_computes(cache: Path, config: Config) -> None:
    model, corpus = frozen(config)
    known = with_features(model, corpus)
    rows = np.array([3, 0, 7])
    before, after = (make_batch(c.train, rows, CPU) for c in (corpus, known))
    assert after.pieces is None
    with torch.no_grad():
        expected, found = model.eval().encode(before), model.encode(after)
    for b, length in enumerate(before.lengths_B):
        torch.testing.assert_close(found[b, :length], expected[b, :length], rtol=1e-4, atol=1e-5)
    assert len(list(cache.iterdir())) == len(SPLITS)


def test_are_computed_once(cache: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train(config, small_corpus(config))
    files = {path.name for path in cache.iterdir()}
    other = config.override("model.rounds", 0)
    monkeypatch.setattr(features, "_computed", None)  # raises if it is called
    assert train(config, small_corpus(config)).test_scores == first.test_scores
    train(other, small_corpus(other))
    assert {path.name for path in cache.iterdir()} == files


@pytest.mark.parametrize("left", [50, 0])  # bytes; none after a power cut
def test_a_damaged_file_is_computed_again(cache: Path, config: Config, left: int) -> None:
    model, corpus = frozen(config)
    before = with_features(model, corpus).dev.features_SD
    for path in cache.iterdir():
        path.write_bytes(path.read_bytes()[:left])
    after = with_features(model, corpus).dev.features_SD
    assert before is not None
    assert after is not None
    assert np.array_equal(before, after)


def test_what_decides_them_is_in_the_key(
    cache: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, corpus = frozen(config)
    assert corpus.pretrained is not None
    with_features(model, corpus)
    other = dataclasses.replace(corpus.pretrained, digest="0" * 16)
    with_features(model, dataclasses.replace(corpus, pretrained=other))
    assert len(list(cache.iterdir())) == 2 * len(SPLITS)
    model.reduced = not model.reduced
    with_features(model, corpus)
    assert len(list(cache.iterdir())) == 3 * len(SPLITS)


def test_a_full_disk_leaves_no_part_of_a_file(
    cache: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(file: BinaryIO, *_: object, **__: object) -> None:
        file.write(b"a part")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", fill)
    assert with_features(*frozen(config)).train.features_SD is not None
    assert list(cache.iterdir()) == []


def test_without_a_disk_they_are_in_memory(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RIN_CACHE", str(tmp_path / "file"))
    model, corpus = frozen(config)
    assert with_features(model, corpus).train.features_SD is not None
