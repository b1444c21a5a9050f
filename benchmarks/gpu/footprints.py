"""Line 6: the GPU memory of a trial, and whether it grows during training."""

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

CASES: dict[str, dict[str, object]] = {
    "BiLSTM": {"model.rounds": 0, "model.task_features": False},
    "K = 1": {"model.rounds": 1},
    "K = 5": {"model.rounds": 5},
    "biaffine": {"model.scorer": "biaffine", "model.rounds": 2},
    "concat": {"model.scorer": "concat", "model.rounds": 1},
    "transformer": {"encoder.kind": "transformer", "model.rounds": 1},
}


def measure(setting: Setting, record: Record) -> Verdict:
    """Take steps on the longest sentences of the corpus, and read the memory of the process."""
    device = torch.device(setting.device)
    found: dict[str, dict[str, float]] = {}
    for name, overrides in CASES.items():
        if name == "transformer" and setting.encoder is None:
            continue
        config = configured(setting, overrides)
        corpus = loaded(setting, config)
        early, late = _held(config, corpus, device)
        context = _context(device)
        found[name] = {
            "MiB held": late + context,
            "of them PyTorch's": late,
            "growth": late / early,
        }
        record["cases"] = found
    growth = max(case["growth"] for case in found.values())
    listed = ", ".join(f"{name} {case['MiB held']:.0f}" for name, case in found.items())
    return Verdict(
        growth <= 1.05,
        f"MiB held: {listed}; the peak after 12 steps is at most {growth:.2f} times that after 3",
    )


def _context(device: torch.device) -> float:
    """Return the MiB of CUDA and its libraries on a card that no other process uses."""
    if device.type != "cuda":
        return 0.0
    free, total = torch.cuda.mem_get_info()
    return (total - free - torch.cuda.memory_reserved()) / 2**20


def _held(config: Config, corpus: EncodedCorpus, device: torch.device) -> tuple[float, float]:
    """Return PyTorch's peak MiB after 3 and after 12 steps on the longest sentences."""
    _forget()
    trainer: Any = Trainer(config, corpus, None, device)
    batch = make_batch(corpus.train, longest_rows(corpus, config.training.batch_size), device)
    peaks = []
    for _ in range(12):
        trainer.optimizer.zero_grad()
        trainer.model(batch).loss(batch).backward()
        torch.nn.utils.clip_grad_norm_(trainer.model.parameters(), 5)
        trainer.optimizer.step()
        peaks.append(torch.cuda.max_memory_reserved() / 2**20 if device.type == "cuda" else 1.0)
    del trainer, batch
    _forget()
    return peaks[2], peaks[-1]


def _forget() -> None:
    """Free the memory of the last case, and reset the peak."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
