"""A pretrained transformer as sentence encoder (paper §4.4, §5.1: BERT).

Shapes: B sentences · L tokens, padded · D hidden size · W windows · P pieces, padded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import torch
from torch import Tensor, nn

from rin_core.config import EncoderConfig
from rin_core.data.batches import Batch, PieceBatch
from rin_core.data.pretrained import Pretrained, without_pooler
from rin_core.errors import ConfigError
from rin_core.model.dropout import replace_dropout
from rin_core.model.packed import is_packable, packed_features

#: The linear layers that LoRA adapts, by the names that ``transformers`` gives them.
_QUERIES_AND_VALUES = ("query", "value", "q", "v", "q_lin", "v_lin", "query_proj", "value_proj")


class TransformerEncoder(nn.Module):
    """Any encoder of ``transformers``; a word is its first sub-word piece.

    In training it uses its own dropout, unless it is frozen. A frozen one always computes the same
    features and needs no memory for gradients.

    Args:
        config: Dropout of the output, and whether the weights are frozen.
        pretrained: Architecture and weights.
    """

    def __init__(self, config: EncoderConfig, pretrained: Pretrained) -> None:
        super().__init__()
        self.frozen = config.freeze
        self.backbone = build_backbone(pretrained).requires_grad_(not self.frozen)
        _limit_training(self.backbone, config)
        self.hidden_size: int = self.backbone.config.hidden_size
        self.packed = config.packed and is_packable(self.backbone)
        self.dropout = nn.Dropout(config.dropout)
        if config.packed:
            replace_dropout(self)

    def forward(self, batch: Batch) -> Tensor:
        """Return H [B, L, D]; rows of padding hold numbers without meaning.

        Raises:
            ValueError: The batch was encoded without a transformer's tokenizer.
        """
        if batch.features_BLD is not None:
            known_BLD: Tensor = self.dropout(batch.features_BLD)
            return known_BLD
        if batch.pieces is None:
            raise ValueError("batch.pieces = None: encode the split with the model's tokenizer")
        pieces = batch.pieces
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            words_BLD: Tensor = self.dropout(self._features(pieces))
        return words_BLD

    def _features(self, pieces: PieceBatch) -> Tensor:
        """Return the last hidden state of every word's first piece [B, L, D]."""
        if self.packed and pieces.pieces_WP.device.type == "cpu":
            return packed_features(self.backbone, pieces)
        states_WPD: Tensor = self.backbone(
            input_ids=pieces.pieces_WP, attention_mask=pieces.present_WP
        ).last_hidden_state
        return states_WPD.flatten(0, 1)[pieces.first_BL]

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


def check_transformer(config: EncoderConfig, pretrained: Pretrained) -> None:
    """Raise an error if a transformer cannot be trained as the settings say; takes no memory.

    Raises:
        ConfigError: It has no layers, queries or values that are known here, or peft is missing.
    """
    if config.freeze_layers or config.lora:
        with torch.device("meta"):
            _limit_training(_without_weights(pretrained), config)


def _limit_training(backbone: Any, config: EncoderConfig) -> None:
    """Stop the training of the weights that ``freeze_layers`` and ``lora`` leave as they are."""
    if config.freeze_layers:
        _freeze_layers(backbone, config.freeze_layers)
    if config.lora and not config.freeze:
        _add_lora(backbone, config)


def _freeze_layers(backbone: Any, count: int) -> None:
    """Stop the training of the embeddings and of the first layers."""
    layers = getattr(getattr(backbone, "encoder", None), "layer", None)
    if layers is None or not hasattr(backbone, "embeddings"):
        raise ConfigError(
            f"encoder.freeze_layers = {count}: must be 0, because {type(backbone).__name__} has no "
            "known layers"
        )
    if count > len(layers):
        raise ConfigError(
            f"encoder.freeze_layers = {count}: must be at most {len(layers)}, the layers of "
            f"{type(backbone).__name__}"
        )
    for module in (backbone.embeddings, *layers[:count]):
        module.requires_grad_(False)


def _add_lora(backbone: Any, config: EncoderConfig) -> None:
    """Add LoRA's matrices beside the queries and values (Hu et al. 2022), and train nothing else.

    Their scale is alpha / rank = 2, so that another rank needs no other learning rate.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise ConfigError(
            f"encoder.lora = {config.lora}: requires the package peft; install it with "
            "'make extras' or pip install 'rin-study[lora]'"
        ) from None
    if config.freeze_layers:
        raise ConfigError(
            f"encoder.lora = {config.lora} with encoder.freeze_layers = "
            f"{config.freeze_layers}: LoRA freezes all layers; set one of them to 0"
        )
    linear = {
        name.rpartition(".")[2]
        for name, module in backbone.named_modules()
        if isinstance(module, nn.Linear)
    }
    targets = [name for name in _QUERIES_AND_VALUES if name in linear]
    if not targets:
        raise ConfigError(
            f"encoder.lora = {config.lora}: must be 0, because {type(backbone).__name__} "
            "has no known queries and values"
        )
    rank = config.lora
    lora = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets, bias="none")
    inject_adapter_in_model(lora, backbone)  # freezes all other weights


def build_backbone(pretrained: Pretrained) -> Any:
    """Return the transformer as a module, with its weights where there are any.

    Its random start is overwritten, so the random generator is left as it was: the numbers drawn
    here must not shift those that other weights start from.
    """
    with torch.random.fork_rng(devices=[]):
        backbone = _without_weights(pretrained)
    if pretrained.weights:  # copies: the arrays may be read-only views of shared memory
        backbone.load_state_dict({k: torch.tensor(v) for k, v in pretrained.weights.items()})
    return backbone


def _without_weights(pretrained: Pretrained) -> Any:
    """Return the transformer as a module with random weights."""
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model(**pretrained.architecture)
    return without_pooler(AutoModel.from_config(config, trust_remote_code=False))
