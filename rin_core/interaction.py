"""INT and the updates of the task features (Eqs. 1-7), one small module each.

Shapes: B sentences · L tokens, padded · D width of H · F width of the task features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
        self.uses = (relations > 0, tags > 0, shared_size > 0)
        self.project = nn.Linear(relations + tags + shared_size, feature_size)

    def forward(self, relation_BLR: Tensor, entity_BLT: Tensor, shared_BLD: Tensor) -> Tensor:
        """Return the interaction features x [B, L, F]."""
        given = zip(self.uses, (relation_BLR, entity_BLT, shared_BLD), strict=True)
        return torch.relu(self.project(torch.cat([part for use, part in given if use], dim=-1)))


class GRUUpdate(nn.Module):
    """The gated update as written (Eqs. 4-7), without biases."""

    def __init__(self, feature_size: int) -> None:
        super().__init__()
        self.gates = nn.Linear(2 * feature_size, 2 * feature_size, bias=False)  # W_z, W_u
        self.candidate = nn.Linear(2 * feature_size, feature_size, bias=False)  # W_o

    def forward(self, features_BLF: Tensor, x_BLF: Tensor) -> Tensor:
        """Return the updated task features [B, L, F]."""
        both = torch.cat([features_BLF, x_BLF], dim=-1)
        z, u = torch.sigmoid(self.gates(both)).chunk(2, dim=-1)
        candidate = torch.tanh(self.candidate(torch.cat([u * features_BLF, x_BLF], dim=-1)))
        return torch.lerp(features_BLF, candidate, z)


class RNNUpdate(nn.Module):
    """Figure 3's vanilla update: h_new = tanh(W(h ⊕ x))."""

    def __init__(self, feature_size: int) -> None:
        super().__init__()
        self.output = nn.Linear(2 * feature_size, feature_size, bias=False)

    def forward(self, features_BLF: Tensor, x_BLF: Tensor) -> Tensor:
        """Return the updated task features [B, L, F]."""
        return torch.tanh(self.output(torch.cat([features_BLF, x_BLF], dim=-1)))


UPDATES: dict[str, type[GRUUpdate] | type[RNNUpdate]] = {"gru": GRUUpdate, "rnn": RNNUpdate}
