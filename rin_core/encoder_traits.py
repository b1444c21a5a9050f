"""What each encoder reads and which settings it uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

EncoderKind = Literal["bilstm", "transformer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderTraits:
    """What code outside the model needs to know about an encoder, without importing torch."""

    settings: frozenset[str]
    """Settings that it uses, of all that not every encoder uses, by dotted name."""
    reads_pieces: bool = False
    """Whether it reads the sub-word pieces of ``encoder.model``. Otherwise it reads words, their
    part-of-speech tags and word vectors."""
    bfloat16: bool = False
    """Whether it can compute in ``training.precision = "bfloat16"``."""


#: A new encoder also needs its name in ``EncoderKind`` and its class in ``model.encoders``.
ENCODERS: Mapping[EncoderKind, EncoderTraits] = {
    "bilstm": EncoderTraits(
        settings=frozenset(
            {
                "data.lowercase",
                "data.vocabulary",
                "data.pos",
                "encoder.word_dim",
                "encoder.pos_dim",
                "encoder.case_dim",
                "encoder.characters",
                "encoder.character_dim",
                "encoder.hidden_size",
                "encoder.dropout",
                "training.word_dropout",
            }
        )
    ),
    "transformer": EncoderTraits(
        settings=frozenset(
            {
                "encoder.model",
                "encoder.max_pieces",
                "encoder.dropout",
                "encoder.freeze",
                "encoder.freeze_layers",
                "encoder.lora",
                "encoder.packed",
                "training.precision",
                "training.encoder_learning_rate",
            }
        ),
        reads_pieces=True,
        bfloat16=True,
    ),
}
