"""Line 6: the card's memory that a trial takes, against the estimate that packs trials."""

from __future__ import annotations

import gc
from typing import Any

import torch

from benchmarks.gpu.record import Record, Setting, Verdict
from benchmarks.gpu.work import configured, loaded, longest_rows
from rin_core.config import Config
from rin_core.data.batches import make_batch
from rin_core.data.encoding import EncodedCorpus
from rin_core.train.loop import Trainer
from study.execution.memory import footprint

CASES: dict[str, dict[str, object]] = {
    "BiLSTM": {"model.rounds": 0, "model.task_features": False},
    "K = 1": {"model.rounds": 1},
    "K = 5": {"model.rounds": 5},
    "biaffine": {"model.scorer": "biaffine", "model.rounds": 2},
    "concat": {"model.scorer": "concat", "model.rounds": 1},
    "transformer": {"encoder.kind": "transformer", "model.rounds": 1},
}


def measure(setting: Setting, record: Record) -> Verdict:
    """Take steps on the longest sentences of the corpus and read what the process holds."""
    device = torch.device(setting.device)
    found: dict[str, dict[str, float]] = {}
    for name, overrides in CASES.items():
        if name == "transformer" and setting.encoder is None:
            continue
        config = configured(setting, overrides)
        corpus = loaded(setting, config)
        estimate = footprint(config, corpus).card() / 2**20
        tensors = _held(config, corpus, device)
        held = tensors + _context(device)
        found[name] = {
            "MiB held": held,
            "of them PyTorch's": tensors,
            "MiB estimated": estimate,
            "ratio": estimate / held,
        }
        record["cases"] = found
    ratios = [case["ratio"] for case in found.values()]
    listed = ", ".join(
        f"{name} {case['MiB held']:.0f} of {case['MiB estimated']:.0f}"
        for name, case in found.items()
    )
    return Verdict(
        min(ratios) >= 1,
        f"MiB held of MiB estimated: {listed}; the estimate is {min(ratios):.2f} to "
        f"{max(ratios):.2f} times what is held",
    )


def _context(device: torch.device) -> float:
    """Return what CUDA itself takes of a card that nobody else uses, its libraries loaded."""
    if device.type != "cuda":
        return 0.0
    free, total = torch.cuda.mem_get_info()
    return (total - free - torch.cuda.memory_reserved()) / 2**20


def _held(config: Config, corpus: EncodedCorpus, device: torch.device) -> float:
    """Return the MiB that PyTorch holds at most in three steps on the longest sentences."""
    _forget()
    trainer: Any = Trainer(config, corpus, None, device)
    batch = make_batch(corpus.train, longest_rows(corpus, config.training.batch_size), device)
    for _ in range(3):
        trainer.optimizer.zero_grad()
        trainer.model(batch).loss(batch).backward()
        torch.nn.utils.clip_grad_norm_(trainer.model.parameters(), 5)
        trainer.optimizer.step()
    held = torch.cuda.max_memory_reserved() / 2**20 if device.type == "cuda" else 1.0
    del trainer, batch
    _forget()
    return held


def _forget() -> None:
    """Give back what the last case held, and read peaks from here."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
