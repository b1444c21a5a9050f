"""What the paper claims, each claim as the pairs of arms that it puts in order.

A claim is judged by its mean difference over its pairs, seed by seed: one number a seed, however
many pairs there are. One that is made of each of them has to hold in each. The pairs are shown by
themselves too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

import pandas as pd

from reports.document.formatting import mean_sd
from reports.document.table import NO_CELL, Cell, Row, Table, number
from reports.frames.predictions import SentenceCounts
from reports.frames.select import by_seed, fingerprints, of_arm
from reports.published.numbers import ROUNDS, TABLE_1_ROWS, TABLE_5_ROWS, published
from reports.stats.intervals import Estimate, estimate, seeds_needed
from reports.stats.tests import Difference, holm, paired_difference
from reports.stats.verdicts import Order, Verdict, order, verdict
from reports.tables.cells import (
    interval_cell,
    p_cell,
    published_difference,
    published_difference_cell,
)
from reports.tables.experiment import (
    DIFFERENCE_COLUMNS,
    DIFFERENCE_NOTES,
    FULL_MODEL,
    difference_rows,
)

BASELINES = ("bilstm", "bilstm-s")
INPUTS = ("no-relation-input", "no-entity-input", "no-shared-input")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim of the paper's text."""

    key: str
    text: str
    source: str
    """Where the paper makes it."""
    pairs: tuple[tuple[str, str], ...]
    """Arms, the one that is to be better first."""
    each: bool = False
    """Whether it is said of each pair, and not of them on average."""
    metric: str = "f1"
    """What is to be better, on test."""


PEAK = Claim(
    key="peak", text="The GRU's best K is later than the RNN's (in rounds)", source="§5.3", pairs=()
)
CLAIMS = (
    Claim(
        key="interaction",
        text="Interaction helps: one round beats none",
        source="§5.2, §5.3",
        pairs=((FULL_MODEL, "bilstm"), (FULL_MODEL, "bilstm-s"), ("rnn-1", "bilstm-s")),
    ),
    Claim(
        key="rounds",
        text="More rounds help",
        source="§5.2",
        pairs=(("gru-3", FULL_MODEL), ("gru-5", FULL_MODEL)),
    ),
    Claim(
        key="entities",
        text="Interaction helps entity recognition, too (entity F1)",
        source="§5.3, of NYT",
        pairs=tuple((rin, without) for rin in (FULL_MODEL, "gru-5") for without in BASELINES),
        metric="entity_f1",
    ),
    Claim(
        key="cell",
        text="A GRU updates better than an RNN, at every K",
        source="§5.3",
        pairs=tuple((f"gru-{k}", f"rnn-{k}") for k in ROUNDS),
        each=True,
    ),
    PEAK,
    Claim(
        key="inputs",
        text="ŷ, ȳ and H each help the interaction",
        source="§5.4, of NYT",
        pairs=tuple((FULL_MODEL, without) for without in INPUTS),
        each=True,
    ),
    Claim(
        key="partial",
        text="An interaction that lacks one of them still beats none",
        source="§5.4, of NYT",
        pairs=tuple((without, "bilstm-s") for without in INPUTS),
        each=True,
    ),
    Claim(
        key="pivotal",
        text="ŷ and ȳ matter more than H",
        source="§5.4, of NYT",
        pairs=tuple((INPUTS[2], without) for without in INPUTS[:2]),
        each=True,
    ),
    Claim(
        key="linear",
        text="It is the interaction: linear maps in its place are worse than nothing",
        source="§5.4",
        pairs=((FULL_MODEL, "linear"), ("bilstm-s", "linear")),
        each=True,
    ),
    Claim(
        key="encoder",
        text="A pretrained encoder helps",
        source="§5.2",
        pairs=(("bert-1", FULL_MODEL),),
    ),
    Claim(
        key="encoder-rounds",
        text="Over a pretrained encoder a second round helps",
        source="§5.2",
        pairs=(("bert-2", "bert-1"),),
    ),
)


#: Made to show how a study works: it supports no claim.
DEMO = "demo"


