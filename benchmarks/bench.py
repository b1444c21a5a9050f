"""Seconds per epoch, memory of a step and cost curves: the product and two other formulations.

    python -m benchmarks.bench --data webnlg_star --data-root DIR
    python -m benchmarks.bench --data webnlg_star --data-root DIR --device cuda

Everything runs on one thread in one process. Each repetition times every formulation once on the
same batches of the corpus, so a machine that slows down affects all of them. The time of an epoch
is the mean step over a sample of its batches, every n-th by length, times their number.

The three formulations are timed with each ``training.batch_order``: batches of similar length (the
default), random batches, and batches in the order of the file, as in the authors' program. Each is
compared with the product on the same batches. The dense relation scorers are other models.

Memory is the growth of a new process's peak during one step (Linux; on a GPU, the memory that
PyTorch allocated). On a GPU the kernel's bandwidth is compared with that of a plain copy on the
same machine. The tables and the figure are written to benchmarks/results/.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal

import numba
import numpy as np
import torch
import tyro
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.command import RESULTS, Batches, Corpus, DataRoot, Repeats, run
from benchmarks.drawing import HEADER, draw, table_of
from benchmarks.formulations import FORMULATIONS, ORDERS
from benchmarks.timing import spread_text, synchronize
from rin_core.config import Config
from rin_core.data.batches import Batch, make_batch, training_batches
from rin_core.data.loading import load_dataset
from rin_core.loss.pair_loss import sums_for
from rin_core.model.rin import RIN
from rin_core.train.metrics import evaluate
from study.execution.provenance import provenance

BATCH = 50
CONSOLE = Console()

#: Other models, with another scorer, rather than another formulation of the product's model.
OTHER_MODELS = {"concat (another model)": "concat", "biaffine (another model)": "biaffine"}
COMPARED = (*FORMULATIONS, *OTHER_MODELS)

Step = Callable[[Batch], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Measure the speed and memory of training: the product, a dense and a plain formulation."""

    data: Corpus = "demo"
    data_root: DataRoot = None
    device: Literal["cpu", "cuda"] = "cpu"
    """Device to compute on."""
    rounds: Annotated[tuple[int, ...], tyro.conf.arg(metavar="K")] = (1, 5)
    """Numbers of interaction rounds to compare."""
    batches: Batches = 8
    repeats: Repeats = 3


