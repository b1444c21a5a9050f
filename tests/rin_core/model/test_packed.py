"""The packed transformer against the library's own forward pass, in values and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import MPNetConfig, MPNetModel, MPNetTokenizer

from rin_core.data.batches import Batch, make_batch
from rin_core.model.transformer import TransformerEncoder
from tests.tiny_models import LETTERS, SIZES
from tests.transformer import (
    CPU,
    SENTENCES,
    encoder_of,
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
