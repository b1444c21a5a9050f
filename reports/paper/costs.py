"""What the runs of a ledger cost: by outcome, and for each decided claim."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from reports.document.section import Section
from reports.document.table import NO_CELL, Cell, Row, Table, number, words
from reports.frames.decisions import DecisionRow
from reports.frames.runs import RunCard
from reports.frames.studies import StudyData
from reports.paper.claims import JudgedClaim, judge_claims
from reports.paper.compute import hours, units
from reports.paper.other_corpora import OtherClaim
from reports.paper.sign_flip import MOST, Curve, read_seeds, seeds_for
from reports.published.numbers import corpus_title
from reports.stats.verdicts import DECIDED, Word
from study.ledger.state import TrialState


class Outcome(StrEnum):
    """The state of a run, and whether a claim uses it."""

    IN_CLAIM = "finished, used by a claim"
    FINISHED = "finished, not used by a claim"
    PRUNED = "pruned"
    FAILED = "failed"
    UNFINISHED = "started, not finished"
    PLANNED = "planned, not started"
    UNREADABLE = "unreadable"


_OUTCOMES = {
    TrialState.FINISHED: Outcome.FINISHED,
    TrialState.PRUNED: Outcome.PRUNED,
    TrialState.FAILED: Outcome.FAILED,
    TrialState.RUNNING: Outcome.UNFINISHED,
    TrialState.INTERRUPTED: Outcome.UNFINISHED,
    TrialState.PLANNED: Outcome.PLANNED,
    TrialState.UNREADABLE: Outcome.UNREADABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedClaim:
    """A decided claim, its runs, and the seeds with which the sign-flip test decides it."""

    corpus: str
    key: str
    """Of its row."""
    text: str
    verdict: str
    seeds: int
    """Of each arm, at least."""
    arms: tuple[tuple[RunCard, ...], ...]
    """The runs of each arm."""
    flip_seeds: float
    """Of each arm, for the sign-flip test: infinite if too many, NaN if it cannot decide so."""

    @property
    def runs(self) -> tuple[str, ...]:
        """Return the fingerprints of all runs."""
        return tuple(card.fingerprint for arm in self.arms for card in arm)


def cost_section(
    studies: Sequence[StudyData], elsewhere: Sequence[OtherClaim], cards: Mapping[str, RunCard]
) -> Section:
    """Return the tables of costs.

    Args:
        studies: The runs on each corpus that the paper's claims are judged by.
        elsewhere: The claims on other corpora.
        cards: Every run, by fingerprint.
    """
    curves = read_seeds()
    judged = {study.corpus: judge_claims(study) for study in studies}
    used = {name for claims in judged.values() for one in claims for name in one.runs}
    used |= {name for one in elsewhere for name in one.row.runs}
    decided = []
    for corpus, claims in judged.items():
        family = sum(one.claim.is_primary and one.judged.difference.n > 1 for one in claims)
        for one in claims:
            if one.judged.verdict.word in DECIDED:
                curve = curves.get(family if one.claim.is_primary else 1, ())
                decided.append(_decided(corpus, one, curve, cards))
    decided += [
        _by_plan(f"{one.row.experiment} {one.row.key}", one.corpus, one.row.text, one.row, cards)
        for one in elsewhere
        if one.row.verdict.word in DECIDED
    ]
    tables = (outcomes_table(cards.values(), used), decided_table(decided))
    shown = tuple(table for table in tables if table.rows)
    return Section(key="costs", title="What the runs cost", page="tables.md", tables=shown)


def outcomes_table(cards: Iterable[RunCard], used: Collection[str]) -> Table:
    """Return runs and hours by outcome.

    Args:
        cards: The runs.
        used: Fingerprints of the runs behind claims of the paper.
    """
    groups: dict[Outcome, list[RunCard]] = {outcome: [] for outcome in Outcome}
    for card in cards:
        is_used = card.status is TrialState.FINISHED and card.fingerprint in used
        groups[Outcome.IN_CLAIM if is_used else _OUTCOMES[card.status]].append(card)
    shown = {str(outcome): tuple(own) for outcome, own in groups.items() if own}
    everything = tuple(card for own in shown.values() for card in own)
    if len(shown) > 1:
        shown["all"] = everything
    columns = units(everything)
    rows = [
        Row(
            key=name,
            label=name,
            cells={
                "Runs": Cell(text=str(len(own))),
                **{unit: hours_cell(hours(own, unit)) for unit in columns},
            },
        )
        for name, own in shown.items()
    ]
    return Table(
        name="outcomes",
        title="Core-hours by outcome",
        head="Outcome",
        rows=tuple(rows),
        notes=(
            "Core-hours: the recorded seconds of a run times its CPUs. Runs on a GPU count in "
            "GPU-hours only, each with its whole time, even if several share a GPU.",
            "Used by a claim: the verdict on one of the paper's claims depends on the run. Claims "
            "are judged on the paper's corpora and their parts, and on other corpora by a plan. A "
            "run counts once, even if several studies, searches and claims contain it.",
        ),
    )


def decided_table(decided: Sequence[DecidedClaim]) -> Table:
    """Return a row for each decided claim, and what one costs on average."""
    columns = units(card for claim in decided for arm in claim.arms for card in arm)
    rows = [
        Row(
            key=claim.key,
            label=f"{corpus_title(claim.corpus)}: {claim.text}",
            cells={
                "Verdict": words(claim.verdict, claim.runs),
                "Seeds": number(claim.seeds, str(claim.seeds)),
                **{
                    unit: hours_cell(hours(itertools.chain(*claim.arms), unit), claim.runs)
                    for unit in columns
                },
                "Seeds, sign flip": _seeds_cell(claim.flip_seeds),
                **{f"{unit}, sign flip": hours_cell(_flipped([claim], unit)) for unit in columns},
            },
        )
        for claim in decided
    ]
    if len(rows) > 1:
        both = [claim for claim in decided if math.isfinite(claim.flip_seeds)]
        rows += [_mean_row("per decided claim", decided, columns)]
        if 0 < len(both) < len(decided):
            rows += [_mean_row("per claim that the sign-flip test can decide", both, columns)]
    return Table(
        name="decided",
        title="Core-hours of decided claims",
        head="Claim",
        rows=tuple(rows),
        notes=(
            "Sign flip: a test that pairs runs by seed and assumes no distribution, with Holm's "
            "correction for the primary claims. *Seeds, sign flip* is the number of seeds with "
            "which it decides in 80 % of simulated studies (`python -m benchmarks.sign_flip`). "
            "Their true difference is the one found here. With 5 seeds, p of this test is never "
            "below 0.06, so it cannot decide.",
            "The sign-flip test cannot show that a difference is small, so it never decides "
            "*equal*. There is no simulation for a claim that a plan with several looks decided.",
            "Per claim: runs that claims share count once.",
        ),
    )


def _mean_row(label: str, claims: Sequence[DecidedClaim], columns: Sequence[str]) -> Row:
    """Return the hours of one of several claims on average; they may share runs."""
    cards = {card.fingerprint: card for one in claims for arm in one.arms for card in arm}
    ours = {unit: hours(cards.values(), unit) / len(claims) for unit in columns}
    flipped = {f"{unit}, sign flip": _flipped(claims, unit) / len(claims) for unit in columns}
    cells = {
        "Verdict": NO_CELL,
        "Seeds": NO_CELL,
        **{unit: hours_cell(found) for unit, found in ours.items()},
        "Seeds, sign flip": NO_CELL,
        **{unit: hours_cell(found) for unit, found in flipped.items()},
    }
    return Row(key=label, label=label, cells=cells)


def _decided(
    corpus: str, found: JudgedClaim, curve: Curve, cards: Mapping[str, RunCard]
) -> DecidedClaim:
    key = f"{corpus} {found.claim.key}"
    if found.decision is not None:
        return _by_plan(key, corpus, found.claim.text, found.decision, cards)
    judged, difference = found.judged, found.judged.difference
    flip = math.nan
    if judged.verdict.word is not Word.EQUAL and curve:
        # The standard deviation of a pair: that of the difference with one seed of each arm.
        one = math.sqrt(sum(term.weight**2 * term.variance for term in difference.terms))
        flip = seeds_for(curve, abs(difference.value) / one) if one > 0 else math.nan
    names = (found.scores.runs.get(arm, ()) for arm, weight in found.weights.items() if weight)
    runs = found.runs
    return DecidedClaim(
        corpus=corpus,
        key=key,
        text=found.claim.text,
        verdict=str(judged.verdict),
        seeds=found.estimate.n,
        arms=tuple(
            tuple(cards[name] for name in arm if name in runs and name in cards) for arm in names
        ),
        flip_seeds=flip,
    )


def _by_plan(
    key: str, corpus: str, text: str, row: DecisionRow, cards: Mapping[str, RunCard]
) -> DecidedClaim:
    """Return a claim that a plan decided; the sign-flip test does not have its looks."""
    runs = sorted((cards[name] for name in row.runs if name in cards), key=attrgetter("label"))
    return DecidedClaim(
        corpus=corpus,
        key=key,
        text=text,
        verdict=str(row.verdict_with_cost),
        seeds=row.estimate.n,
        arms=tuple(tuple(arm) for _, arm in itertools.groupby(runs, attrgetter("label"))),
        flip_seeds=math.nan,
    )


def _flipped(claims: Sequence[DecidedClaim], unit: str) -> float:
    """Return the hours of the sign-flip test's seeds; an arm runs the most that a claim needs."""
    if not claims or not all(math.isfinite(claim.flip_seeds) for claim in claims):
        return math.nan
    seeds: dict[tuple[str, ...], float] = {}
    cost: dict[tuple[str, ...], float] = {}
    for claim in claims:
        for arm in filter(None, claim.arms):
            key = tuple(card.fingerprint for card in arm)
            seeds[key] = max(claim.flip_seeds, seeds.get(key, 0.0))
            cost[key] = hours(arm, unit) / len(arm)
    return sum(seeds[key] * cost[key] for key in seeds)


def hours_cell(found: float, runs: tuple[str, ...] = ()) -> Cell:
    """Return a cell of hours; a dash where there are none to state."""
    if not math.isfinite(found):
        return NO_CELL
    return number(found, f"{found:.1f}", runs=runs)


def _seeds_cell(seeds: float) -> Cell:
    if math.isnan(seeds):
        return NO_CELL
    return number(seeds, f"over {MOST}" if math.isinf(seeds) else f"{seeds:.0f}")
