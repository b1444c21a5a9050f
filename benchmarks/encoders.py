"""Seconds per epoch over a pretrained encoder, on one thread, computed in several ways.

    python -m benchmarks.encoders --data webnlg_star --data-root DIR
    python -m benchmarks.encoders --data webnlg_star --encoder all-mpnet-base-v2 --batches 4

All variants train on the same batches in turn, so a machine that slows down affects all of them.
*Padded* is the product without ``encoder.packed``. *Library* is a plain training loop over the
transformer of ``transformers`` with a linear tagger, without RIN. *Frozen* reads features that are
computed once, and *BiLSTM* is the product's other encoder. An epoch is the mean step over every
n-th batch by length, times the number of batches. Scoring is left out. On a busy machine, compare
the processor time and not the wall time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.table import Table
from torch import nn

from benchmarks.command import RESULTS, Batches, Corpus, DataRoot, Repeats, Results, Rounds, run
from benchmarks.timing import spread_text
from rin_core.config import Config
from rin_core.data.batches import make_batch, training_batches
from rin_core.data.encoding import IGNORED, Array, EncodedCorpus
from rin_core.data.installed import SMALL
from rin_core.data.loading import load_dataset
from rin_core.model.matmul import computes_bfloat16
from rin_core.model.transformer import build_backbone
from rin_core.train.loop import Trainer
from study.execution.provenance import provenance

CPU = torch.device("cpu")
CONSOLE = Console()
Step = Callable[[Array], None]
#: Ratios that the product aims at: numerator, denominator, and the smallest or largest value.
AIMS = (
    ("padded, float32", "packed, bfloat16", ">=", 4.0),
    ("packed, float32", "packed, bfloat16", ">=", 1.8),
    ("frozen", "BiLSTM", "<=", 1.3),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Measure the time of an epoch over a pretrained encoder, on one thread of a CPU."""

    data: Corpus = "demo"
    data_root: DataRoot = None
    encoder: Annotated[str, tyro.conf.arg(metavar="NAME")] = SMALL
    """Pretrained encoder: an installed one, a name on the Hugging Face hub, or a folder."""
    rounds: Rounds = 1
    batches: Batches = 8
    repeats: Repeats = 5
    out: Results = RESULTS


def ways(options: Options) -> dict[str, tuple[Step, int]]:
    """Return the step of each variant, over rows of the training split, and its steps per epoch."""
    transformer: dict[str, object] = {
        "encoder.kind": "transformer",
        "encoder.model": options.encoder,
        "model.rounds": options.rounds,
    }
    packed = transformer | {"encoder.packed": True}
    base = Config().with_overrides(transformer)
    corpus = load_dataset(options.data, base, data_root=options.data_root)
    found = {
        "padded, float32": _product(base, corpus),
        "packed, float32": _product(Config().with_overrides(packed), corpus),
    }
    if computes_bfloat16(CPU):
        lowered = packed | {"training.precision": "bfloat16"}
        found["packed, bfloat16"] = _product(Config().with_overrides(lowered), corpus)
    found["library, float32"] = _library(base, corpus)
    found["frozen"] = _product(Config().with_overrides(packed | {"encoder.freeze": True}), corpus)
    words = Config().override("model.rounds", options.rounds)
    read = load_dataset(options.data, words, data_root=options.data_root)
    found["BiLSTM"] = _product(words, read)
    steps = -(-len(corpus.train) // base.training.batch_size)
    return {name: (step, steps) for name, step in found.items()}


def sample(options: Options) -> list[Array]:
    """Return the rows of every n-th batch of an epoch by length."""
    corpus = load_dataset(options.data, Config(), data_root=options.data_root)
    size = Config().training.batch_size
    rows = training_batches(corpus.train, size, np.random.default_rng(0))
    full = [batch for batch in rows if len(batch) == size]
    full.sort(key=lambda batch: int(corpus.train.lengths_N[batch].max()))
    count = min(options.batches, len(full))
    return [full[int((k + 0.5) * len(full) / count)] for k in range(count)]


def _product(config: Config, corpus: EncodedCorpus) -> Step:
    trainer = Trainer(config, corpus, None, CPU)
    trainer.model.train()

    def step(rows: Array) -> None:
        batch = make_batch(trainer.corpus.train, rows, CPU)
        loss = trainer.model(batch).loss(batch)
        trainer.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trainer.model.parameters(), config.training.clip_norm)
        trainer.optimizer.step()

    return step


