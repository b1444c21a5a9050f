"""Corpora, models and timed epochs that several lines share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from benchmarks.formulations import FORMULATIONS
from benchmarks.gpu.record import Setting
from benchmarks.timing import synchronize
from rin_core.config import Config
from rin_core.data.batches import Batch, make_batch, training_batches
from rin_core.data.encoding import Array, EncodedCorpus
from rin_core.data.loading import load_dataset
from rin_core.model.rin import RIN
from rin_core.train.optimizer import make_optimizer

Step = Callable[[Batch], None]


def configured(setting: Setting, overrides: Mapping[str, object]) -> Config:
    """Return a configuration; that of a transformer names the encoder's folder."""
    if overrides.get("encoder.kind") == "transformer":
        overrides = {**overrides, "encoder.model": setting.encoder}
    return Config().with_overrides(overrides)


def loaded(setting: Setting, config: Config) -> EncodedCorpus:
    """Return the corpus as a configuration reads it."""
    vectors = setting.embeddings if config.encoder.kind == "bilstm" else None
    return load_dataset(setting.data, config, data_root=setting.data_root, embeddings=vectors)


class Training:
    """A model with its optimizer, stepping as :class:`rin_core.train.loop.Trainer` does.

    Args:
        config: Settings.
        corpus: What to train on.
        device: Where to compute.
        formulation: Of the relation scores; see :mod:`benchmarks.formulations`.
    """

    def __init__(
        self,
        config: Config,
        corpus: EncodedCorpus,
        device: torch.device,
        formulation: str = "product",
    ) -> None:
        torch.manual_seed(0)
        self.config, self.corpus, self.device = config, corpus, device
        self.model: Any = RIN(config, corpus.vocabulary, corpus.vectors, corpus.pretrained)
        if formulation != "product":
            wrap: Any = FORMULATIONS[formulation]
            self.model.scorer = wrap(self.model.scorer)
        self.model.to(device)
        self.optimizer = make_optimizer(self.model, config.training)
        self.total = torch.zeros((), dtype=torch.float64, device=device)

    def step(self, batch: Batch) -> None:
        """Take one step of training."""
        loss = self.model(batch).loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.training.clip_norm)
        self.optimizer.step()
        self.total += loss.detach() * len(batch.lengths_B)

    def epoch(self, rows: list[Array]) -> float:
        """Return the seconds of a pass over batches, with the time to gather them."""
        self.model.train()
        synchronize()
        started = time.perf_counter()
        for numbers in rows:
            self.step(make_batch(self.corpus.train, numbers, self.device))
        synchronize()
        return time.perf_counter() - started


def epoch_rows(corpus: EncodedCorpus, setting: Setting, batch_size: int = 50) -> list[Array]:
    """Return the sentences of each batch of an epoch, or of four batches for a small run."""
    drawn = training_batches(corpus.train, batch_size, np.random.default_rng(0))
    return drawn[:4] if setting.small else drawn


def longest_rows(corpus: EncodedCorpus, batch_size: int) -> Array:
    """Return the longest sentences, as many as a batch has."""
    longest: Array = np.argsort(corpus.train.lengths_N)[-batch_size:]
    return longest


def peak_mib(device: torch.device, work: Callable[[], object]) -> float:
    """Return the peak of allocated MiB during some work; 0 on a CPU."""
    if device.type != "cuda":
        work()
        return 0.0
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    work()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() / 2**20
