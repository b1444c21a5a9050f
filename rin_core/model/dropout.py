"""Dropout on a CPU, from 16 random bits a number.

torch draws one number after the other on a CPU, 6 ns each, which is a tenth of a transformer's
training. Sixteen bits decide as well: the rate is exact to 1 in 65,536.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def kept(like: Tensor, rate: float) -> Tensor:
    """Return 1 where a number stays and 0 where it is dropped, in the shape and type of a tensor.

    Draws from torch's generator.

    Args:
        like: Tensor on a CPU.
        rate: Share of the numbers that are dropped.
    """
    count = like.numel()
    draws = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    first_kept = round(rate * 2**16) - 2**15
    mask = torch.empty(count, dtype=like.dtype)
    torch.ge(draws.view(torch.int16)[:count], first_kept, out=mask)
    return mask.view(like.shape)


class Dropout(nn.Dropout):
    """torch's dropout, faster on a CPU."""

    def forward(self, values: Tensor) -> Tensor:
        """Return the values, and in training some of them as 0 and the others larger."""
        if not (self.training and self.p and values.device.type == "cpu"):
            return super().forward(values)
        # Scaled after the mask: 1 / (1 - p) itself is not a bfloat16.
        return values.mul(kept(values, self.p)).mul_(1 / (1 - self.p))


def replace_dropout(module: nn.Module) -> None:
    """Replace torch's dropout everywhere in a module."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Dropout:
                setattr(parent, name, Dropout(child.p))
