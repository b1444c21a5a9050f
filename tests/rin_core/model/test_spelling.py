"""Vectors of words from their characters."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rin_core.model.spelling import CHARACTER_ENCODERS, CharacterLSTM

WORDS = torch.tensor([[3, 4, 5, 0], [6, 0, 0, 0], [0, 0, 0, 0], [4, 4, 4, 4]])


@pytest.fixture(params=CHARACTER_ENCODERS)
def encoder(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return CHARACTER_ENCODERS[request.param](7, 5)


def test_shape_and_a_form_without_characters(encoder: nn.Module) -> None:
    vectors = encoder(WORDS)
    assert vectors.shape == (4, 5)
    assert not vectors[2].any()
    assert vectors[[0, 1, 3]].any(dim=1).all()


def test_padding_and_neighbours_make_no_difference(encoder: nn.Module) -> None:
    vectors = encoder(WORDS)
    padded = encoder(nn.functional.pad(WORDS, (0, 6)))
    torch.testing.assert_close(vectors, padded)
    torch.testing.assert_close(vectors[:1], encoder(WORDS[:1, :3]))


def test_order_of_characters_makes_a_difference(encoder: nn.Module) -> None:
    forwards, backwards = encoder(torch.tensor([[3, 4, 5], [5, 4, 3]]))
    assert not torch.allclose(forwards, backwards)


def test_lstm_reads_each_direction_from_its_end() -> None:
    torch.manual_seed(1)
    encoder = CharacterLSTM(7, 6)
    word = torch.tensor([[3, 4, 5]])
    inputs = encoder.characters(word)
    _, (forwards, _) = encoder.forwards(inputs)
    _, (backwards, _) = encoder.backwards(inputs.flip(1))
    wanted = torch.cat([forwards[-1], backwards[-1]], dim=-1)
    torch.testing.assert_close(encoder(nn.functional.pad(word, (0, 2))), wanted)
