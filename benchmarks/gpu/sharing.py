"""Line 4: how many trainings can share the card before its throughput stops growing."""

from __future__ import annotations

import itertools
import multiprocessing
import time
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.gpu.record import Record, Setting, Verdict
from benchmarks.gpu.work import Training, configured, epoch_rows, loaded

COUNTS = (1, 2, 4, 8)
EPOCHS = 4
#: Smallest gain of throughput for which twice as many trials are worth their memory.
WORTH = 0.1
#: Seconds that processes wait for one another, so that a failed one does not block the others.
START = 70

_KEPT: list[Any] = []


def measure(setting: Setting, record: Record) -> Verdict:
    """Train in 1, 2, 4 and 8 processes at the same time."""
    counts = (1, 2) if setting.small else COUNTS
    context = multiprocessing.get_context("spawn")
    rates: dict[int, float] = {}
    with context.Manager() as manager, context.Pool(counts[-1]) as pool:
        everyone = manager.Barrier(counts[-1])
        pool.starmap(_prepare, [(setting, everyone)] * counts[-1], chunksize=1)
        for n in counts:
            barrier = manager.Barrier(n)
            spans = pool.starmap(_train, [(setting, barrier)] * n, chunksize=1)
            rates[n] = n * _epochs(setting) / (max(e for _, e in spans) - min(s for s, _ in spans))
            record["epochs a second, all processes together"] = {
                str(k): v for k, v in rates.items()
            }
            if setting.device == "cuda":
                free, total = torch.cuda.mem_get_info()
                record["MiB of the card in use, 8 processes waiting or training"] = (
                    total - free
                ) / 2**20
    best = worthwhile(rates)
    text = ", ".join(f"{n} at once {rate:.2f}" for n, rate in rates.items())
    return Verdict(
        holds=rates[counts[1]] > rates[1],
        text=f"epochs a second: {text}; throughput grows until {best} share the card "
        f"({rates[best] / rates[1]:.1f} times one alone)",
    )


def worthwhile(rates: dict[int, float]) -> int:
    """Return the largest count up to which every doubling is worth its memory."""
    counts: Sequence[int] = sorted(rates)
    best = counts[0]
    for fewer, more in itertools.pairwise(counts):
        if rates[more] < (1 + WORTH) * rates[fewer]:
            break
        best = more
    return best


def _epochs(setting: Setting) -> int:
    return 1 if setting.small else EPOCHS


def _prepare(setting: Setting, everyone: Any) -> None:
    """Load the corpus, build the model and train an epoch, once in each process."""
    torch.set_num_threads(1)
    config = configured(setting, {"model.rounds": 1})
    corpus = loaded(setting, config)
    training, rows = (
        Training(config, corpus, torch.device(setting.device)),
        epoch_rows(corpus, setting),
    )
    training.epoch(rows)
    _KEPT[:] = [training, rows]
    everyone.wait(START)  # so that no process prepares twice


def _train(setting: Setting, barrier: Any) -> tuple[float, float]:
    """Return when this process began and ended, by the clock that all processes share."""
    training, rows = _KEPT
    barrier.wait(START)
    started = time.monotonic()
    for _ in range(_epochs(setting)):
        training.epoch(rows)
    ended = time.monotonic()
    barrier.wait(START)  # so that no process takes a second task
    return started, ended
