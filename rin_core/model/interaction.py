"""INT and the updates of the task features (Eqs. 1-7), one small module each.

A round is mostly matrix products, so the rest is kept cheap. No concatenation is built: W(a ⊕ b) is
W's columns for a times a, plus those for b times b. Parts that do not change between rounds are
computed once. The GRU has its own backward.

Shapes: B sentences · L tokens, padded · N = B·L · D width of H · F width of the features that are
updated · X width of what updates them: F behind INT; R or T where ŷ or ȳ itself is the input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rin_core.model.matmul import addmm, addmm_, matmul

sigmoid_backward = torch.ops.aten.sigmoid_backward
tanh_backward = torch.ops.aten.tanh_backward


class Interaction(nn.Module):
    """INT (Eq. 3): x = ReLU(W_a(ŷ ⊕ ȳ ⊕ h) + b_a).

    Args:
        relations: R, or 0 without ŷ (Table 5: -ŷ).
        tags: T, or 0 without ȳ (Table 5: -ȳ).
        shared_size: D, or 0 without h (Table 5: -H).
        feature_size: F, the width of x.
    """

    def __init__(self, relations: int, tags: int, shared_size: int, feature_size: int) -> None:
        super().__init__()
        self.widths = [relations, tags, shared_size]
        self.project = nn.Linear(sum(self.widths), feature_size)

    def shared_part(self, shared_BLD: Tensor) -> Tensor:
        """Return W_a's share of h, with b_a [N, F]: the same in every round."""
        W_h = torch.split(self.project.weight, self.widths, dim=1)[2]
        if not self.widths[2]:
            return self.project.bias.expand(shared_BLD.shape[:2].numel(), -1)
        return addmm(self.project.bias, shared_BLD.flatten(0, 1), W_h.T)

    def forward(self, relation_RN: Tensor, entity_BLT: Tensor, shared_NF: Tensor) -> Tensor:
        """Return the interaction features x [N, F] of ŷ [R, N], ȳ and :meth:`shared_part`."""
        W_relation, W_entity, _ = torch.split(self.project.weight, self.widths, dim=1)
        x_NF = shared_NF
        if self.widths[0]:
            x_NF = addmm(x_NF, relation_RN.T, W_relation.T)
        if self.widths[1]:
            x_NF = addmm(x_NF, entity_BLT.flatten(0, 1), W_entity.T)
        return torch.relu(x_NF)


class GRUUpdate(nn.Module):
    """The gated update as written (Eqs. 4-7), without biases; h ⊕ x may join any two widths."""

    def __init__(self, feature_size: int, input_size: int) -> None:
        super().__init__()
        joined = feature_size + input_size
        self.gates = nn.Linear(joined, 2 * feature_size, bias=False)  # W_z, W_u
        self.candidate = nn.Linear(joined, feature_size, bias=False)  # W_o

    def forward(self, features_BLF: Tensor, x_NX: Tensor) -> Tensor:
        """Return the updated features [B, L, F]."""
        h_NF = features_BLF.flatten(0, 1)
        updated: Tensor = _GRU.apply(h_NF, x_NX, self.gates.weight, self.candidate.weight)  # type: ignore[no-untyped-call]
        return updated.view_as(features_BLF)


class _GRU(torch.autograd.Function):
    """Eqs. 4-7 and their derivative: half the operations that autograd would record.

    ``pre`` holds W_z x, W_u x and W_o x side by side, and becomes z, u and ȟ in place.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, x: Tensor, W_zu: Tensor, W_o: Tensor) -> Tensor:
        F = h.shape[1]
        W_x = torch.cat([W_zu[:, F:], W_o[:, F:]])
        pre = matmul(x, W_x.T)
        zu, candidate = pre[:, : 2 * F], pre[:, 2 * F :]
        addmm_(zu, h, W_zu[:, :F].T).sigmoid_()
        z, u = zu[:, :F], zu[:, F:]
        # tanh(v) = 2σ(2v) - 1: torch's σ is vectorised, its tanh takes three times as long.
        addmm_(candidate, u * h, W_o[:, :F].T).mul_(2).sigmoid_().mul_(2).sub_(1)
        ctx.save_for_backward(h, x, W_zu, W_o, W_x, pre)
        return torch.lerp(h, candidate, z)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, ...]:
        h, x, W_zu, W_o, W_x, pre = ctx.saved_tensors
        (d_new,) = grad_outputs
        F = h.shape[1]
        z, u, candidate = pre[:, :F], pre[:, F : 2 * F], pre[:, 2 * F :]
        d_pre = torch.empty_like(pre)
        d_z, d_u, d_candidate = d_pre[:, :F], d_pre[:, F : 2 * F], d_pre[:, 2 * F :]
        d_zu = d_pre[:, : 2 * F]
        through_z = d_new * z
        tanh_backward(through_z, candidate, grad_input=d_candidate)
        sigmoid_backward((candidate - h).mul_(d_new), z, grad_input=d_z)
        d_uh = matmul(d_candidate, W_o[:, :F])
        sigmoid_backward(d_uh * h, u, grad_input=d_u)
        d_h = addmm_((d_new - through_z).addcmul_(d_uh, u), d_zu, W_zu[:, :F])
        d_W_x = matmul(d_pre.T, x)
        d_W_zu = torch.cat([matmul(d_zu.T, h), d_W_x[: 2 * F]], dim=1)
        d_W_o = torch.cat([matmul(d_candidate.T, u * h), d_W_x[2 * F :]], dim=1)
        return d_h, matmul(d_pre, W_x), d_W_zu, d_W_o


class RNNUpdate(nn.Module):
    """Figure 3's vanilla update: h_new = tanh(W(h ⊕ x))."""

    def __init__(self, feature_size: int, input_size: int) -> None:
        super().__init__()
        self.widths = [feature_size, input_size]
        self.output = nn.Linear(feature_size + input_size, feature_size, bias=False)

    def forward(self, features_BLF: Tensor, x_NX: Tensor) -> Tensor:
        """Return the updated features [B, L, F]."""
        W_h, W_x = torch.split(self.output.weight, self.widths, dim=1)
        pre_NF = addmm(matmul(x_NX, W_x.T), features_BLF.flatten(0, 1), W_h.T)
        return torch.tanh(pre_NF).view_as(features_BLF)


#: The update by ``model.cell``, built from F and X; ``linear`` reads no x, so it is not here.
UPDATES: Mapping[str, Callable[[int, int], nn.Module]] = {"gru": GRUUpdate, "rnn": RNNUpdate}
