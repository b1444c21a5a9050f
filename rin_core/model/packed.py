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
from rin_core.model.dropout import Dropout, kept

#: Lengths of the padded arrays are multiples of it: few shapes to compile kernels for, and whole
#: vectors for the softmax.
MULTIPLE = 16


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


@dataclass(frozen=True, slots=True)
class _Windows:
    """Where the pieces of each window are in an array with padding."""

    shape: tuple[int, int]
    """W and P."""
    place_S: Tensor
    """Each piece's place in W·P."""
    absent_W11P: Tensor
    """-inf where there is no piece, else 0."""


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
    windows, position_S = _windows(pieces)
    place_WP = torch.empty(pieces.present_WP.numel(), dtype=torch.int64)
    present_S = pieces.present_WP.flatten().nonzero().squeeze(1)
    place_WP[present_S] = torch.arange(len(present_S))
    first_N, word_BL = torch.unique(place_WP[pieces.first_BL], return_inverse=True)
    hidden_SD = backbone.embeddings(
        input_ids=pieces.pieces_WP.flatten()[present_S][None],
        position_ids=(position_S + _first_position(backbone))[None],
    ).squeeze(0)
    bias_HPP = _position_bias(backbone, windows.shape[1])
    heads = backbone.config.num_attention_heads
    rate = backbone.config.attention_probs_dropout_prob if backbone.training else 0.0
    hidden_rate = backbone.config.hidden_dropout_prob
    dropout = Dropout(hidden_rate).train(backbone.training)
    *layers, last = layers_of(backbone)
    for layer in (*layers, last):
        lowered_SD = _lowered(hidden_SD)
        joined_S3D = _projected(layer.projections, lowered_SD)
        context_SD: Tensor = _Attention.apply(  # type: ignore[no-untyped-call]
            joined_S3D, bias_HPP, windows, heads, rate
        )
        if layer is last:
            context_SD, hidden_SD = context_SD[first_N], hidden_SD[first_N]
        attended_SD = dropout(linear(layer.attention_output, context_SD))
        hidden_SD = layer.attention_norm(attended_SD + hidden_SD)
        inner_SI = layer.activation(linear(layer.inner, _lowered(hidden_SD)))
        hidden_SD = layer.output_norm(dropout(linear(layer.output, inner_SI)) + hidden_SD)
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


def linear(module: nn.Module, values_SD: Tensor) -> Tensor:
    """Return a linear layer's output, in float32 by the faster library."""
    if type(module) is not nn.Linear or torch.is_autocast_enabled("cpu"):
        result: Tensor = module(values_SD)
        return result
    return matmul.addmm(module.bias, values_SD, module.weight.T)


def _projected(modules: tuple[nn.Module, ...], values_SD: Tensor) -> Tensor:
    """Return the outputs of several linear layers side by side, by one product if possible."""
    if not all(type(module) is nn.Linear for module in modules):  # adapters in their places
        return torch.cat([module(values_SD) for module in modules], dim=-1)
    weight = torch.cat([module.weight for module in modules])  # type: ignore[misc]
    bias = torch.cat([module.bias for module in modules])  # type: ignore[misc]
    if torch.is_autocast_enabled("cpu"):
        return nn.functional.linear(values_SD, weight, bias)
    return matmul.addmm(bias, values_SD, weight.T)


def _lowered(values: Tensor) -> Tensor:
    """Convert once what several products under autocast read."""
    if torch.is_autocast_enabled("cpu"):
        return values.to(torch.get_autocast_dtype("cpu"))
    return values


def _windows(pieces: PieceBatch) -> tuple[_Windows, Tensor]:
    """Return the windows, padded to a multiple, and each piece's place in its own [S]."""
    W, P = pieces.present_WP.shape
    padded = -(-P // MULTIPLE) * MULTIPLE
    window_S, position_S = pieces.present_WP.nonzero(as_tuple=True)
    absent_WP = torch.full((W, padded), float("-inf"))
    absent_WP[:, :P].masked_fill_(pieces.present_WP, 0)
    windows = _Windows((W, padded), window_S * padded + position_S, absent_WP[:, None, None])
    return windows, position_S


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


class _Attention(torch.autograd.Function):
    """Softmax attention with dropout within each window.

    The products are computed in the type of the input, the softmax in float32.
    """

    @staticmethod
    def forward(
        ctx: Any,
        joined_S3D: Tensor,
        bias_HPP: Tensor | None,
        windows: _Windows,
        heads: int,
        rate: float,
    ) -> Tensor:
        q, k, v = _padded(joined_S3D, windows, 3, heads)  # each [W·H, P, E]
        (W, P), E = windows.shape, q.shape[-1]
        with torch.autocast("cpu", enabled=False):
            q = q * E**-0.5
            scores_WHPP = torch.bmm(q, k.transpose(1, 2)).view(W, heads, P, P).float()
            scores_WHPP += windows.absent_W11P
            if bias_HPP is not None:
                scores_WHPP += bias_HPP
            probabilities = torch.softmax(scores_WHPP, -1).view(W * heads, P, P).to(q.dtype)
            mask = kept(probabilities, rate) if rate else None
            weights = probabilities if mask is None else probabilities * mask
            context = torch.bmm(weights, v)
            if rate:
                context *= 1 / (1 - rate)
        ctx.save_for_backward(q, k, v, probabilities, weights)
        ctx.mask, ctx.windows, ctx.heads, ctx.rate = mask, windows, heads, rate
        return _packed([context], windows, heads)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, probabilities, weights = ctx.saved_tensors
        windows, heads = ctx.windows, ctx.heads
        (d_context,) = _padded(grad_outputs[0], windows, 1, heads)
        if ctx.rate:
            d_context *= 1 / (1 - ctx.rate)
        d_v = torch.bmm(weights.transpose(1, 2), d_context)
        d_weights = torch.bmm(d_context, v.transpose(1, 2))
        if ctx.mask is not None:
            d_weights *= ctx.mask
        shared = d_weights.float() * probabilities
        d_scores = shared.addcmul_(probabilities, shared.sum(-1, keepdim=True), value=-1)
        d_bias = None
        if ctx.needs_input_grad[1]:
            (W, P) = windows.shape
            d_bias = d_scores.view(W, heads, P, P).sum(0)
        d_scores = d_scores.to(q.dtype)
        d_q = torch.bmm(d_scores, k).mul_(q.shape[-1] ** -0.5)
        d_k = torch.bmm(d_scores.transpose(1, 2), q)
        return _packed([d_q, d_k, d_v], windows, heads), d_bias, None, None, None


def _padded(values_SD: Tensor, windows: _Windows, parts: int, heads: int) -> tuple[Tensor, ...]:
    """Return each of the parts of a row of pieces as an array with padding [W·H, P, E]."""
    W, P = windows.shape
    rows = values_SD.new_zeros(W * P, values_SD.shape[1])
    rows[windows.place_S] = values_SD
    split = rows.view(W, P, parts, heads, -1).permute(2, 0, 3, 1, 4)
    return tuple(part.reshape(W * heads, P, -1) for part in split)


def _packed(parts: list[Tensor], windows: _Windows, heads: int) -> Tensor:
    """Return arrays with padding as one row of pieces, side by side [S, parts · D]."""
    W, P = windows.shape
    rows = torch.stack([part.view(W, heads, P, -1) for part in parts]).permute(1, 3, 0, 2, 4)
    return rows.reshape(W * P, -1)[windows.place_S]
