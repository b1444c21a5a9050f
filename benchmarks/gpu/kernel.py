"""Line 1: the pair loss's Triton kernel: its accuracy, and its speed relative to the card's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.record import Record, Setting, Verdict
from rin_core.loss.pair_loss import torch_sums

#: Largest relative error, by norm, of the loss and of both gradients against float64.
TOLERANCE = 1e-5
#: Relations, sentences and tokens; the first is an average batch of WebNLG, the last fills a card.
SHAPES = {"average": (170, 50, 24), "long": (170, 50, 100), "few relations": (24, 50, 50)}
SMALL = {"tiny": (3, 4, 20), "two tiles": (2, 2, 70)}
FILLING = (170, 400, 64)
#: Special functions per pair in the kernel: an exponential, a logarithm and two reciprocals. The
#: pairs of a sentence that is longer than a tile are computed twice.
SPECIAL_FUNCTIONS = 4


def measure(setting: Setting, record: Record) -> Verdict:
    """Compare with float64, then time against PyTorch and against the card's own limits."""
    device = torch.device(setting.device)
    if device.type == "cpu":
        os.environ["TRITON_INTERPRET"] = "1"  # read when the kernel's module is imported
    from rin_core.loss.triton_kernel import triton_sums

    errors = {}
    for name, shape in (SMALL if setting.small else SHAPES).items():
        errors[name] = _errors(triton_sums, shape, device)
        record["relative error, by norm"] = errors
    worst = max(max(found.values()) for found in errors.values())
    holds = worst <= TOLERANCE
    right = f"largest error {worst:.1e} (at most {TOLERANCE:g})"
    if device.type == "cpu":
        return Verdict(holds, f"{right}, in Triton's interpreter")
    from benchmarks.gpu.ceilings import ceilings as measured

    ceilings = record["ceilings of the card"] = measured(device)
    times = {}
    for name, shape in {**SHAPES, "filling": FILLING}.items():
        times[name] = _times(triton_sums, shape, device, ceilings)
        record["times"] = times
    best = times["filling"]
    return Verdict(
        holds,
        f"{right}; {best['special functions, share of ceiling']:.0%} of the special-function rate,"
        f" {best['memory, share of ceiling']:.0%} of bandwidth,"
        f" {best['PyTorch over kernel']:.1f} times as fast as plain PyTorch",
    )


def _inputs(shape: tuple[int, int, int], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return fresh logit shares of sentences of several lengths, rarely positive together."""
    R, B, L = shape
    subject, object_ = (torch.randn(R, B, L, device=device) - 3 for _ in "so")
    lengths = torch.randint(max(1, L // 2), L + 1, (B,), device=device)
    lengths[0] = L
    return subject, object_, lengths


def _errors(
    sums: Callable[..., Any], shape: tuple[int, int, int], device: torch.device
) -> dict[str, float]:
    """Return the relative errors of the sums, by norm: the larger of two draws."""
    found = dict.fromkeys(("loss", "subject gradient", "object gradient"), 0.0)
    for _ in range(2):
        subject, object_, lengths = _inputs(shape, device)
        wanted = torch_sums(subject.double(), object_.double(), lengths)
        for name, value, right in zip(found, sums(subject, object_, lengths), wanted, strict=True):
            error = ((value.double() - right).norm() / right.norm()).item()
            # Written so that NaN counts as larger.
            found[name] = error if not error <= found[name] else found[name]
    return found


def _times(
    sums: Callable[..., Any],
    shape: tuple[int, int, int],
    device: torch.device,
    ceilings: dict[str, float],
) -> dict[str, float]:
    from benchmarks.gpu.ceilings import median_seconds

    subject, object_, lengths = _inputs(shape, device)
    pairs = shape[0] * int((lengths**2).sum())
    kernel = median_seconds(lambda: sums(subject, object_, lengths))
    plain = median_seconds(lambda: torch_sums(subject, object_, lengths))
    walks = 1 if shape[2] <= 64 else 2
    functions = pairs * SPECIAL_FUNCTIONS * walks
    moved = 4 * shape[0] * int(lengths.sum()) * 4  # two shares in, two gradients out
    return {
        "kernel, microseconds": 1e6 * kernel,
        "kernel with its launches, microseconds": 1e6
        * _host_seconds(sums, subject, object_, lengths),
        "plain PyTorch, microseconds": 1e6 * plain,
        "PyTorch over kernel": plain / kernel,
        "kernel, ps a pair": 1e12 * kernel / pairs,
        "special functions, share of ceiling": functions
        / kernel
        / ceilings["exponentials a second"],
        "memory, share of ceiling": moved / kernel / ceilings["bytes a second of a copy"],
    }


def _host_seconds(call: Callable[..., Any], *inputs: Tensor) -> float:
    """Return the median seconds of a call with a wait for its end, launches included."""
    seconds = []
    for _ in range(50):
        torch.cuda.synchronize()
        started = time.perf_counter()
        call(*inputs)
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return median(seconds)
