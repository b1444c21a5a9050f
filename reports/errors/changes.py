"""What changes from one arm to another: triples that interaction fixes and breaks.

Each run of one arm is compared with each run of the other: equal seeds do not make two runs alike.
Two runs that differ only in their seed disagree too. The same comparison within one arm measures
that, and a change of arms means something only beyond it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from reports.frames.predictions import SentenceCounts
from reports.frames.select import arm_label, of_arm
from reports.stats.contrasts import NO_INTERACTION
from rin_core.data.corpus import Fact

FIELDS = ("fixed", "broke", "removed", "added", "missed")
"""What becomes of a triple from a first run to a second.

- ``fixed``: gold, and only the second run predicts it.
- ``broke``: gold, and only the first run predicts it.
- ``removed``: wrong, and only the first run predicts it.
- ``added``: wrong, and only the second run predicts it.
- ``missed``: gold, and neither run predicts it.
"""
Tally = Counter[tuple[int, Fact]]
"""Pairs of runs by sentence and triple."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Each run of one arm compared with each run of another, or with the others of its own arm."""

    key: str
    label: str
    before: tuple[str, ...]
    """Fingerprints of the runs of the first arm."""
    after: tuple[str, ...]
    """Those of the second, which may be the same arm."""

    @property
    def same_arm(self) -> bool:
        """Whether the two runs of a pair differ only in their seed."""
        return self.before == self.after

    @property
    def pairs(self) -> int:
        """Return the number of pairs; a run is not compared with itself."""
        itself = len(self.before) if self.same_arm else 0
        return len(self.before) * len(self.after) - itself

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The runs of both arms, each once."""
        return tuple(dict.fromkeys((*self.before, *self.after)))


def comparisons(frame: pd.DataFrame, counts: SentenceCounts) -> list[Comparison]:
    """Return the comparisons of an experiment: baseline and each arm, K and the next K, seeds.

    Args:
        frame: One experiment under one settings value.
        counts: Its predictions; arms without any are left out.
    """
    arms = arms_with_predictions(frame, counts)
    if not arms:
        return []
    base = NO_INTERACTION if NO_INTERACTION in arms else arms[0]
    # A triple of first words and a triple of last words cannot be compared.
    entity_word = {arm: of_arm(frame, arm)["entity_word"].iloc[0] for arm in arms}
    compared = [
        (base, arm) for arm in arms if arm != base and entity_word[arm] == entity_word[base]
    ]
    compared += [pair for pair in _consecutive_rounds(frame, arms) if pair not in compared]
    runs = {arm: runs_with_predictions(of_arm(frame, arm), counts) for arm in arms}
    labels = {arm: arm_label(of_arm(frame, arm)) for arm in arms}
    found = [
        Comparison(
            key=f"{before}/{after}",
            label=f"{labels[before]} → {labels[after]}",
            before=runs[before],
            after=runs[after],
        )
        for before, after in compared
    ]
    found += [
        Comparison(
            key=f"{arm}/{arm}",
            label=f"{labels[arm]}, another seed",
            before=runs[arm],
            after=runs[arm],
        )
        for arm in arms
    ]
    return [comparison for comparison in found if comparison.pairs]


def arms_with_predictions(frame: pd.DataFrame, counts: SentenceCounts) -> list[str]:
    """Return the arms of which at least one run has predictions."""
    arms = dict.fromkeys(frame["arm"])
    return [arm for arm in arms if runs_with_predictions(of_arm(frame, arm), counts)]


def runs_with_predictions(trials: pd.DataFrame, counts: SentenceCounts) -> tuple[str, ...]:
    """Return the fingerprints of the runs that have predictions."""
    return tuple(name for name in trials["fingerprint"] if name in counts.answers)


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


def changed_pairs(comparison: Comparison, counts: SentenceCounts) -> dict[str, Tally]:
    """Return in how many pairs of runs each triple changed, for each of :data:`FIELDS`.

    Of n runs of the first arm, a predict the triple; of m runs of the second, b do. So (n − a) · b
    pairs gain it, a · (m − b) lose it, and in (n − a) · (m − b) both miss it.
    """
    tallies: dict[str, Tally] = {name: Counter() for name in FIELDS}
    n, m = len(comparison.before), len(comparison.after)
    first, second = (
        list(zip(*(counts.answers[run] for run in runs), strict=True))
        for runs in (comparison.before, comparison.after)
    )
    for sentence, (before, after) in enumerate(zip(first, second, strict=True)):
        gold = before[0].gold
        a, b = (Counter(fact for one in own for fact in one.predicted) for own in (before, after))
        for fact in gold | a.keys() | b.keys():
            gained, lost = (n - a[fact]) * b[fact], a[fact] * (m - b[fact])
            missed = (n - a[fact]) * (m - b[fact])
            if comparison.same_arm:  # a run and itself are no pair
                missed -= n - a[fact]
            names = ("fixed", "broke", "missed") if fact in gold else ("added", "removed")
            for name, pairs in zip(names, (gained, lost, missed), strict=False):
                tallies[name][sentence, fact] = pairs
    return {name: +tally for name, tally in tallies.items()}


def mean_changes(comparison: Comparison, counts: SentenceCounts) -> dict[str, float]:
    """Return how many triples were fixed, broken and so on, as means over all pairs of runs.

    The names are :data:`FIELDS` and ``net``, fixed minus broken. Pairs share runs, so the means
    have no standard deviation here.
    """
    tallies = changed_pairs(comparison, counts)
    means = {name: tally.total() / comparison.pairs for name, tally in tallies.items()}
    return means | {"net": means["fixed"] - means["broke"]}


class ChangedTriple(NamedTuple):
    """A triple that changed in a sentence, and in how many pairs of runs."""

    sentence: int
    fact: Fact
    pairs: int


def changed_triples(
    comparison: Comparison, counts: SentenceCounts, field: str
) -> list[ChangedTriple]:
    """Return the triples in one of :data:`FIELDS`, those of most pairs of runs first."""
    tally = changed_pairs(comparison, counts)[field]
    ordered = sorted(tally.items(), key=lambda item: (-item[1], item[0]))
    return [ChangedTriple(sentence, fact, pairs) for (sentence, fact), pairs in ordered]
