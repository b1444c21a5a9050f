"""What the runs of a ledger cost, and what the dense formulation would have cost."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

import pandas as pd

from reports.document.table import Cell, Row, Table, words
from reports.frames.runs import RunCard
from reports.frames.searches import SearchData
from reports.frames.settings import split_settings
from reports.frames.trials import complete_commands
from rin_core.durations import core_time
from rin_core.plural import plural

CORE, GPU = "Core-hours", "GPU-hours"
#: Times of an epoch on each kind of processor of the runs, written by ``make bench``.
BENCHMARKS = Path(__file__).parents[2] / "benchmarks" / "results"
#: Corpus of the benchmark.
TIMED = "webnlg_star"
SPEEDS = f"speed-{TIMED}-cpu*.json"


def experiments_table(
    frame: pd.DataFrame, searches: Sequence[SearchData], cards: Mapping[str, RunCard]
) -> Table:
    """Return the trials, epochs and core-hours of each study and search.

    Args:
        frame: All trials of studies, see :func:`~reports.frames.trials.read_ledger`.
        searches: The searches.
        cards: Every run, by fingerprint.
    """
    groups = [
        (str(name), trials, trials["status"], complete_commands(trials))
        for name, trials in frame.groupby("experiment", sort=False)
    ]
    groups += [
        (f"{data.experiment} (search)", data.trials, data.trials["state"], data.commands)
        for data in searches
    ]
    rows, columns = [], units(cards.values())
    for name, trials, states, commands in groups:
        own = [cards[fingerprint] for fingerprint in dict.fromkeys(trials["fingerprint"])]
        counts = ", ".join(f"{count} {state}" for state, count in states.value_counts().items())
        cells = {
            "Trials": words(counts),
            "Epochs": Cell(text=str(sum(card.epochs or 0 for card in own))),
            **{unit: Cell(text=f"{hours(own, unit):.1f}") for unit in columns},
            "Command": words(", ".join(f"`{command}`" for command in commands)),
        }
        rows.append(Row(key=name, label=name, cells=cells))
    return Table(
        name="experiments",
        title="Studies and searches",
        head="Experiment",
        rows=tuple(rows),
        notes=("Experiments share runs. Each row counts a shared run as its own.",),
    )


def units(cards: Iterable[RunCard]) -> tuple[str, ...]:
    """Return the units in which runs are counted: GPU-hours only if some ran on a GPU."""
    return (CORE, GPU) if any(card.on_gpu for card in cards) else (CORE,)


def hours(cards: Iterable[RunCard], unit: str = CORE) -> float:
    """Return the hours of some runs; those without a recorded time add nothing."""
    found = (card.core_hours if unit == CORE else card.gpu_hours for card in cards)
    return sum(own for own in found if not math.isnan(own))


def compute_sentences(cards: Iterable[RunCard]) -> str:
    """Return the cost of all runs, and of the same runs in the dense formulation."""
    known = [card for card in cards if not math.isnan(card.seconds)]
    gpu = hours(known, GPU)
    spent = core_time(hours(known)) + (f" and {gpu:.1f} GPU-hours" if gpu else "")
    text = f"All runs with a recorded time took {spent} ({plural(len(known), 'run')})."
    ratios = [ratio for path in BENCHMARKS.glob(SPEEDS) for ratio in _ratios(path)]
    like = hours(card for card in known if _is_like_the_benchmarks(card))
    if not ratios or not like:
        return text
    low, high = min(ratios), max(ratios)
    return (
        f"{text} A dense formulation computes the scores of all L²·R word pairs and relations. On "
        f"the same batches, it takes {low:.0f} to {high:.0f} times as long for an epoch of WebNLG, "
        f"depending on CPU and K (`make bench`). With it, the {like:.1f} core-hours of runs like "
        f"the timed ones (`{TIMED}`, K ≥ 1, the paper's widths) would have been about "
        f"{like * low:,.0f} to {like * high:,.0f}."
    )


def _is_like_the_benchmarks(card: RunCard) -> bool:
    """Return whether a run differs from the timed ones only in settings that keep its speed."""
    settings = split_settings(card.settings)
    alike = all(
        name in ("model.rounds", "encoder.dropout", "vectors")
        or (
            name.startswith("training.")
            and name not in ("training.batch_size", "training.batch_order")
        )
        for name in settings
    )
    return card.corpus == TIMED and alike and settings.get("model.rounds") != "0"


def _ratios(path: Path) -> list[float]:
    """Return the median ratio of the dense formulation to ours, at each K of a benchmark."""
    seconds = json.loads(path.read_text(encoding="utf-8"))["seconds an epoch"]
    return [times_the_product(seconds, "dense", k) for k in (1, 5)]


def times_the_product(seconds: Mapping[str, Sequence[float]], name: str, rounds: int) -> float:
    """Return the median ratio of a formulation's time to ours, on the same batches.

    Args:
        seconds: Of an epoch, once a round of measurement, as ``make bench`` writes them.
        name: Of the formulation.
        rounds: K.
    """
    # The formulations were timed in turns, so each turn has its own ratio.
    pairs = zip(seconds[f"{name}, K = {rounds}"], seconds[f"product, K = {rounds}"], strict=True)
    return median(other / ours for other, ours in pairs)
