"""The packed transformer against the library's own forward pass, in values and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import MPNetConfig, MPNetModel, MPNetTokenizer

from rin_core.data.batches import Batch, make_batch
from rin_core.errors import ConfigError
from rin_core.layout import WEIGHTS
from rin_core.model.dropout import Dropout
from rin_core.model.transformer import TransformerEncoder
from rin_core.predict.loading import load_model
from rin_core.train.loop import Trainer
from tests.tiny_models import LETTERS, SIZES
from tests.transformer import (
    CPU,
    SENTENCES,
    encoder_of,
    settings,
    small_corpus,
    split_of,
)

LONG = " ".join(list("abcdefghijklmnopqrstuvwxyz") * 2)


def save_mpnet(folder: Path) -> Path:
    pieces = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>", *LETTERS, *(f"##{x}" for x in LETTERS)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    MPNetTokenizer(vocab=vocabulary, do_lower_case=True).save_pretrained(folder)
    sizes = SIZES | {"intermediate_size": 32, "max_position_embeddings": 42}
    torch.manual_seed(0)
    MPNetModel(MPNetConfig(vocab_size=len(pieces), **sizes)).save_pretrained(folder)
    return folder


@pytest.fixture(params=["bert", "roberta", "mpnet"])
def case(
    request: pytest.FixtureRequest, tiny_bert: Path, tiny_roberta: Path, tmp_path: Path
) -> tuple[TransformerEncoder, Batch]:
    """An encoder, and a batch with padding and with a sentence of several windows."""
    folders = {"bert": tiny_bert, "roberta": tiny_roberta}
    folder = folders.get(request.param) or save_mpnet(tmp_path / "mpnet")
    encoder, pretrained = encoder_of(folder, encoder__dropout=0.0, encoder__packed=True)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    split = split_of(pretrained, *SENTENCES, LONG)
    assert encoder.packed
    return encoder.eval(), make_batch(split, np.arange(len(SENTENCES) + 1), CPU)


def both(
    case: tuple[TransformerEncoder, Batch], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Yield features of words, and gradients of the weights, with and without packing."""
    encoder, batch = case
    assert batch.padding_BL is not None
    for packed in (True, False):
        monkeypatch.setattr(encoder, "packed", packed)
        encoder.zero_grad()
        words_ND = encoder(batch)[~batch.padding_BL]
        (words_ND * torch.linspace(-1, 1, words_ND.numel()).view(words_ND.shape)).sum().backward()
        gradients = {n: p.grad for n, p in encoder.named_parameters() if p.grad is not None}
        yield words_ND.detach(), {name: gradient.clone() for name, gradient in gradients.items()}