def _library(config: Config, corpus: EncodedCorpus) -> Step:
    """Return a step of the loop that a tutorial of ``transformers`` has."""
    if corpus.pretrained is None:
        raise ValueError(f"{config.encoder.model}: was not read")
    torch.manual_seed(0)
    backbone = build_backbone(corpus.pretrained).train()
    tags = int(corpus.train.tags_S.max()) + 1
    head = nn.Linear(backbone.config.hidden_size, tags)
    optimizer = torch.optim.AdamW([*backbone.parameters(), *head.parameters()], lr=2e-5)

    def step(rows: Array) -> None:
        batch = make_batch(corpus.train, rows, CPU)
        pieces: Any = batch.pieces
        states = backbone(
            input_ids=pieces.pieces_WP, attention_mask=pieces.present_WP
        ).last_hidden_state
        logits = head(states.flatten(0, 1)[pieces.first_BL])
        loss: Any = nn.functional.cross_entropy(
            logits.flatten(0, 1), batch.tags_BL.flatten(), ignore_index=IGNORED
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def measure(options: Options) -> dict[str, dict[str, list[float]]]:
    """Return the wall and processor seconds per epoch of each variant, for each repetition."""
    torch.set_num_threads(1)
    rows, compared = sample(options), ways(options)
    found: dict[str, dict[str, list[float]]] = {n: {"wall": [], "cpu": []} for n in compared}
    for step, _ in compared.values():  # compile kernels, allocate
        for batch in rows:
            step(batch)
    for _ in range(options.repeats):
        for name, (step, steps) in compared.items():
            wall, cpu = time.perf_counter(), time.process_time()
            for batch in rows:
                step(batch)
            scale = steps / len(rows)
            found[name]["wall"].append(scale * (time.perf_counter() - wall))
            found[name]["cpu"].append(scale * (time.process_time() - cpu))
    return found


def ratios(found: dict[str, dict[str, list[float]]]) -> list[dict[str, Any]]:
    """Return each ratio of :data:`AIMS`, for each repetition, and whether its median holds."""
    rows = []
    for over, under, sign, aim in AIMS:
        if over in found and under in found:
            pairs = zip(found[over]["cpu"], found[under]["cpu"], strict=True)
            values = [a / b for a, b in pairs]
            middle = median(values)
            holds = middle >= aim if sign == ">=" else middle <= aim
            rows.append(
                {"ratio": f"{over} / {under}", "values": values, "aim": f"{sign} {aim}"}
                | {"holds": holds}
            )
    return rows


def main(options: Options) -> None:
    """Measure, print and write the result."""
    found = measure(options)
    table = Table(
        title=f"Seconds per epoch: {options.encoder} on {options.data}, K = {options.rounds}"
    )
    for heading in ("variant", "processor: median (range)", "wall: median (range)"):
        table.add_column(heading)
    for name, seconds in found.items():
        table.add_row(name, *(spread_text(seconds[clock], ".1f") for clock in ("cpu", "wall")))
    CONSOLE.print(table)
    judged = ratios(found)
    for row in judged:
        verdict = "holds" if row["holds"] else "does not hold"
        CONSOLE.print(f"{row['ratio']}: {spread_text(row['values'])} ({row['aim']}: {verdict})")
    path = (
        options.out
        / f"encoders-{options.encoder.rpartition('/')[2]}-{Path(options.data).name}.json"
    )
    options.out.mkdir(parents=True, exist_ok=True)
    record: dict[str, Any] = {
        "seconds an epoch": found,
        "ratios": judged,
        "machine": provenance(CPU),
    }
    record |= {"batches": options.batches, "rounds": options.rounds}
    path.write_text(json.dumps(record, indent=1) + "\n")
    CONSOLE.print(f"written: {path}", soft_wrap=True)


if __name__ == "__main__":
    run(Options, main, "encoders")
