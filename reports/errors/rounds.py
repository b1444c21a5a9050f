"""What one arm gets right that another did not, seed by seed: what interaction fixed and broke.

Two runs that differ in nothing but their seed disagree too. Their disagreement is measured the
same way, because a change of arms means something only beyond it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from reports.frames.predictions import Answer, SentenceCounts
from reports.frames.select import arm_label, of_arm
from reports.stats.intervals import NOTHING, Estimate, estimate
from rin_core.data.corpus import Fact

_BASELINE_ARM = "bilstm-s"


class Change(NamedTuple):
    """The triples of one sentence that two runs do not agree on."""

    fixed: frozenset[Fact]
    """Gold, and only the second run says it."""
    broke: frozenset[Fact]
    """Gold, and only the first run says it."""
    removed: frozenset[Fact]
    """Wrong, and only the first run says it."""
    added: frozenset[Fact]
    """Wrong, and only the second run says it."""
    missed: frozenset[Fact]
    """Gold, and neither says it."""


def change(before: Answer, after: Answer) -> Change:
    """Compare two runs on one sentence."""
    gold = before.gold
    return Change(
        fixed=(gold & after.said) - before.said,
        broke=(gold & before.said) - after.said,
        removed=(before.said - gold) - after.said,
        added=(after.said - gold) - before.said,
        missed=gold - before.said - after.said,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Two arms compared on the seeds that both have, or one with other seeds of itself."""

    key: str
    label: str
    pairs: tuple[tuple[str, str], ...]
    """Fingerprints before and after, a pair for each seed."""
    chance: bool = False
    """Whether the two runs of a pair differ in their seed alone."""

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The runs behind the step, each once."""
        return tuple(dict.fromkeys(itertools.chain(*self.pairs)))


def steps(frame: pd.DataFrame, counts: SentenceCounts) -> list[Step]:
    """Return what to compare in an experiment: baseline with each arm, K with the next K, chance.

    Args:
        frame: One experiment under one settings value.
        counts: Its trials' predictions; arms without common seeds are left out.
    """
    arms = answered(frame, counts)
    if not arms:
        return []
    base = _BASELINE_ARM if _BASELINE_ARM in arms else arms[0]
    # A triple of first words is another than one of last words: there is nothing to compare.
    word = {arm: of_arm(frame, arm)["entity_word"].iloc[0] for arm in arms}
    compared = [(base, arm) for arm in arms if arm != base and word[arm] == word[base]]
    compared += [pair for pair in _consecutive(frame, arms) if pair not in compared]
    found = [_step(frame, counts, *pair) for pair in compared]
    found += [_chance(frame, counts, arm) for arm in arms]
    return [step for step in found if step.pairs]


def answered(frame: pd.DataFrame, counts: SentenceCounts) -> list[str]:
    """Return the arms that have predictions."""
    return [arm for arm in dict.fromkeys(frame["arm"]) if runs_of(frame, arm, counts)]


def runs_of(frame: pd.DataFrame, arm: str, counts: SentenceCounts) -> dict[int, str]:
    """Return the fingerprint of each seed of an arm that left its predictions."""
    trials = of_arm(frame, arm)
    pairs = zip(trials["seed"], trials["fingerprint"], strict=True)
    return {int(seed): str(name) for seed, name in pairs if name in counts.answers}


def _consecutive(frame: pd.DataFrame, arms: Iterable[str]) -> list[tuple[str, str]]:
    """Return each two arms that follow each other in K and differ in nothing else."""
    curves: dict[tuple[str, str], dict[int, str]] = {}
    for arm in arms:
        of = of_arm(frame, arm).iloc[0]
        if of["rounds"]:
            curves.setdefault((of["cell"], of["settings_except_rounds"]), {})[int(of["rounds"])] = (
                arm
            )
    return [
        pair
        for _, curve in sorted(curves.items())
        for pair in itertools.pairwise(arm for _, arm in sorted(curve.items()))
    ]


def _step(frame: pd.DataFrame, counts: SentenceCounts, before: str, after: str) -> Step:
    first, second = (runs_of(frame, arm, counts) for arm in (before, after))
    seeds = sorted(first.keys() & second.keys())
    labels = [arm_label(of_arm(frame, arm)) for arm in (before, after)]
    return Step(
        key=f"{before}/{after}",
        label=" → ".join(labels),
        pairs=tuple((first[seed], second[seed]) for seed in seeds),
    )


def _chance(frame: pd.DataFrame, counts: SentenceCounts, arm: str) -> Step:
    """Pair every seed of an arm with the next, the last with the first."""
    runs = [name for _, name in sorted(runs_of(frame, arm, counts).items())]
    return Step(
        key=f"{arm}/{arm}",
        label=f"{arm_label(of_arm(frame, arm))}, another seed",
        pairs=tuple(zip(runs, runs[1:] + runs[:1], strict=True)) if len(runs) > 1 else (),
        chance=True,
    )


def step_changes(step: Step, counts: SentenceCounts) -> list[list[Change]]:
    """Return the changes of each pair of runs, a list with one for each sentence."""
    answers = counts.answers
    return [
        [change(a, b) for a, b in zip(answers[before], answers[after], strict=True)]
        for before, after in step.pairs
    ]


def sizes(step: Step, counts: SentenceCounts) -> dict[str, Estimate]:
    """Return how many triples a step fixed, broke, removed, added and left missed, over seeds.

    Beside the fields of :class:`Change`: ``net``, gold triples won. Pairs of seeds of one arm
    share runs, so for chance there is a mean and no spread, and the net is nothing: every run
    stands on both sides.
    """
    rows = [_totals(changes) for changes in step_changes(step, counts)]
    names = (*Change._fields, "net")
    found = {name: estimate(row[name] for row in rows) for name in names}
    if not step.chance:
        return found
    return {name: _mean_alone(e) for name, e in found.items()} | {"net": NOTHING}


def _totals(changes: Sequence[Change]) -> dict[str, int]:
    totals = {name: sum(len(getattr(c, name)) for c in changes) for name in Change._fields}
    return totals | {"net": totals["fixed"] - totals["broke"]}


def _mean_alone(found: Estimate) -> Estimate:
    return Estimate(found.n, found.mean, *[math.nan] * 3)


class Moved(NamedTuple):
    """A sentence whose triples changed, and in how many seeds each did."""

    sentence: int
    fact: Fact
    seeds: int


def moved(step: Step, counts: SentenceCounts, field: str) -> list[Moved]:
    """Return the triples that a step fixed (or broke, removed, added), in most seeds first."""
    tally: dict[tuple[int, Fact], int] = {}
    for changes in step_changes(step, counts):
        for place, found in enumerate(changes):
            for fact in getattr(found, field):
                tally[place, fact] = tally.get((place, fact), 0) + 1
    ordered = sorted(tally.items(), key=lambda item: (-item[1], item[0]))
    return [Moved(place, fact, seeds) for (place, fact), seeds in ordered]