def test_features_and_gradients_are_those_of_the_library(
    case: tuple[TransformerEncoder, Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    (ours, our_gradients), (theirs, their_gradients) = both(case, monkeypatch)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(our_gradients, their_gradients, rtol=1e-3, atol=1e-3)


def test_attentions_dropout_has_the_gradient_of_what_it_computed(
    case: tuple[TransformerEncoder, Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same draws, the loss changes as the gradient says."""
    encoder, batch = case
    encoder.train()
    weight = next(p for n, p in encoder.named_parameters() if "layer.0" in n and p.ndim == 2)
    direction = torch.randn_like(weight)

    def loss() -> Tensor:
        torch.manual_seed(5)
        features: Tensor = encoder(batch)
        return features[:, 0].pow(3).sum()

    loss().backward()
    assert weight.grad is not None
    slope = (weight.grad * direction).sum().item()
    values = []
    for step in (1e-3, -1e-3):
        with torch.no_grad():
            weight.add_(direction, alpha=step)
            values.append(loss().item())
            weight.sub_(direction, alpha=step)
    assert (values[0] - values[1]) / 2e-3 == pytest.approx(slope, rel=0.03)


@pytest.mark.parametrize("packed", [False, True])
def test_the_first_layers_are_not_trained(tiny_bert: Path, packed: bool) -> None:
    config = settings(
        tiny_bert, encoder__freeze_layers=1, encoder__packed=packed, training__max_epochs=1
    )
    corpus = small_corpus(config)
    trainer = Trainer(config, corpus, None, CPU)
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    trainer.run(lambda _: None)
    changed = {n for n, t in trainer.model.state_dict().items() if not t.equal(before[n])}
    assert any("backbone.encoder.layer.1." in name for name in changed)
    assert not any("backbone.embeddings." in name or "layer.0." in name for name in changed)


def test_more_layers_than_there_are_cannot_be_frozen(tiny_bert: Path) -> None:
    with pytest.raises(ConfigError, match=r"freeze_layers = 3: must be at most 2"):
        encoder_of(tiny_bert, encoder__freeze_layers=3)


@pytest.mark.parametrize("packed", [False, True])
def test_lora_trains_its_own_matrices_and_a_model_file_has_them(
    tiny_bert: Path, tmp_path: Path, packed: bool
) -> None:
    pytest.importorskip("peft", reason="make extras")
    config = settings(tiny_bert, encoder__lora=2, encoder__packed=packed, training__max_epochs=2)
    corpus = small_corpus(config)
    trainer = Trainer(config, corpus, tmp_path, CPU)
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    whole = trainer.run(lambda _: None)
    changed = {n for n, t in trainer.model.state_dict().items() if not t.equal(before[n])}
    encoder = {name for name in changed if name.startswith("encoder.")}
    # Beside the queries and values of two layers, two matrices each.
    assert len(encoder) == 2 * 2 * 2
    assert all("lora_" in name for name in encoder)
    loaded = load_model(tmp_path / WEIGHTS)
    weights = trainer.model.state_dict()
    assert loaded.model.state_dict().keys() == weights.keys()
    assert all(t.equal(weights[name]) for name, t in loaded.model.state_dict().items())
    again = Trainer(config, corpus, tmp_path, CPU).run(lambda _: None)  # from its checkpoint
    assert again.test_scores == whole.test_scores


def test_lora_and_frozen_layers_exclude_each_other(tiny_bert: Path) -> None:
    pytest.importorskip("peft", reason="make extras")
    with pytest.raises(ConfigError, match=r"lora = 2 with encoder\.freeze_layers = 1"):
        encoder_of(tiny_bert, encoder__freeze_layers=1, encoder__lora=2)


class TestDropout:
    @pytest.mark.parametrize("rate", [0.1, 0.5])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_drops_the_share_and_keeps_the_mean(self, rate: float, dtype: torch.dtype) -> None:
        torch.manual_seed(0)
        values = torch.ones(400, 1000, dtype=dtype, requires_grad=True)
        found = Dropout(rate)(values)
        share = (found == 0).float().mean(0)
        assert abs(share.mean().item() - rate) < 0.003
        assert share.std().item() == pytest.approx((rate * (1 - rate) / 400) ** 0.5, rel=0.1)
        assert found.float().mean().item() == pytest.approx(1, abs=0.005)
        (gradient,) = torch.autograd.grad(found.sum(), values)
        assert gradient.equal(found)

    def test_each_of_four_neighbours_is_as_likely(self) -> None:
        """One draw of 64 bits decides four numbers."""
        torch.manual_seed(0)
        shares = (Dropout(0.25)(torch.ones(200_000, 4)) != 0).float().mean(0)
        torch.testing.assert_close(shares, torch.full((4,), 0.75), rtol=0, atol=0.005)

    def test_follows_the_generator_and_rests_outside_training(self) -> None:
        module, values = Dropout(0.5), torch.randn(7, 3)
        found = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            found.append(module(values))
        assert found[0].equal(found[1])
        assert not found[0].equal(found[2])
        assert module.eval()(values).equal(values)
        assert isinstance(module, nn.Dropout)
