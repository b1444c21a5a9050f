"""A pretrained transformer as sentence encoder (paper §4.4, §5.1: BERT).

Shapes: B sentences · L tokens, padded · D hidden size · W windows · P pieces, padded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import torch
from torch import Tensor, nn

from rin_core.config import EncoderConfig
from rin_core.data.encoding import Batch
from rin_core.data.pretrained import Pretrained, build_backbone


class TransformerEncoder(nn.Module):
    """Any encoder of ``transformers``; a word is its first sub-word piece.

    In training its own dropout is at work, unless it is frozen: then it computes the same
    features always, and takes no memory for gradients.

    Args:
        config: Dropout of the output, and whether the weights are frozen.
        pretrained: Architecture and weights.
    """

    def __init__(self, config: EncoderConfig, pretrained: Pretrained) -> None:
        super().__init__()
        self.frozen = config.freeze
        self.backbone = build_backbone(pretrained).requires_grad_(not self.frozen)
        self.hidden_size: int = self.backbone.config.hidden_size
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, batch: Batch) -> Tensor:
        """Return H [B, L, D]; rows of padding hold numbers without meaning.

        Raises:
            ValueError: The batch was encoded without a transformer's tokenizer.
        """
        if batch.pieces is None:
            raise ValueError("batch.pieces = None: encode the split with the model's tokenizer")
        pieces = batch.pieces
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            states_WPD: Tensor = self.backbone(
                input_ids=pieces.pieces_WP, attention_mask=pieces.present_WP
            ).last_hidden_state
        words_BLD: Tensor = self.dropout(states_WPD.flatten(0, 1)[pieces.first_BL])
        return words_BLD

    def train(self, mode: bool = True) -> Self:
        """Switch dropout on or off; in a frozen transformer it stays off."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def pretrained_parameters(self) -> Iterable[nn.Parameter]:
        """Return the transformer's own weights."""
        parameters: Iterable[nn.Parameter] = self.backbone.parameters()
        return parameters