class Bench:
    """A corpus's batches and the models to time on them."""

    def __init__(self, options: Options) -> None:
        torch.set_num_threads(1)
        self.options, self.device = options, torch.device(options.device)
        self.corpus = load_dataset(options.data, Config(), data_root=options.data_root)
        self.steps_an_epoch = -(-len(self.corpus.train) // BATCH)
        self.batches = {order: self._sample(order) for order in ORDERS}
        self.by_length = self.batches["length"]

    def _sample(self, order: str) -> list[Batch]:
        """Return every n-th of an epoch's batches in order of length, full ones only."""
        rows = training_batches(self.corpus.train, BATCH, np.random.default_rng(0), order)
        longest = self.corpus.train.lengths_N
        full = sorted((r for r in rows if len(r) == BATCH), key=lambda r: longest[r].max())
        count = min(self.options.batches, len(full))
        chosen = ((np.arange(count) + 0.5) * len(full) / count).astype(int)
        return [make_batch(self.corpus.train, full[k], self.device) for k in chosen]

    def step(self, name: str, rounds: int) -> Step:
        """Return a training step of a formulation, or of another model."""
        torch.manual_seed(0)
        scorer = OTHER_MODELS.get(name, "separable")
        config = Config().with_overrides({"model.rounds": rounds, "model.scorer": scorer})
        model = RIN(config, self.corpus.vocabulary)
        if name in FORMULATIONS:
            wrap: Any = FORMULATIONS[name]
            model.scorer = wrap(model.scorer)
        model.to(self.device)
        optimizer = torch.optim.Adam(model.parameters(), fused=True)

        def take(batch: Batch) -> None:
            loss = model(batch).loss(batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5)
            optimizer.step()

        return take

    def lstm(self) -> Step:
        """Return a bare BiLSTM's forward and backward pass over a batch's word vectors."""
        lstm = torch.nn.LSTM(110, 50, batch_first=True, bidirectional=True).to(self.device)

        def take(batch: Batch) -> None:
            inputs = torch.zeros(*batch.words_BL.shape, 110, device=self.device, requires_grad=True)
            lstm(inputs)[0].sum().backward()

        return take

    def compare(self) -> dict[str, list[float]]:
        """Return the seconds per epoch of everything compared, a value for each repetition."""
        steps = {
            f"{name}, K = {k}": (self.step(name, k), self.by_length)
            for k in self.options.rounds
            for name in COMPARED
        }
        steps |= {
            f"{name}{where}, K = {k}": (self.step(name, k), self.batches[order])
            for order, where in ORDERS.items()
            if where
            for k in self.options.rounds
            for name in FORMULATIONS
        }
        steps["bare LSTM"] = self.lstm(), self.by_length
        measured: dict[str, list[float]] = {name: [] for name in steps}
        for step, batches in steps.values():  # oneDNN compiles for every shape
            for batch in batches:
                step(batch)
        for _ in range(self.options.repeats):
            for name, (step, batches) in steps.items():
                mean = timed(step, batches) / len(batches)
                measured[name].append(mean * self.steps_an_epoch)
        return measured

    def rounds_curve(self) -> list[tuple[int, float]]:
        """Return the median seconds per epoch of the product for K = 0 to 8."""
        steps = [self.step("product", k) for k in range(9)]
        for step in steps:
            step(self.by_length[0])
        seconds = [[timed(s, self.by_length) for s in steps] for _ in range(self.options.repeats)]
        scale = self.steps_an_epoch / len(self.by_length)
        return [(k, scale * median(times)) for k, times in enumerate(zip(*seconds, strict=True))]

    def dev_share(self) -> list[float]:
        """Return the time of scoring dev as a share of a training epoch at K = 1."""
        torch.manual_seed(0)
        model = RIN(Config(), self.corpus.vocabulary).to(self.device)
        step = self.step("product", 1)
        step(self.by_length[0])
        shares = []
        for _ in range(self.options.repeats):
            started = time.perf_counter()
            evaluate(model, self.corpus.dev, "first", self.device)
            scoring = time.perf_counter() - started
            epoch = timed(step, self.by_length) / len(self.by_length) * self.steps_an_epoch
            shares.append(scoring / epoch)
        return shares

    def kernel(self) -> list[float]:
        """Return the kernel's ns per pair and relation on the sample, for each repetition."""
        R = len(self.corpus.vocabulary.relations)
        inputs = []
        for batch in self.by_length:
            B, L = batch.words_BL.shape
            inputs.append((*shares(R, B, L, self.device), batch.lengths_B))
        work = R * sum(pairs(batch) for batch in self.by_length)
        seconds = [timed_kernel(inputs) for _ in range(self.options.repeats + 1)]
        return [1e9 * s / work for s in seconds[1:]]

    def bandwidth_share(self) -> float:
        """Return the kernel's bandwidth over that of a plain copy, on a batch of median length."""
        B, L = self.by_length[len(self.by_length) // 2].words_BL.shape
        R = len(self.corpus.vocabulary.relations)
        lengths = torch.full((B,), L, device=self.device)
        inputs = [(*shares(R, B, L, self.device), lengths)] * 20
        timed_kernel(inputs)
        # The kernel reads two shares and writes two gradients; a copy reads and writes as much.
        kernel_rate = 20 * 4 * inputs[0][0].nbytes / timed_kernel(inputs)
        block = torch.empty(2**26, device=self.device)
        copies = [timed(lambda _: block.clone(), [self.by_length[0]]) for _ in range(5)]
        return kernel_rate * min(copies) / (2 * block.nbytes)


def shares(R: int, B: int, L: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return random logit shares, rarely positive together."""
    generator = torch.Generator().manual_seed(0)
    subject, object_ = (torch.randn(R, B, L, generator=generator) - 3 for _ in "so")
    return subject.to(device), object_.to(device)


def timed_kernel(inputs: Sequence[tuple[Tensor, Tensor, Tensor]]) -> float:
    """Return the seconds that the loss and its gradients take over all inputs."""
    sums = sums_for(inputs[0][0])
    synchronize()
    started = time.perf_counter()
    for subject, object_, lengths in inputs:
        sums(subject, object_, lengths)
    synchronize()
    return time.perf_counter() - started


def pairs(batch: Batch) -> int:
    """Return how many pairs of words a batch has."""
    return int((batch.lengths_B**2).sum())


def timed(step: Step, batches: Sequence[Batch]) -> float:
    """Return the seconds that steps over batches take."""
    synchronize()
    started = time.perf_counter()
    for batch in batches:
        step(batch)
    synchronize()
    return time.perf_counter() - started


def kernel_curve(
    sizes: Sequence[tuple[int, int]], device: torch.device
) -> list[tuple[int, int, float]]:
    """Return the kernel's ns per pair and relation for sizes (L, R), with 50 sentences."""
    found = []
    for L, R in sizes:
        inputs = [(*shares(R, 50, L, device), torch.full((50,), L, device=device))]
        seconds = [timed_kernel(inputs) for _ in range(7)]
        found.append((L, R, 1e9 * median(seconds[1:]) / (50 * R * L * L)))
    return found


def step_memory(options: Options, formulation: str, order: str) -> float:
    """Return the MiB that one step on the sample's median batch adds to a new process's peak."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        grown: float = pool.apply(_grow, (options, formulation, order))
    return grown


def _grow(options: Options, formulation: str, order: str) -> float:
    bench = Bench(options)
    step = bench.step(formulation, options.rounds[0])
    batches = bench.batches[order]
    # A short batch first: kernels are compiled and libraries loaded before the peak is read.
    step(bench.by_length[0])
    if options.device == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step(batches[len(batches) // 2])
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    resident = _status("VmRSS")
    step(batches[len(batches) // 2])
    return _status("VmHWM") - resident


def together(options: Options) -> list[tuple[int, float]]:
    """Return the throughput of n concurrent trainings relative to that of one alone, by n.

    On a CPU each training has its own core; on a GPU they share the card.
    """
    counts = (1, 2) if options.device == "cpu" else (1, 2, 3, 4, 6, 8, 12)
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(counts[-1]) as pool:
        rates = []
        for n in counts:
            barrier = manager.Barrier(n)
            slowest = [
                max(pool.starmap(_train_beside, [(options, barrier)] * n, chunksize=1))
                for _ in range(options.repeats)
            ]
            rates.append(n / median(slowest))
    return [(n, rate / rates[0]) for n, rate in zip(counts, rates, strict=True)]


def _train_beside(options: Options, barrier: Any) -> float:
    bench = Bench(options)
    step = bench.step("product", options.rounds[0])
    for batch in bench.by_length:
        step(batch)
    barrier.wait()
    return timed(step, bench.by_length * 4)


def _status(name: str) -> float:
    """Return a size of this process in MiB, from Linux's ``/proc``."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def report(options: Options, bench: Bench) -> dict[str, Any]:
    """Measure everything and return it as plain values."""
    first = options.rounds[0]
    lengths = [(L, 171) for L in (10, 16, 24, 32, 50, 80, 120, 200)]
    relations = [(24, R) for R in (5, 10, 24, 50, 100, 171, 300, 500)]
    memory = {f"{name}, K = {first}": step_memory(options, name, "length") for name in COMPARED}
    memory |= {
        f"{name}{ORDERS['random']}, K = {first}": step_memory(options, name, "random")
        for name in FORMULATIONS
    }
    return {
        "data": options.data,
        "versions": f"torch {torch.__version__}, numba {numba.__version__}",
        "device": _device(options),
        "seconds an epoch": bench.compare(),
        "MiB of a step": memory,
        "seconds an epoch by rounds": bench.rounds_curve(),
        "scoring dev, in epochs": bench.dev_share(),
        "n at once, steps a second over one": together(options),
        "kernel, ns a pair and relation": bench.kernel(),
        "kernel, bytes a second over a copy": bench.bandwidth_share(),
        "kernel, by length": kernel_curve(lengths, bench.device),
        "kernel, by relations": kernel_curve(relations, bench.device),
    }


def _device(options: Options) -> str:
    made = provenance(torch.device(options.device), code={})
    where = "" if options.device == "cuda" else ", one thread"
    return f"{made['hardware']}, {made['arithmetic']}{where}"


def show(found: dict[str, Any], options: Options) -> None:
    """Print the tables."""
    table = Table(*HEADER, box=None)
    for row in table_of(found, options.rounds[0]):
        table.add_row(*row)
    CONSOLE.print(table)
    by_rounds = [seconds for _, seconds in found["seconds an epoch by rounds"]]
    a_round = (by_rounds[-1] - by_rounds[0]) / (len(by_rounds) - 1) / by_rounds[1]
    CONSOLE.print(f"seconds per epoch for K = 0 to 8: {[round(s, 1) for s in by_rounds]}")
    CONSOLE.print(f"a further round: {100 * a_round:.0f} % of the epoch at K = 1")
    CONSOLE.print(f"scoring dev, in epochs: {spread_text(found['scoring dev, in epochs'], '.3f')}")
    CONSOLE.print(
        f"n at once, steps a second over one: {found['n at once, steps a second over one']}"
    )
    CONSOLE.print(
        f"kernel, bytes a second over a copy: {found['kernel, bytes a second over a copy']:.2f}"
    )
    kernel = spread_text(found["kernel, ns a pair and relation"])
    CONSOLE.print(f"kernel, ns per pair and relation: {kernel}")
    for name in ("kernel, by length", "kernel, by relations"):
        CONSOLE.print(f"{name} (L, R, ns): {[(L, R, round(ns, 2)) for L, R, ns in found[name]]}")


def write(found: dict[str, Any], options: Options) -> None:
    """Write the measurements, the table and the figure."""
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / f"speed-{found['data']}-{options.device}"
    stem.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    with stem.with_suffix(".csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *table_of(found, options.rounds[0])])
    draw(found, stem.with_suffix(".png"))
    CONSOLE.print(f"written: {stem}.json .csv .png")


def main(options: Options) -> None:
    """Measure, print, write."""
    found = report(options, Bench(options))
    show(found, options)
    write(found, options)


if __name__ == "__main__":
    run(Options, main, "bench")
