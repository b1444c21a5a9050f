"""The CPU kernel against the float64 reference in training: dev F1, epoch by epoch, same seed.

    python -m benchmarks.agreement --epochs 40

Rounding differs, so weights drift apart slowly; what must not differ is the model one gets.
The curves go to benchmarks/results/.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import torch
import tyro
from rich.console import Console
from torch import Tensor

from rin_core.config import Config
from rin_core.dataset import load_dataset
from rin_core.pair_loss import Sums, torch_sums
from rin_core.training import Result, train
from search_spaces.space import DEMO_SETTINGS

RESULTS = Path(__file__).with_name("results")
CONSOLE = Console()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Train twice from one seed and compare."""

    data: str = "demo"
    """Corpus."""
    data_root: Path | None = None
    """Folder of corpora [default: $RIN_DATA_ROOT]."""
    rounds: int = 1
    """K."""
    epochs: int = 40
    """Epochs, all of them: nothing is stopped early."""
    seed: int = 0
    """Seed of both."""


def reference_sums(subject_RBL: Tensor, object_RBL: Tensor, lengths_B: Tensor) -> Sums:
    """The grid of all pairs in float64, rounded to float32 at the end."""
    total, rows, columns = torch_sums(subject_RBL.double(), object_RBL.double(), lengths_B)
    return total.float(), rows.float(), columns.float()


def compare(options: Options) -> tuple[Result, Result]:
    """Return the run with the product's kernel and the run with the reference."""
    torch.set_num_threads(1)
    settings = DEMO_SETTINGS if options.data == "demo" else {}
    config = (
        Config()
        .with_overrides(settings)
        .with_overrides(
            {
                "model.rounds": options.rounds,
                "training.max_epochs": options.epochs,
                "training.patience": options.epochs,
                "training.seed": options.seed,
            }
        )
    )
    corpus = load_dataset(options.data, config, data_root=options.data_root)
    product = train(config, corpus)
    with patch("rin_core.pair_loss.sums_for", lambda _: reference_sums):
        reference = train(config, corpus)
    return product, reference


def main(options: Options) -> None:
    """Train, print, write."""
    product, reference = compare(options)
    rows = [
        (a.epoch, a.dev["f1"], b.dev["f1"], a.train_loss, b.train_loss)
        for a, b in zip(product.history, reference.history, strict=True)
    ]
    widest = max(rows, key=lambda r: abs(r[1] - r[2]))
    CONSOLE.print(
        f"{options.data}, K = {options.rounds}, seed {options.seed}, {len(rows)} epochs: "
        f"dev F1 differs by at most {abs(widest[1] - widest[2]):.2f} (epoch {widest[0]}); "
        f"test F1 {product.test['f1']:.2f} with the kernel, {reference.test['f1']:.2f} with the "
        "float64 reference"
    )
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"agreement-{options.data}-K{options.rounds}-seed{options.seed}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["epoch", "kernel dev F1", "reference dev F1", "kernel loss", "reference loss"]
        )
        writer.writerows(rows)
    CONSOLE.print(f"written: {path}")


if __name__ == "__main__":
    main(tyro.cli(Options, description=Options.__doc__))
