"""The width at which one model has as many parameters as another."""

from __future__ import annotations

from bisect import bisect_left

import torch

from rin_core.config import Config
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


def equal_width(config: Config, other: Config, vocabulary: Vocabulary) -> int:
    """Return the ``model.feature_size`` that gives a model the parameters of another.

    Both have the same encoder, so the encoder's parameters are not counted: word vectors would
    hide a difference.

    Args:
        config: The model whose width is wanted.
        other: The model with the number of parameters to reach.
        vocabulary: Of the corpus; the number of relations matters.

    Raises:
        ConfigError: The encoder is a transformer, or no width reaches that number within 1 %.
    """
    if config.encoder.kind == "transformer":
        raise ConfigError(
            "encoder.kind = transformer: the arm of equal capacity needs the BiLSTM encoder; leave "
            "that arm out with --arms"
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
