"""BERT's family of transformers without padding, on a CPU.

The pieces of all windows lie in one row, so products, normalisation and dropout see no padding.
Only attention, 3 % of the operations, reads the windows as a padded array. After the attention of
the last layer, only the first pieces of words go on: no other features are used. The weights stay
in the modules of ``transformers``, which define the layers; other architectures run as they are.

Shapes: W windows · P pieces, padded · S pieces of all windows · N first pieces of words ·
D hidden size · H heads · E size of a head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rin_core.data.batches import PieceBatch
from rin_core.model import matmul
from rin_core.model.attention import Windows, attention, groups_of
from rin_core.model.dropout import bias_dropout_add
from rin_core.model.gelu import bias_gelu

#: Numbers of rows are multiples of it. oneDNN compiles its kernels for each number of rows, in 4 to
#: 7 ms each, and every batch would have another one.
ROWS = 64


@dataclass(frozen=True, slots=True)
class Layer:
    """The modules of one layer, which ends each half with a normalisation."""

    projections: tuple[nn.Module, nn.Module, nn.Module]
    """Of queries, keys and values."""
    attention_output: nn.Module
    attention_norm: nn.Module
    inner: nn.Module
    activation: Callable[[Tensor], Tensor]
    output: nn.Module
    output_norm: nn.Module


def is_packable(backbone: Any) -> bool:
    """Tell whether a transformer's layers are known here."""
    config = backbone.config
    bert_like = config.model_type in ("bert", "roberta", "xlm-roberta", "camembert")
    positions = getattr(config, "position_embedding_type", None) or "absolute"
    return (bert_like and positions == "absolute" and not config.is_decoder) or (
        config.model_type == "mpnet"
    )


def packed_features(backbone: Any, pieces: PieceBatch) -> Tensor:
    """Return the last hidden state of every word's first piece [B, L, D].

    Args:
        backbone: A transformer that :func:`is_packable`.
        pieces: A batch on a CPU.
    """
    piece_S, position_S, word_BL, groups = _packed(pieces)
    first_N, word_BL = torch.unique(word_BL, return_inverse=True)
    first_N = nn.functional.pad(first_N, (0, -len(first_N) % ROWS))  # repeats the first piece
    hidden_SD = backbone.embeddings(
        input_ids=piece_S[None], position_ids=(position_S + _first_position(backbone))[None]
    ).squeeze(0)
    bias_HPP = _position_bias(backbone, max(windows.padded for windows in groups))
    config = backbone.config
    attention_rate, rate = (
        (config.attention_probs_dropout_prob, config.hidden_dropout_prob)
        if backbone.training
        else (0.0, 0.0)
    )
    *layers, last = layers_of(backbone)
    for layer in (*layers, last):
        joined_S3D = _projected(layer.projections, _lowered(hidden_SD))
        context_SD = attention(
            joined_S3D, bias_HPP, groups, config.num_attention_heads, attention_rate
        )
        if layer is last:
            context_SD, hidden_SD = context_SD[first_N], hidden_SD[first_N]
        attended_SD, bias_D = _product(layer.attention_output, context_SD)
        hidden_SD = layer.attention_norm(bias_dropout_add(attended_SD, bias_D, hidden_SD, rate))
        inner_SI, bias_I = _product(layer.inner, _lowered(hidden_SD))
        if config.hidden_act == "gelu":
            inner_SI = bias_gelu(inner_SI, bias_I)
        else:
            inner_SI = layer.activation(inner_SI if bias_I is None else inner_SI + bias_I)
        output_SD, bias_D = _product(layer.output, inner_SI)
        hidden_SD = layer.output_norm(bias_dropout_add(output_SD, bias_D, hidden_SD, rate))
    features_BLD: Tensor = hidden_SD[word_BL]
    return features_BLD


def layers_of(backbone: Any) -> Iterator[Layer]:
    """Yield the layers of a transformer that :func:`is_packable`."""
    for layer in backbone.encoder.layer:
        attention = layer.attention
        if backbone.config.model_type == "mpnet":
            own = attention.attn
            projections, output, norm = (own.q, own.k, own.v), own.o, attention.LayerNorm
        else:
            own = attention.self
            projections = (own.query, own.key, own.value)
            output, norm = attention.output.dense, attention.output.LayerNorm
        yield Layer(
            projections=projections,
            attention_output=output,
            attention_norm=norm,
            inner=layer.intermediate.dense,
            activation=layer.intermediate.intermediate_act_fn,
            output=layer.output.dense,
            output_norm=layer.output.LayerNorm,
        )


def _product(module: nn.Module, values_SD: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return a linear layer's output without its bias, and the bias that is left to add."""
    if type(module) is not nn.Linear:  # an adapter in its place
        return module(values_SD), None
    if torch.is_autocast_enabled("cpu"):
        return nn.functional.linear(values_SD, module.weight), module.bias
    return matmul.matmul(values_SD, module.weight.T), module.bias


def _projected(modules: tuple[nn.Module, ...], values_SD: Tensor) -> Tensor:
    """Return the outputs of several linear layers side by side, by one product if possible."""
    if not all(type(module) is nn.Linear for module in modules):  # adapters in their places
        return torch.cat([module(values_SD) for module in modules], dim=-1)
    weight = torch.cat([_lowered(module.weight) for module in modules])  # type: ignore[arg-type]
    bias = torch.cat([module.bias for module in modules])  # type: ignore[misc]
    if torch.is_autocast_enabled("cpu"):
        return nn.functional.linear(values_SD, weight, bias)
    return matmul.addmm(bias, values_SD, weight.T)


def _lowered(values: Tensor) -> Tensor:
    """Convert once what several products under autocast read."""
    if torch.is_autocast_enabled("cpu"):
        return values.to(torch.get_autocast_dtype("cpu"))
    return values


def _packed(pieces: PieceBatch) -> tuple[Tensor, Tensor, Tensor, list[Windows]]:
    """Return the pieces of all windows in one row, and where the windows are in it.

    Returns:
        Each piece's number [S] and its position in its window [S], the place in the row of each
        word's first piece [B, L], and the groups of windows.
    """
    window_S, position_S = pieces.present_WP.nonzero(as_tuple=True)
    piece_S = pieces.pieces_WP[window_S, position_S]
    place_WP = pieces.present_WP.flatten().cumsum(0) - 1
    groups = groups_of(pieces.present_WP.sum(1).numpy())
    missing = -len(piece_S) % ROWS
    piece_S, position_S = (nn.functional.pad(x, (0, missing)) for x in (piece_S, position_S))
    return piece_S, position_S, place_WP[pieces.first_BL], groups


def _first_position(backbone: Any) -> int:
    """Return the number of the first position; RoBERTa and MPNet count from after padding."""
    padding = backbone.embeddings.position_embeddings.padding_idx
    return 0 if padding is None else padding + 1


def _position_bias(backbone: Any, P: int) -> Tensor | None:
    """Return MPNet's term of relative positions [H, P, P]."""
    if backbone.config.model_type != "mpnet":
        return None
    bias_1HPP: Tensor = backbone.encoder.compute_position_bias(torch.empty(1, P, 1))
    return bias_1HPP[0]
