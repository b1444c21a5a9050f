"""An exponential moving average of the trained weights, updated after every optimizer step.

The weights of one epoch are noisy, and so is the choice of an epoch by its dev F1. The average has
less noise, and no epoch is chosen: it is scored once, after a fixed number of epochs.

The share that a step keeps grows with the number of steps t: min(decay, (1 + t) / (10 + t)), as in
TensorFlow's ``ExponentialMovingAverage``. With a constant share of 0.999, the random initial
weights would still be a third of the average after 1,000 steps. With this rule, the average covers
about the last tenth of a short training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


def kept_share(step: int, decay: float) -> float:
    """Return the share of the average that a step keeps.

    Args:
        step: Counted from 0.
        decay: The largest share.

    Examples:
        >>> kept_share(0, 0.999)
        0.1
        >>> kept_share(100_000, 0.999)
        0.999
    """
    return min(decay, (1 + step) / (10 + step))


class WeightAverage:
    """The moving average of a model's trained weights. Frozen weights are not copied.

    Args:
        model: The model; the average begins with its weights.
        decay: The largest share of the average that a step keeps.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self._names = [name for name, p in model.named_parameters() if p.requires_grad]
        self._current = [p.detach() for p in model.parameters() if p.requires_grad]
        self._average = [tensor.clone() for tensor in self._current]

    def update(self, step: int) -> None:
        """Take the weights after a step, counted from 0."""
        average = get_ema_multi_avg_fn(kept_share(step, self.decay))
        average(self._average, self._current, step)

    def tensors(self) -> dict[str, Tensor]:
        """Return the average by the names of the model's parameters."""
        return dict(zip(self._names, self._average, strict=True))

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what :meth:`tensors` returned.

        Raises:
            KeyError: A tensor is missing.
        """
        for name, tensor in zip(self._names, self._average, strict=True):
            tensor.copy_(tensors[name])

    @contextmanager
    def in_model(self) -> Iterator[None]:
        """Give the model the averaged weights, and its own back at the end."""
        own = [tensor.clone() for tensor in self._current]
        self._set(self._average)
        try:
            yield
        finally:
            self._set(own)

    def _set(self, weights: Sequence[Tensor]) -> None:
        for current, tensor in zip(self._current, weights, strict=True):
            current.copy_(tensor)
