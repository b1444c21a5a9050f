"""Seconds an epoch, memory of a step and cost curves: the product against two formulations.

    python -m benchmarks.bench --data webnlg_star --data-root DIR

Everything runs on one thread, in one process, in turn: a round of each formulation on the same
real batches, then the next round, so that a machine that slows down slows all of them. An epoch
is the time of a sample of its batches, every n-th of them by length, scaled to all by their
pairs of words (dense, plain, product) or words (LSTM). Memory is the growth of a fresh process's
peak during one step (Linux). The table and the figure go to benchmarks/results/.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.table import Table

from benchmarks.formulations import FORMULATIONS
from rin_core.batching import Batch, EncodedCorpus, make_batch, training_batches
from rin_core.config import Config
from rin_core.dataset import load_dataset
from rin_core.metrics import evaluate
from rin_core.model import RIN
from rin_core.pair_loss import numba_sums

CPU = torch.device("cpu")
RESULTS = Path(__file__).with_name("results")
CONSOLE = Console()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Measure the product against the dense and the plain formulation."""

    data: str = "demo"
    """Corpus."""
    data_root: Path | None = None
    """Folder of corpora [default: $RIN_DATA_ROOT]."""
    rounds: tuple[int, ...] = (1, 5)
    """K of the comparison."""
    batches: int = 8
    """Batches of the sample."""
    repeats: int = 3
    """Rounds of measurement."""


@dataclass(slots=True)
class Measured:
    """Times of one formulation, one entry a round of measurement."""

    seconds: list[float] = field(default_factory=list)

    def spread(self) -> tuple[float, float, float]:
        """Return minimum, median and maximum."""
        return min(self.seconds), median(self.seconds), max(self.seconds)


class Bench:
    """A corpus's batches and the models to time on them."""

    def __init__(self, options: Options) -> None:
        torch.set_num_threads(1)
        self.options = options
        self.corpus = load_dataset(options.data, Config(), data_root=options.data_root)
        self.batches = sample_batches(self.corpus, options.batches)
        lengths = self.corpus.train.lengths_N
        self.pair_share = sum(pairs(b) for b in self.batches) / float((lengths**2).sum())
        self.word_share = sum(int(b.lengths_B.sum()) for b in self.batches) / lengths.sum()

    def step(self, formulation: str, rounds: int) -> Callable[[Batch], None]:
        """Return a training step of a formulation."""
        torch.manual_seed(0)
        config = Config().override("model.rounds", rounds)
        model = RIN(config, self.corpus.vocabulary)
        model.scorer = FORMULATIONS[formulation](model.scorer)
        optimizer = torch.optim.Adam(model.parameters(), fused=True)

        def take(batch: Batch) -> None:
            loss = model(batch).loss(batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5)
            optimizer.step()

        return take

    def lstm(self) -> Callable[[Batch], None]:
        """Return a bare BiLSTM's forward and backward pass over a batch's word vectors."""
        lstm = torch.nn.LSTM(110, 50, batch_first=True, bidirectional=True)

        def take(batch: Batch) -> None:
            inputs = torch.zeros(*batch.words_BL.shape, 110, requires_grad=True)
            lstm(inputs)[0].sum().backward()

        return take

    def compare(self) -> dict[str, Measured]:
        """Time every formulation at every K in turn, and the bare LSTM."""
        steps = {
            f"{name}, K = {k}": self.step(name, k)
            for k in self.options.rounds
            for name in FORMULATIONS
        }
        steps["bare LSTM"] = self.lstm()
        measured = {name: Measured() for name in steps}
        for step in steps.values():  # compile, allocate
            step(self.batches[0])
        for _ in range(self.options.repeats):
            for name, step in steps.items():
                share = self.word_share if name == "bare LSTM" else self.pair_share
                measured[name].seconds.append(timed(step, self.batches) / share)
        return measured

    def rounds_curve(self) -> list[tuple[int, float]]:
        """Return milliseconds a step of the product for K = 0 … 8."""
        return [(k, 1e3 * self._a_step(self.step("product", k))) for k in range(9)]

    def _a_step(self, step: Callable[[Batch], None]) -> float:
        step(self.batches[0])
        return min(timed(step, self.batches) for _ in range(2)) / len(self.batches)

    def dev_share(self) -> float:
        """Return the time of scoring dev as a share of a training epoch at K = 1."""
        torch.manual_seed(0)
        model = RIN(Config(), self.corpus.vocabulary)
        started = time.perf_counter()
        evaluate(model, self.corpus.dev, "first", CPU)
        scoring = time.perf_counter() - started
        return scoring / (timed(self.step("product", 1), self.batches) / self.pair_share)


def sample_batches(corpus: EncodedCorpus, count: int) -> list[Batch]:
    """Return every n-th of an epoch's batches in order of length, full ones only."""
    rows = training_batches(corpus.train, 50, np.random.default_rng(0))
    full = sorted((r for r in rows if len(r) == 50), key=lambda r: corpus.train.lengths_N[r].sum())
    chosen = np.linspace(0, len(full) - 1, min(count, len(full)) + 2).round().astype(int)[1:-1]
    return [make_batch(corpus.train, full[k], CPU) for k in chosen]


