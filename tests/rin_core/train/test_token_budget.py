"""Batches that are computed in parts: the same loss, gradients and step as the whole batch."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from rin_core.config import Config
from rin_core.data.batches import input_tokens, make_batch, parts_of_batch
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import EncodedCorpus, corpus_vocabulary, encode_corpus
from rin_core.data.pretrained import load_pretrained
from rin_core.model.matmul import computes_bfloat16
from rin_core.train.averaging import WeightAverage
from rin_core.train.loop import Trainer, train

CPU = torch.device("cpu")
SIZE, BUDGET = 12, 120
BASE = {"model.feature_size": 16, "training.batch_size": SIZE, "training.max_epochs": 2}
WORDS = Config().with_overrides(
    BASE | {"encoder.word_dim": 12, "encoder.hidden_size": 16, "encoder.dropout": 0.0}
)


def of_pieces(model: Path, **changes: object) -> Config:
    own = BASE | {"encoder.kind": "transformer", "encoder.model": str(model)}
    return Config().with_overrides(own | {k.replace("__", "."): v for k, v in changes.items()})


def encoded(config: Config) -> EncodedCorpus:
    whole = demo_corpus()
    small = dataclasses.replace(
        whole, train=whole.train[:30], dev=whole.dev[:10], test=whole.test[:10]
    )
    encoder = config.encoder
    pretrained = (
        load_pretrained(encoder.model, encoder.max_pieces) if encoder.traits.reads_pieces else None
    )
    vocabulary = corpus_vocabulary(small, config.data)
    return encode_corpus(small, config.data, None, vocabulary, pretrained)


def gradients(config: Config, corpus: EncodedCorpus) -> dict[str, Tensor]:
    """Return the gradients of a batch of all lengths, without dropout."""
    trainer = Trainer(config, corpus, None, CPU)
    trainer.model.eval()
    rows, tokens_N = np.arange(SIZE), input_tokens(corpus.train)
    parts = parts_of_batch(rows, tokens_N, config.training.max_tokens)
    assert (len(parts) > 2) == (config.training.max_tokens > 0)
    for part in parts:
        trainer._add_gradient(part, len(rows))
    named = trainer.model.named_parameters()
    return {name: p.grad for name, p in named if p.grad is not None}


def assert_same_gradients(config: Config, tolerance: float) -> None:
    """Compare all gradients as one vector, and each tensor with ten times the tolerance."""
    corpus = encoded(config)
    whole = gradients(config, corpus)
    parts = gradients(config.override("training.max_tokens", BUDGET), corpus)
    assert whole.keys() == parts.keys()
    norms = {name: float(gradient.norm()) for name, gradient in whole.items()}
    differences = {name: float((parts[name] - whole[name]).norm()) for name in whole}
    assert math.hypot(*differences.values()) <= tolerance * math.hypot(*norms.values())
    smallest = 1e-3 * max(norms.values())  # softmax cancels the gradients of keys' biases
    for name, difference in differences.items():
        assert difference <= 10 * tolerance * max(norms[name], smallest), name


def test_a_bilstm() -> None:
    assert_same_gradients(WORDS, 1e-6)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "changes", [{}, {"encoder__freeze_layers": 1}, {"encoder__lora": 2}, {"encoder__freeze": True}]
)
def test_a_transformer(
    tiny_bert: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    packed: bool,
    changes: dict[str, object],
) -> None:
    if "encoder__lora" in changes:
        pytest.importorskip("peft")
    monkeypatch.setenv("RIN_CACHE", str(tmp_path))
    assert_same_gradients(of_pieces(tiny_bert, encoder__packed=packed, **changes), 1e-6)


def test_bfloat16(tiny_bert: Path) -> None:
    if not computes_bfloat16(CPU):
        pytest.skip("needs a processor with bfloat16")
    config = of_pieces(tiny_bert, encoder__packed=True, training__precision="bfloat16")
    assert_same_gradients(config, 5e-3)


def test_parts_keep_to_the_budget(tiny_bert: Path) -> None:
    """As tensors, padding included; only a sentence that is longer is alone."""
    corpus = encoded(of_pieces(tiny_bert))
    split, rows = corpus.train, np.arange(len(corpus.train))
    tokens_N = input_tokens(split)
    assert tokens_N.max() > 40, "some sentences have several windows"
    for most in (60, 100, 400):
        parts = parts_of_batch(rows, tokens_N, most)
        assert sorted(np.concatenate(parts)) == list(rows)
        for part in parts:
            pieces = make_batch(split, part, CPU).pieces
            assert pieces is not None
            assert pieces.pieces_WP.numel() <= most or len(part) == 1


def test_a_batch_that_fits_is_left_as_it_is() -> None:
    rows, tokens_N = np.array([3, 0, 2]), np.array([5, 9, 7, 6])
    for most in (0, 21):
        (part,) = parts_of_batch(rows, tokens_N, most)
        assert part.tolist() == [3, 0, 2]
    assert [p.tolist() for p in parts_of_batch(rows, tokens_N, 12)] == [[0, 3], [2]]


@pytest.mark.parametrize("average", ["none", "ema"])
def test_a_budget_that_all_fits_changes_no_bit(average: str) -> None:
    config = WORDS.override("training.average", average)
    corpus = encoded(config)
    found = train(config.override("training.max_tokens", 100_000), corpus)
    wanted = train(config, corpus)
    assert [e.train_loss for e in found.history] == [e.train_loss for e in wanted.history]
    assert found.averaged_test_scores == wanted.averaged_test_scores


def test_one_step_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Norms are clipped, steps taken and weights averaged once for the whole batch."""
    steps: list[int] = []
    real = WeightAverage.update

    def update(average: WeightAverage, step: int) -> None:
        steps.append(step)
        real(average, step)

    monkeypatch.setattr(WeightAverage, "update", update)
    config = WORDS.with_overrides({"training.max_tokens": BUDGET, "training.average": "ema"})
    corpus = encoded(config)
    found, wanted = (
        train(config.override("training.max_tokens", most), corpus) for most in (BUDGET, 0)
    )
    assert steps == [*range(6), *range(6)]
    losses = [[e.train_loss for e in result.history] for result in (found, wanted)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
