"""What changes from one arm to another, seed by seed: triples that interaction fixes and breaks.

Two runs that differ only in their seed disagree too. The same comparison of two seeds of one arm
measures that, and a change of arms means something only beyond it.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from reports.frames.predictions import Answer, SentenceCounts
from reports.frames.select import arm_label, of_arm
from reports.stats.intervals import NOTHING, Estimate, estimate
from rin_core.data.corpus import Fact

_BASELINE_ARM = "bilstm-s"


class Change(NamedTuple):
    """The triples of one sentence on which two runs differ, or that both miss."""

    fixed: frozenset[Fact]
    """Gold, and only the second run predicts it."""
    broke: frozenset[Fact]
    """Gold, and only the first run predicts it."""
    removed: frozenset[Fact]
    """Wrong, and only the first run predicts it."""
    added: frozenset[Fact]
    """Wrong, and only the second run predicts it."""
    missed: frozenset[Fact]
    """Gold, and neither run predicts it."""


def change(before: Answer, after: Answer) -> Change:
    """Compare two runs on one sentence."""
    gold, first = before
    _, second = after
    return Change(
        fixed=(gold & second) - first,
        broke=(gold & first) - second,
        removed=(first - gold) - second,
        added=(second - gold) - first,
        missed=gold - first - second,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two arms compared on their common seeds, or two seeds of one arm."""

    key: str
    label: str
    pairs: tuple[tuple[str, str], ...]
    """Fingerprints of the first and the second run of each pair."""
    same_arm: bool = False
    """Whether the two runs of a pair differ only in their seed."""

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The runs of all pairs, each once."""
        return tuple(dict.fromkeys(itertools.chain(*self.pairs)))


def comparisons(frame: pd.DataFrame, counts: SentenceCounts) -> list[Comparison]:
    """Return the comparisons of an experiment: baseline and each arm, K and the next K, seeds.

    Args:
        frame: One experiment under one settings value.
        counts: Its predictions; arms without common seeds are not compared.
    """
    arms = arms_with_predictions(frame, counts)
    if not arms:
        return []
    base = _BASELINE_ARM if _BASELINE_ARM in arms else arms[0]
    # A triple of first words and a triple of last words cannot be compared.
    entity_word = {arm: of_arm(frame, arm)["entity_word"].iloc[0] for arm in arms}
    compared = [
        (base, arm) for arm in arms if arm != base and entity_word[arm] == entity_word[base]
    ]
    compared += [pair for pair in _consecutive_rounds(frame, arms) if pair not in compared]
    found = []
    for before, after in compared:
        first, second = (_runs_by_seed(frame, arm, counts) for arm in (before, after))
        labels = [arm_label(of_arm(frame, arm)) for arm in (before, after)]
        seeds = sorted(first.keys() & second.keys())
        found.append(
            Comparison(
                key=f"{before}/{after}",
                label=" → ".join(labels),
                pairs=tuple((first[seed], second[seed]) for seed in seeds),
            )
        )
    for arm in arms:
        runs = [name for _, name in sorted(_runs_by_seed(frame, arm, counts).items())]
        # Every seed with the next, the last with the first.
        pairs = zip(runs, runs[1:] + runs[:1], strict=True) if len(runs) > 1 else ()
        found.append(
            Comparison(
                key=f"{arm}/{arm}",
                label=f"{arm_label(of_arm(frame, arm))}, another seed",
                pairs=tuple(pairs),
                same_arm=True,
            )
        )
    return [comparison for comparison in found if comparison.pairs]


def arms_with_predictions(frame: pd.DataFrame, counts: SentenceCounts) -> list[str]:
    """Return the arms of which at least one run has predictions."""
    arms = dict.fromkeys(frame["arm"])
    return [arm for arm in arms if runs_with_predictions(of_arm(frame, arm), counts)]


def runs_with_predictions(trials: pd.DataFrame, counts: SentenceCounts) -> tuple[str, ...]:
    """Return the fingerprints of the runs that have predictions."""
    return tuple(name for name in trials["fingerprint"] if name in counts.answers)


def _runs_by_seed(frame: pd.DataFrame, arm: str, counts: SentenceCounts) -> dict[int, str]:
    trials = of_arm(frame, arm)
    pairs = zip(trials["seed"], trials["fingerprint"], strict=True)
    return {int(seed): str(name) for seed, name in pairs if name in counts.answers}


def _consecutive_rounds(frame: pd.DataFrame, arms: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of arms that differ only in K and have no arm between them."""
    curves: dict[tuple[str, str], dict[int, str]] = {}
    for arm in arms:
        trial = of_arm(frame, arm).iloc[0]
        if trial["rounds"]:
            curve = curves.setdefault((trial["cell"], trial["settings_except_rounds"]), {})
            curve[int(trial["rounds"])] = arm
    return [
        pair
        for _, curve in sorted(curves.items())
        for pair in itertools.pairwise(arm for _, arm in sorted(curve.items()))
    ]


def changes_by_pair(comparison: Comparison, counts: SentenceCounts) -> list[list[Change]]:
    """Return the change of every sentence, a list for each pair of runs."""
    answers = counts.answers
    return [
        [change(a, b) for a, b in zip(answers[before], answers[after], strict=True)]
        for before, after in comparison.pairs
    ]


def mean_changes(comparison: Comparison, counts: SentenceCounts) -> dict[str, Estimate]:
    """Return how many triples were fixed, broken and so on, as means over pairs of runs.

    The names are the fields of :class:`Change` and ``net``, fixed minus broken. Pairs of seeds of
    one arm share runs: their means have no standard deviation, and their net is 0 by construction.
    """
    rows = []
    for changes in changes_by_pair(comparison, counts):
        row = {name: sum(len(getattr(c, name)) for c in changes) for name in Change._fields}
        rows.append(row | {"net": row["fixed"] - row["broke"]})
    found = {name: estimate(row[name] for row in rows) for name in (*Change._fields, "net")}
    if not comparison.same_arm:
        return found
    means = {n: Estimate(e.n, e.mean, math.nan, math.nan, math.nan) for n, e in found.items()}
    return means | {"net": NOTHING}


class ChangedTriple(NamedTuple):
    """A triple that changed in a sentence, and in how many pairs of runs."""

    sentence: int
    fact: Fact
    seeds: int


def changed_triples(
    comparison: Comparison, counts: SentenceCounts, field: str
) -> list[ChangedTriple]:
    """Return the triples in a field of :class:`Change`, those of most pairs of runs first."""
    tally: Counter[tuple[int, Fact]] = Counter()
    for changes in changes_by_pair(comparison, counts):
        for sentence, found in enumerate(changes):
            tally.update((sentence, fact) for fact in getattr(found, field))
    ordered = sorted(tally.items(), key=lambda item: (-item[1], item[0]))
    return [ChangedTriple(sentence, fact, seeds) for (sentence, fact), seeds in ordered]
