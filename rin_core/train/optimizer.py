"""Adam with one step size for pretrained weights and one for the others, and the warm-up.

The step sizes depend only on the step's number, so a checkpoint does not store them.
"""

from __future__ import annotations

import torch
from torch import nn

from rin_core.config import TrainingConfig
from rin_core.model.rin import RIN


def make_optimizer(model: RIN, training: TrainingConfig) -> torch.optim.Adam:
    """Return Adam over the trained parameters; with weight decay it is AdamW.

    Parameters with the same step size and decay form a group, in the order of the model.
    """
    pretrained = set(map(id, model.encoder.pretrained_parameters()))
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        slow = id(parameter) in pretrained
        rate = training.encoder_learning_rate if slow else training.learning_rate
        decay = training.weight_decay if parameter.ndim > 1 else 0.0
        if parameter.requires_grad:
            groups.setdefault((rate, decay), []).append(parameter)
    return torch.optim.Adam(
        [
            {"params": parameters, "lr": rate, "initial_lr": rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
        ],
        decoupled_weight_decay=True,
        fused=True,
    )


def warmup_factor(step: int, steps: int, warmup: float) -> float:
    """Return the factor of all step sizes: it grows linearly to 1 and stays there.

    Args:
        step: Counted from 0.
        steps: Most steps of a run.
        warmup: Share of them in which the step sizes grow.
    """
    growing = warmup * steps
    return min(1.0, (step + 1) / growing) if growing else 1.0


def set_step_sizes(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Multiply every group's own step size by a factor."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor
