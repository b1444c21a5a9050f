"""How many removed annotations does ``rin-study annotations`` find again?

    python -m benchmarks.annotations NAME [NAME ...] --runs runs

A part of the annotated triples of test is removed at random, as if somebody had forgotten them.
The runs do not change: no model reads the annotation of test. *Recall* is the share of the removed
triples that the command lists. *Precision* is the share of its list that was removed. The list has
other triples, too: mistakes of the models, and errors that the corpus really has. So the fewer
annotations are missing, the lower is the precision. Real omissions are not random, and may be
harder or easier to find. Means over 20 random choices are written to
benchmarks/results/annotations.csv.
"""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Annotated

import tyro
from rich.console import Console

from benchmarks.command import RESULTS, Results, run
from reports.errors.annotations import find_candidates
from reports.frames.predictions import Answer
from reports.frames.studies import StudyData
from reports.page.studies import find_predictions
from rin_core.data.corpus import Fact
from study.commands.options import LedgerFolder

#: Shares of the annotated triples that are removed.
REMOVED = (0.01, 0.05)
#: Shares of the runs that must predict a triple.
SHARES = (0.6, 0.75, 0.9, 1.0)
CHOICES = 20
_COLUMNS = ("study", "runs", "removed", "share", "listed", "recall", "precision")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Measure how many removed annotations are found again."""

    studies: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="NAME")]
    """Studies with predictions."""
    runs: LedgerFolder = Path("runs")
    out: Results = RESULTS


def without(study: StudyData, removed: set[tuple[int, Fact]]) -> StudyData:
    """Return a study whose annotation does not have some triples, each with its sentence."""
    answers = {
        name: tuple(
            Answer(frozenset(f for f in gold if (n, f) not in removed), predicted)
            for n, (gold, predicted) in enumerate(own)
        )
        for name, own in study.counts.answers.items()
    }
    return replace(study, counts=replace(study.counts, answers=answers))


def measure(study: StudyData, part: float, share: float, seed: int) -> dict[str, float]:
    """Remove triples at random, and return what is found again.

    Args:
        study: The study. All of its runs have the same ``data.entity_word``.
        part: Share of the annotated triples to remove, above 0 and at most 1.
        share: Of the runs that must predict a triple.
        seed: Of the random choice.

    Raises:
        ValueError: The study has too few runs.
    """
    first = next(iter(study.counts.answers.values()), ())
    gold = [(n, fact) for n, answer in enumerate(first) for fact in sorted(answer.gold)]
    removed = set(random.Random(seed).sample(gold, max(1, round(part * len(gold)))))
    candidates = find_candidates(without(study, removed), share)
    if candidates is None:
        raise ValueError("a study needs three runs with predictions")
    listed = {(candidate.sentence, candidate.fact) for candidate in candidates.found}
    again = len(listed & removed)
    return {
        "runs": candidates.runs,
        "removed": len(removed),
        "listed": len(listed),
        "recall": again / len(removed),
        "precision": again / len(listed) if listed else 0.0,
    }


def main(options: Options) -> None:
    """Measure each study, print the means and write them."""
    if not options.studies:
        raise ValueError("NAME is missing: the studies to measure; rin-study show lists them")
    options.out.mkdir(parents=True, exist_ok=True)
    console, rows = Console(width=200), []
    for name in options.studies:
        study = find_predictions(options.runs, name)
        for part in REMOVED:
            for share in SHARES:
                found = [measure(study, part, share, seed) for seed in range(CHOICES)]
                means = {column: fmean(one[column] for one in found) for column in found[0]}
                row = {"study": name, "share": share, **{k: f"{v:.3g}" for k, v in means.items()}}
                rows.append(row)
                console.print(", ".join(f"{column} {row[column]}" for column in _COLUMNS))
    path = options.out / "annotations.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    run(Options, main, "annotations")