def claim_tables(frame: pd.DataFrame, corpus: str, counts: SentenceCounts) -> list[Table]:
    """Return a row for each claim, and one for each pair of arms behind them.

    Args:
        frame: The corpus's trials under one settings value.
        corpus: Name of the corpus; of one that is not the paper's only what was run is judged.
        counts: What the trials found in each sentence.
    """
    is_papers = published(corpus, FULL_MODEL, "f1") is not None
    claims = [c for c in CLAIMS if is_papers or _weigh_claim(frame, c).difference.estimate.n]
    if not claims or corpus == DEMO:
        return []
    return [_claims_table(frame, corpus, claims), _orderings_table(frame, corpus, claims, counts)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """What the finished trials say of a claim."""

    run: tuple[tuple[str, str], ...] = ()
    """The pairs that it is judged by: those that have all its seeds."""
    each: tuple[Estimate, ...] = ()
    """The difference of each of them."""
    difference: Difference
    """Their mean difference."""
    behind: tuple[str, ...]
    """Fingerprints."""

    @property
    def holds(self) -> int:
        """Count the pairs whose mean difference is above 0."""
        return sum(found.mean > 0 for found in self.each)


def _weigh_claim(frame: pd.DataFrame, claim: Claim) -> _Weighed:
    return _peaks(frame) if claim is PEAK else _weigh(frame, claim, claim.pairs)


def _claims_table(frame: pd.DataFrame, corpus: str, claims: Sequence[Claim]) -> Table:
    weighed = [_weigh_claim(frame, claim) for claim in claims]
    corrected = holm([found.difference.p for found in weighed])
    return Table(
        name="claims",
        title=f"The paper's claims, judged on {corpus}",
        head="Claim",
        columns=(
            *("Where", "Verdict", "Holds in pairs", "Mean Δ F1", "Common seeds"),
            *("95 % over seeds", "p over seeds (Holm)", "Paper's Δ", "Ours of its pairs"),
            *("95 % of that", "Verdict on its size", "Seeds to show it"),
        ),
        rows=tuple(
            Row(
                key=claim.key,
                label=claim.text,
                cells=(
                    Cell(text=claim.source),
                    *_found_cells(claim, found, p),
                    *_size_cells(frame, corpus, claim),
                ),
            )
            for claim, found, p in zip(claims, weighed, corrected, strict=True)
        ),
        notes=(
            "Mean Δ: for each seed, the mean of the test F1 differences of the pairs, over the "
            "seeds that all of them have finished. A pair with fewer seeds than others, or other "
            "ones, is left out until it has them.",
            "Verdict: *supported* where the 95 % interval of the mean Δ lies above 0, "
            "*contradicted* where it lies below, else *undecided*. A claim of each pair is "
            "supported only where the interval of each lies above 0, and contradicted where that "
            "of one lies below. The intervals are not widened for the number of claims, nor for "
            "that of the pairs of one. The best K is chosen on dev, for each seed among the K that "
            "both cells have finished; where all seeds agree in its distance, there is no scatter "
            "and no verdict.",
            "Of NYT: the paper says it of that corpus; elsewhere it is our question.",
            "The paper's Δ is the mean over those of the pairs that it prints in numbers, and the "
            "verdict on its size is of our mean over the same: *reproduced* where our 95 % "
            "interval, widened by the rounding of two printed scores (± 0.1), holds it and not 0, "
            "*not ruled out* where it holds both; else *ours above* or *ours below* it. So a claim "
            "may be undecided and the published gain ruled out.",
            "Seeds to show it: as many as would put the interval on one side of 0 in four cases "
            "out of five, if the true Δ were the paper's and seeds scattered as ours do; of a "
            "claim of each pair, as many as its slowest pair wants, so at least. Of a scatter "
            "estimated from five seeds it is a rough number.",
        ),
    )


def _found_cells(claim: Claim, found: _Weighed, corrected_p: float) -> tuple[Cell, ...]:
    difference, behind = found.difference, found.behind
    estimate = difference.estimate
    holds = f"{found.holds} of {len(found.run)}"
    if incomplete := len(claim.pairs) - len(found.run):
        holds += f", {incomplete} incomplete"
    return (
        Cell(text=_verdict(claim, found), estimate=estimate, fingerprints=behind),
        Cell(text=holds, fingerprints=behind) if found.run else NO_CELL,
        Cell(text=mean_sd(estimate, sign="+"), estimate=estimate, fingerprints=behind),
        Cell(text=str(estimate.n), fingerprints=behind),
        interval_cell(estimate, behind),
        p_cell(difference.p, corrected_p, behind),
    )


def _size_cells(frame: pd.DataFrame, corpus: str, claim: Claim) -> tuple[Cell, ...]:
    """Return the paper's mean difference and what ours, of the same pairs, says of it."""
    printed = {pair: published_difference(corpus, *pair, claim.metric) for pair in claim.pairs}
    found = _weigh(frame, claim, [pair for pair, value in printed.items() if value is not None])
    values = {pair: value for pair in found.run if (value := printed[pair]) is not None}
    if not values:
        return (NO_CELL,) * 5
    theirs = sum(values.values()) / len(values)
    ours, behind = found.difference.estimate, found.behind
    sources = dict.fromkeys(
        score.source
        for arms in found.run
        for arm in arms
        if (score := published(corpus, arm, claim.metric))
    )
    return (
        number(theirs, mean_sd(estimate([theirs]), sign="+"), "; ".join(sources)),
        Cell(text=mean_sd(ours, sign="+"), estimate=ours, fingerprints=behind),
        interval_cell(ours, behind),
        Cell(text=_size_verdict(ours, theirs), estimate=ours, fingerprints=behind),
        _needed_cell(claim, found, theirs, list(values.values())),
    )


#: Of a difference whose interval holds the paper's and 0: it shows neither.
NOT_RULED_OUT = "not ruled out"


def _size_verdict(ours: Estimate, theirs: float) -> str:
    judged = verdict(ours, theirs, printed_scores=2)
    unsure = judged == Verdict.REPRODUCED and ours.low <= 0 <= ours.high
    return NOT_RULED_OUT if unsure else judged


def _needed_cell(claim: Claim, found: _Weighed, mean: float, printed: Sequence[float]) -> Cell:
    """Return how many seeds would show the paper's difference, of each pair where it is of each."""
    sizes = [(found.difference.estimate.sd, mean)]
    if claim.each:
        sizes = [(pair.sd, size) for pair, size in zip(found.each, printed, strict=True)]
    known = [n for sd, size in sizes if not math.isnan(n := seeds_needed(sd, size))]
    if not known:
        return NO_CELL
    needed = max(known)
    text = f"{needed:.0f}" if math.isfinite(needed) else "over 1,000"
    return replace(number(needed, text), fingerprints=found.behind)


def _weigh(frame: pd.DataFrame, claim: Claim, pairs: Sequence[tuple[str, str]]) -> _Weighed:
    """Take the mean of some of a claim's pairs' differences, seed by seed.

    Of the pairs' sets of seeds it is the one by which most differences count: a pair that has only
    begun would take seeds from the others and waits; one that has more than they ends with theirs.
    """
    arms = dict.fromkeys(arm for pair in pairs for arm in pair)
    scored = {arm: by_seed(of_arm(frame, arm), f"test_{claim.metric}") for arm in arms}
    common = {(a, b): frozenset(scored[a].keys() & scored[b].keys()) for a, b in pairs}
    having = {s: tuple(pair for pair in pairs if common[pair] >= s) for s in common.values() if s}
    seeds, run = max(
        having.items(),
        key=lambda it: (len(it[0]) * len(it[1]), len(it[0])),
        default=(frozenset(), ()),
    )
    better = {s: sum(scored[a][s] for a, _ in run) / len(run) for s in seeds}
    worse = {s: sum(scored[b][s] for _, b in run) / len(run) for s in seeds}
    return _Weighed(
        run=run,
        each=tuple(
            paired_difference(*({s: scored[arm][s] for s in seeds} for arm in pair)).estimate
            for pair in run
        ),
        difference=paired_difference(better, worse),
        behind=_behind(frame, [arm for arm in arms if any(arm in pair for pair in run)], seeds),
    )


def _peaks(frame: pd.DataFrame) -> _Weighed:
    """Return the same of :data:`PEAK`: the K of the highest dev F1 of both cells, by seed."""
    arms = [f"{cell}-{k}" for k in ROUNDS for cell in ("gru", "rnn")]
    scored = {arm: by_seed(of_arm(frame, arm), "dev_f1") for arm in arms}
    best: dict[str, dict[int, float]] = {"gru": {}, "rnn": {}}
    for seed in sorted(set().union(*scored.values())):
        both = [k for k in ROUNDS if seed in scored[f"gru-{k}"] and seed in scored[f"rnn-{k}"]]
        if len(both) < 2:
            continue
        for cell, found in best.items():
            # Of equal ones the earlier, as in training.
            _, first = max((scored[f"{cell}-{k}"][seed], -k) for k in both)
            found[seed] = -first
    return _Weighed(
        difference=paired_difference(best["gru"], best["rnn"]),
        behind=_behind(frame, arms, set(best["gru"])),
    )


def _behind(frame: pd.DataFrame, arms: Sequence[str], seeds: Set[int]) -> tuple[str, ...]:
    return fingerprints(frame[frame["arm"].isin(arms) & frame["seed"].isin(seeds)])


def _verdict(claim: Claim, weighed: _Weighed) -> Order:
    if claim is PEAK and weighed.difference.estimate.sd == 0:  # of whole rounds, and few seeds
        return Order.UNDECIDED
    judged = order(weighed.each if claim.each else (weighed.difference.estimate,))
    incomplete = claim.each and len(weighed.each) < len(claim.pairs)
    return Order.UNDECIDED if judged == Order.SUPPORTED and incomplete else judged


def _orderings_table(
    frame: pd.DataFrame, corpus: str, claims: Sequence[Claim], counts: SentenceCounts
) -> Table:
    pairs = list(
        dict.fromkeys(pair for claim in claims if claim.metric == "f1" for pair in claim.pairs)
    )
    trials = [(of_arm(frame, better), of_arm(frame, worse)) for better, worse in pairs]
    cells = difference_rows(trials, counts)
    return Table(
        name="orderings",
        title=f"The pairs behind the claims on {corpus}",
        head="Pair",
        columns=("Paper's Δ", "Holds", *DIFFERENCE_COLUMNS),
        rows=tuple(
            Row(
                key=f"{a}/{b}",
                label=f"{_LABELS[a]} over {_LABELS[b]}",
                cells=(published_difference_cell(corpus, a, b), _holds(arms), *found),
            )
            for (a, b), arms, found in zip(pairs, trials, cells, strict=True)
        ),
        notes=(
            "Holds: *yes* where our mean Δ over the common seeds is above 0; whether chance alone "
            "would do it is for the intervals to say. Where the paper has a figure only, its Δ is "
            "a dash. The other columns are Table 5's.",
            *DIFFERENCE_NOTES,
        ),
    )


def _holds(trials: tuple[pd.DataFrame, pd.DataFrame]) -> Cell:
    ours = paired_difference(*(by_seed(arm, "test_f1") for arm in trials)).estimate
    if math.isnan(ours.mean):
        return Cell(text="–" if all(_finished(arm) for arm in trials) else "not run")
    behind = fingerprints(trials[0]) + fingerprints(trials[1])
    return Cell(text="yes" if ours.mean > 0 else "no", estimate=ours, fingerprints=behind)


def _finished(trials: pd.DataFrame) -> bool:
    return bool((trials["status"] == "done").any())


_LABELS: Mapping[str, str] = {
    **{f"{cell}-{k}": f"RIN ({cell.upper()}, K = {k})" for k in ROUNDS for cell in ("gru", "rnn")},
    **dict((*TABLE_5_ROWS[1:], *TABLE_1_ROWS[-2:], *TABLE_1_ROWS[5:7])),
}
