"""How many parameters a model has, and the width at which it has those of another."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace

import torch

from rin_core.config import Config
from rin_core.data.pretrained import Pretrained
from rin_core.data.vocabulary import Vocabulary
from rin_core.errors import ConfigError
from rin_core.model.rin import RIN

WIDEST = 10_000


def parameters_after_encoder(config: Config, vocabulary: Vocabulary) -> int:
    """Return the number of parameters of a model without its encoder.

    The model is built without storage, so its size and its vectors cost nothing.
    """
    with torch.device("meta"):
        model = RIN(config, vocabulary)
    return sum(p.numel() for name, p in model.named_parameters() if not name.startswith("encoder."))


def trained_parameters(
    config: Config, vocabulary: Vocabulary, pretrained: Pretrained | None = None
) -> int:
    """Return how many parameters of a model training changes, word vectors included.

    The model is built without storage. Frozen parts do not count.

    Args:
        config: The model.
        vocabulary: Of the corpus.
        pretrained: The transformer, if the encoder is one; its weights are not needed.
    """
    bare = pretrained and replace(pretrained, weights={})
    with torch.device("meta"):
        model = RIN(config, vocabulary, pretrained=bare)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def equal_width(config: Config, other: Config, vocabulary: Vocabulary) -> int:
    """Return the ``model.feature_size`` that gives a model the parameters of another.

    Both have the same encoder, so the encoder's parameters are not counted: word vectors would
    hide a difference.

    Args:
        config: The model whose width is wanted.
        other: The model with the number of parameters to reach.
        vocabulary: Of the corpus; the number of relations matters.

    Raises:
        ConfigError: The encoder is pretrained, or no width reaches that number within 1 %.
    """
    if config.encoder.traits.reads_pieces:
        raise ConfigError(
            f"encoder.kind = {config.encoder.kind}: the arm of equal capacity requires an encoder "
            "of words; leave that arm out with --arms"
        )
    wanted = parameters_after_encoder(other, vocabulary)

    def size(width: int) -> int:
        return parameters_after_encoder(config.override("model.feature_size", width), vocabulary)

    above = bisect_left(range(2, WIDEST), wanted, key=size) + 2
    width = min((above - 1, above), key=lambda width: abs(size(width) - wanted))
    if abs(size(width) - wanted) > wanted / 100:
        raise ConfigError(
            f"model.feature_size: no width gives {wanted:,} parameters after the encoder within 1 %"
        )
    return width
