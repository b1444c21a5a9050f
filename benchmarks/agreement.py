"""Dev F1 by epoch with the CPU kernel and with the float64 reference, trained with one seed.

    python -m benchmarks.agreement --epochs 40

Training is chaotic: a difference in the last bit grows until predictions differ. Two more runs
measure this effect of rounding: plain PyTorch in float32, and the reference with one weight moved
to the next float32. The kernel is accurate if its curve deviates no more than theirs. The curves
are written to benchmarks/results/.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from unittest.mock import patch

import torch
import tyro
from rich.console import Console
from torch import Tensor

from benchmarks.command import RESULTS, Corpus, DataRoot, Rounds, Vectors, run
from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.loading import load_dataset
from rin_core.loss.pair_loss import Sums, numba_sums, torch_sums
from rin_core.train.loop import Result, Trainer, train
from search_spaces.presets import PRESETS

CONSOLE = Console()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Train with the CPU kernel and with the float64 reference, and compare dev F1 by epoch."""

    data: Corpus = "demo"
    data_root: DataRoot = None
    embeddings: Vectors = None
    rounds: Rounds = 1
    epochs: int = 40
    """Largest number of epochs."""
    seed: int = 0
    """Seed of every run."""
    patience: Annotated[
        int | None, tyro.conf.arg(metavar="N", help_behavior_hint="(default: --epochs)")
    ] = None
    """Epochs without a better dev F1 after which a run stops."""
    runs: tuple[Literal["kernel", "reference", "nudged reference", "plain float32"], ...] = (
        "kernel",
        "reference",
        "nudged reference",
        "plain float32",
    )
    """The runs to train."""


def reference_sums(subject_RBL: Tensor, object_RBL: Tensor, lengths_B: Tensor) -> Sums:
    """The grid of all pairs in float64, rounded to float32 at the end."""
    total, rows, columns = torch_sums(subject_RBL.double(), object_RBL.double(), lengths_B)
    return total.float(), rows.float(), columns.float()


def compare(options: Options) -> dict[str, Result]:
    """Return the runs by name."""
    torch.set_num_threads(1)
    settings = dict(PRESETS["demo"].settings) if options.data == "demo" else {}
    settings |= {
        "model.rounds": options.rounds,
        "training.max_epochs": options.epochs,
        "training.patience": options.patience or options.epochs,
        "training.seed": options.seed,
    }
    config = Config().with_overrides(settings)
    corpus = load_dataset(
        options.data, config, data_root=options.data_root, embeddings=options.embeddings
    )
    found: dict[str, Result] = {}
    for name in options.runs:
        sums = {"kernel": numba_sums, "plain float32": torch_sums}.get(name, reference_sums)
        with patch("rin_core.loss.pair_loss.sums_for", lambda _, sums=sums: sums):
            found[name] = (nudged if name == "nudged reference" else train)(config, corpus)
        best = found[name]
        CONSOLE.print(
            f"{name}: dev F1 {100 * best.selection_scores['f1']:.2f} at epoch {best.best_epoch} of "
            f"{len(best.history)}, test F1 {100 * best.test_scores['f1']:.2f}"
        )
    return found


def nudged(config: Config, corpus: EncodedCorpus) -> Result:
    """Train after one weight was moved to the next float32."""
    trainer = Trainer(config, corpus, None, torch.device("cpu"))
    scorer: Any = trainer.model.scorer
    weight = scorer.subject_weight.data
    weight[0, 0] = torch.nextafter(weight[0, 0], torch.tensor(torch.inf))
    return trainer.run(lambda _: None)


def deviation(found: dict[str, Result], name: str) -> str:
    """Return how far a run's dev F1 is from the reference's, in points."""
    pairs = zip(found[name].history, found["reference"].history, strict=False)
    scored = [(a.selection_scores["f1"], b.selection_scores["f1"], a.epoch) for a, b in pairs]
    points = [(100 * abs(ours - theirs), epoch) for ours, theirs, epoch in scored]
    most, epoch = max(points)
    last = [p for p, e in points if e > len(points) // 2]
    return (
        f"{name} against reference, dev F1 in points: at most {most:.2f} (epoch {epoch}), "
        f"mean {sum(p for p, _ in points) / len(points):.2f}, "
        f"mean of the second half {sum(last) / len(last):.2f}"
    )


def main(options: Options) -> None:
    """Train, print, write."""
    found = compare(options)
    for name in found:
        if name != "reference" and "reference" in found:
            CONSOLE.print(deviation(found, name))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"agreement-{options.data}-K{options.rounds}-seed{options.seed}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["epoch", *(f"{name} {what}" for name in found for what in ("dev F1", "loss"))]
        )
        for epochs in zip(*(result.history for result in found.values()), strict=False):
            values = (value for e in epochs for value in (e.selection_scores["f1"], e.train_loss))
            writer.writerow([epochs[0].epoch, *values])
    CONSOLE.print(f"written: {path}")


if __name__ == "__main__":
    run(Options, main, "agreement")
