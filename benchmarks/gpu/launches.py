"""Line 7: the kernels of a training step, how many are launched, and how often the host waits."""

from __future__ import annotations

import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.gpu.record import Record, Setting, Verdict
from benchmarks.gpu.work import Training, configured, epoch_rows, loaded
from benchmarks.timing import synchronize
from rin_core.data.batches import make_batch
from rin_core.data.encoding import Array

ROOT = Path(__file__).parents[2]
STEPS = 40


def measure(setting: Setting, record: Record) -> Verdict:
    """Profile training steps of the BiLSTM at K = 1, and of a transformer if there is one."""
    config = configured(setting, {"model.rounds": 1})
    corpus = loaded(setting, config)
    training = Training(config, corpus, torch.device(setting.device))
    rows = epoch_rows(corpus, setting)
    training.epoch(rows)
    seconds = [training.epoch(rows) for _ in range(3)]
    step = median(seconds) / len(rows)
    record["ms a step"] = 1e3 * step
    waits = record["waits of the host a step, by line"] = _waits(training, rows[:STEPS])
    record["ms a step, by part, each waited for"] = _parts(training, rows[:STEPS])
    busy, launches = _profile(training, rows[:STEPS], record)
    record["share of the time that the GPU computes"] = busy / step
    if setting.encoder is not None:
        other = configured(setting, {"encoder.kind": "transformer", "model.rounds": 1})
        pieces = loaded(setting, other)
        large = Training(other, pieces, torch.device(setting.device))
        large.epoch(rows[:10])
        record["waits of the host a step, transformer"] = _waits(large, rows[:10])
        record["transformer, ms a step"] = 1e3 * large.epoch(rows[:10]) / len(rows[:10])
        large_busy, large_launches = _profile(large, rows[:10], record, "transformer, ")
        record["transformer, GPU ms a step"] = 1e3 * large_busy
        record["transformer, launches a step"] = large_launches
    if setting.device == "cuda":
        _attempt(record, "ms a step, as a CUDA graph", lambda: _graph(training, rows))
    return Verdict(
        not waits,
        f"{1e3 * step:.2f} ms a step, the GPU computes {busy / step:.0%} of it; "
        f"{launches:.0f} kernels a step; the host waits "
        f"{sum(waits.values()):.1f} times a step",
    )


def _waits(training: Training, rows: list[Array]) -> dict[str, float]:
    """Return how often a step waits for the GPU, by the line of this project that waits."""
    if training.device.type != "cuda":
        return {}
    found: Counter[str] = Counter()

    def note(*_: Any, **__: Any) -> None:
        found.update([_place()])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the mode is a prototype
        torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = note
            for numbers in rows:
                training.step(make_batch(training.corpus.train, numbers, training.device))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return {place: count / len(rows) for place, count in found.most_common()}


def _place() -> str:
    """Return the innermost line of this project on the stack, and what it calls."""
    frames = [f for f in traceback.extract_stack() if f.name not in ("_place", "note")]
    frames = [f for f in frames if Path(f.filename).name != "warnings.py"]
    ours = [f for f in frames if Path(f.filename).is_relative_to(ROOT)]
    last, inner = ours[-1], frames[-1]
    place = f"{Path(last.filename).relative_to(ROOT)}:{last.lineno} {last.line}"
    below = f" (in {Path(inner.filename).name}:{inner.lineno})"
    return place if inner is last else place + below


def _parts(training: Training, rows: list[Array]) -> dict[str, float]:
    """Return the median milliseconds of each part of a step, with a wait for the GPU after it."""
    names = ("batch", "forward and loss", "backward", "clip", "optimizer")
    taken: dict[str, list[float]] = {name: [] for name in names}
    for numbers in rows:
        marks = [_now()]
        batch = make_batch(training.corpus.train, numbers, training.device)
        marks.append(_now())
        loss = training.model(batch).loss(batch)
        training.optimizer.zero_grad(set_to_none=True)
        marks.append(_now())
        loss.backward()
        marks.append(_now())
        torch.nn.utils.clip_grad_norm_(training.model.parameters(), 5)
        marks.append(_now())
        training.optimizer.step()
        marks.append(_now())
        for name, before, after in zip(names, marks, marks[1:], strict=False):
            taken[name].append(1e3 * (after - before))
    return {name: median(values) for name, values in taken.items()}


def _now() -> float:
    synchronize()
    return time.perf_counter()


def _profile(
    training: Training, rows: list[Array], record: Record, prefix: str = ""
) -> tuple[float, float]:
    """Return the GPU's seconds and kernels per step, and record the kernels with most time."""
    from torch.profiler import ProfilerActivity, profile

    cuda = training.device.type == "cuda"
    with profile(activities=[ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU]) as found:
        for numbers in rows:
            training.step(make_batch(training.corpus.train, numbers, training.device))
        synchronize()
    spans = []
    seconds: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for event in found.events():
        span = event.time_range
        if cuda and event.device_type.name != "CUDA":
            continue
        spans.append((span.start, span.end))
        name = event.name[:90]
        seconds[name] += (span.end - span.start) / 1e3 / len(rows)
        counts[name] += 1
    record[f"{prefix}kernels by time: ms a step, launches a step"] = {
        name: f"{ms:.3f} ms, {counts[name] / len(rows):.1f}" for name, ms in seconds.most_common(15)
    }
    record[f"{prefix}kernels by launches a step"] = {
        name: count / len(rows) for name, count in counts.most_common(15)
    }
    return union(spans) / 1e6 / len(rows), len(spans) / len(rows)


def union(spans: list[tuple[float, float]]) -> float:
    """Return the length of the union of intervals."""
    covered, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        if end > reached:
            covered += end - max(start, reached)
            reached = end
    return covered


def _attempt(record: Record, name: str, measured: Any) -> None:
    """Record a measurement, or why it is not possible. The line continues in both cases."""
    try:
        record[name] = measured()
    except RuntimeError as error:
        record[name] = f"not possible: {str(error).splitlines()[0]}"


def _graph(training: Training, rows: list[Array]) -> dict[str, float]:
    """Return the milliseconds of one batch's step, called and replayed as a CUDA graph."""
    lengths = training.corpus.train.lengths_N
    middle = sorted(rows, key=lambda numbers: lengths[numbers].max())[len(rows) // 2]
    batch = make_batch(training.corpus.train, middle, training.device)
    for group in training.optimizer.param_groups:
        group["capturable"] = True
    stream: Any = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(5):
            training.step(batch)
    torch.cuda.current_stream().wait_stream(stream)
    called = _milliseconds(lambda: training.step(batch))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        training.step(batch)
    return {"called": called, "replayed": _milliseconds(graph.replay)}


def _milliseconds(step: Any) -> float:
    taken = []
    for _ in range(30):
        started = _now()
        step()
        taken.append(1e3 * (_now() - started))
    return median(taken)