def pairs(batch: Batch) -> int:
    """Return how many pairs of words a batch has."""
    return int((batch.lengths_B**2).sum())


def timed(step: Callable[[Batch], None], batches: Sequence[Batch]) -> float:
    """Return the seconds that steps over batches take."""
    started = time.perf_counter()
    for batch in batches:
        step(batch)
    return time.perf_counter() - started


def kernel_curve(sizes: Sequence[tuple[int, int]]) -> list[tuple[int, int, float]]:
    """Return ns a pair·relation of the CPU kernel for sizes (L, R), 50 sentences."""
    found = []
    for L, R in sizes:
        torch.manual_seed(0)
        subject, object_ = torch.randn(R, 50, L) - 3, torch.randn(R, 50, L) - 3
        lengths = torch.full((50,), L)
        seconds = []
        for _ in range(7):
            started = time.perf_counter()
            numba_sums(subject, object_, lengths)
            seconds.append(time.perf_counter() - started)
        found.append((L, R, 1e9 * median(seconds[1:]) / (50 * R * L * L)))
    return found


def step_memory(options: Options, formulation: str, rounds: int) -> float:
    """Return MiB that one step on the sample's middle batch adds to a fresh process's peak."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        grown: float = pool.apply(_grow, (options, formulation, rounds))
    return grown


def _grow(options: Options, formulation: str, rounds: int) -> float:
    bench = Bench(options)
    step = bench.step(formulation, rounds)
    # A short batch first: kernels are compiled and libraries loaded before the peak is read.
    step(sample_batches(bench.corpus, 30)[0])
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = _status("VmRSS")
    step(bench.batches[len(bench.batches) // 2])
    return _status("VmHWM") - before


def _status(name: str) -> float:
    """Return a size of this process in MiB, as Linux keeps it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def report(options: Options, bench: Bench) -> dict[str, Any]:
    """Measure everything and return it as plain values."""
    measured = bench.compare()
    lengths = [(L, 171) for L in (10, 16, 24, 32, 50, 80, 120, 200)]
    relations = [(24, R) for R in (5, 10, 24, 50, 100, 171, 300, 500)]
    middle = options.rounds[0]
    return {
        "data": options.data,
        "machine": f"{platform.machine()}, torch {torch.__version__}, one thread",
        "seconds": {name: m.seconds for name, m in measured.items()},
        "memory": {name: step_memory(options, name, middle) for name in FORMULATIONS},
        "rounds": bench.rounds_curve(),
        "dev_share": bench.dev_share(),
        "by_length": kernel_curve(lengths),
        "by_relations": kernel_curve(relations),
    }


def ratios(seconds: dict[str, list[float]], slow: str, fast: str) -> tuple[float, float, float]:
    """Return minimum, median and maximum of slow over fast, round of measurement by round."""
    found = [a / b for a, b in zip(seconds[slow], seconds[fast], strict=True)]
    return min(found), median(found), max(found)


def show(found: dict[str, Any], options: Options) -> None:
    """Print the table."""
    seconds = found["seconds"]
    table = Table("formulation", "seconds an epoch", "times the product", box=None)
    for name, values in seconds.items():
        _, _, k = name.partition(", ")
        product = f"product, {k}" if k else f"product, K = {options.rounds[0]}"
        low, middle, high = ratios(seconds, name, product)
        table.add_row(name, f"{median(values):8.2f}", f"{middle:7.2f} ({low:.2f} to {high:.2f})")
    CONSOLE.print(table)
    CONSOLE.print(f"memory of a step, MiB: {found['memory']}")
    CONSOLE.print(f"dev scoring: {100 * found['dev_share']:.1f} % of an epoch")
    CONSOLE.print(f"ms a step for K = 0 to 8: {[round(ms, 1) for _, ms in found['rounds']]}")
    for name in ("by_length", "by_relations"):
        CONSOLE.print(
            f"ns a pair·relation {name}: {[(a, b, round(v, 2)) for a, b, v in found[name]]}"
        )


def write(found: dict[str, Any]) -> None:
    """Write the measurements and the figure."""
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / found["data"]
    stem.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    with stem.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["formulation", "round of measurement", "seconds an epoch"])
        for name, values in found["seconds"].items():
            writer.writerows([name, k, value] for k, value in enumerate(values))
    draw(found, stem.with_suffix(".png"))
    CONSOLE.print(f"written: {stem}.json .csv .png")


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw the cost against K, L and R."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    curves = (
        ("rounds K", "ms a step", found["rounds"]),
        ("tokens L (R = 171)", "ns a pair·relation", [(x, v) for x, _, v in found["by_length"]]),
        (
            "relations R (L = 24)",
            "ns a pair·relation",
            [(x, v) for _, x, v in found["by_relations"]],
        ),
    )
    for axis, (across, up, points) in zip(axes, curves, strict=True):
        axis.plot(*zip(*points, strict=True), marker="o", color="#0072B2")
        axis.set(xlabel=across, ylabel=up, ylim=(0, None))
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=160)


def main(options: Options) -> None:
    """Measure, print, write."""
    found = report(options, Bench(options))
    show(found, options)
    write(found)


if __name__ == "__main__":
    main(tyro.cli(Options, description=Options.__doc__))
