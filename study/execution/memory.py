"""What a trial holds in memory, estimated before it runs, so that no machine is packed too full.

An estimate from above: counted is what a step on the longest sentences keeps for its backward
pass, at four bytes a number. ``tests/test_footprint.py`` holds it against measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.model.dense import GRID_NUMBERS
from rin_core.model.matmul import kernel_memory
from rin_core.model.rin import RIN

FLOAT = 4  # bytes
#: A Ray worker with torch, Numba and this project before it trains anything.
PROCESS = 850 * 2**20
#: CUDA's context and libraries on the card.
CUDA_CONTEXT = 600 * 2**20
#: Numbers kept for each number of a width by a round (two task features, each with a GRU), and for
#: each number of a grid of word pairs (measured).
ROUND_KEEPS, GRID_KEEPS = 40, 4
#: What the allocator holds and nobody uses, and all that does not grow with a batch.
SLACK, SMALL_THINGS = 1.4, 16 * 2**20


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes of a trial."""

    state: int
    """Weights, gradients and Adam's two moments."""
    step: int
    """What a step on the largest batch keeps for its backward pass."""

    def host(self, *, gpu: bool) -> int:
        """Return bytes of main memory; on a GPU the step's share is the card's."""
        if gpu:
            return PROCESS
        return PROCESS + kernel_memory() + self.state + self.step

    def card(self) -> int:
        """Return bytes of GPU memory."""
        return CUDA_CONTEXT + self.state + self.step


def footprint(config: Config, corpus: EncodedCorpus) -> Footprint:
    """Estimate a trial's memory.

    Args:
        config: Its settings.
        corpus: What it trains on.
    """
    # A thousand trials of a study differ in seeds and rates: building the model once is enough.
    key = (corpus.digest, config.encoder, config.model, config.training.batch_size)
    if key not in _KNOWN:
        _KNOWN[key] = _estimate(config, corpus)
    return _KNOWN[key]


_KNOWN: dict[tuple[object, ...], Footprint] = {}


def _estimate(config: Config, corpus: EncodedCorpus) -> Footprint:
    # Shapes only; pretrained vectors are as wide as those without.
    with torch.device("meta"), _Uninitialized():
        model = RIN(config, corpus.vocabulary, None, corpus.pretrained)
    weights = list(model.parameters())
    trained = sum(p.numel() for p in weights if p.requires_grad)
    frozen = sum(p.numel() for p in weights if not p.requires_grad)
    batch = min(config.training.batch_size, len(corpus.train))
    longest, relations = int(corpus.train.lengths_N.max()), len(corpus.vocabulary.relations)
    kept = batch * longest * _kept_a_word(config, relations, model.encoder.hidden_size)
    kept += model.encoder.activations(corpus.train, batch)
    if model.scorer.makes_grid:
        kept += GRID_KEEPS * max(GRID_NUMBERS, longest**2 * relations)
    return Footprint(FLOAT * (4 * trained + frozen), int(SLACK * FLOAT * kept) + SMALL_THINGS)


class _Uninitialized(TorchFunctionMode):
    """Leave tensors as they are: on "meta", drawing numbers imports a compiler for two seconds."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        given = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return given["tensor"] if "tensor" in given else args[0]
        return func(*args, **given)


def _kept_a_word(config: Config, relations: int, width: int) -> int:
    """Return numbers kept a word by rounds and heads."""
    model = config.model
    features = 2 * model.feature_size if model.task_features else width
    rounds = model.rounds * (ROUND_KEEPS * max(width, model.feature_size) + 2 * relations)
    return 4 * features + 6 * relations + rounds
