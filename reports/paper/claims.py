"""The paper's claims, each as pairs of arms that it puts in order, and what our runs say.

A claim is judged by the mean difference over its pairs, one number for each seed. A claim that is
made of each pair must hold in each pair. The table of pairs shows each pair by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass

import pandas as pd

from reports.frames.select import by_seed, fingerprints, of_arm
from reports.published.numbers import ROUNDS, published
from reports.stats.intervals import Estimate, seeds_needed
from reports.stats.tests import Difference, holm, paired_difference
from reports.stats.verdicts import Order, Verdict, order, verdict
from reports.tables.cells import published_difference
from reports.tables.experiment import FULL_MODEL

BASELINES = ("bilstm", "bilstm-s")
INPUTS = ("no-relation-input", "no-entity-input", "no-shared-input")
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim of the paper's text."""

    key: str
    text: str
    source: str
    """Section of the paper; the corpus where it is not both."""
    pairs: tuple[Pair, ...]
    """Pairs of arms; the first is claimed to score higher."""
    each: bool = False
    """Whether the claim is about each pair, and not about their mean."""
    metric: str = "f1"
    """Score on test that is compared."""


#: Compares the best numbers of rounds, and not the scores of arms.
PEAK = Claim(
    key="peak",
    text="The GRU peaks at a later K than the RNN (in rounds)",
    source="§5.3",
    pairs=(),
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
        text="Interaction also helps entity recognition (entity F1)",
        source="§5.3, NYT",
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
        source="§5.4, NYT",
        pairs=tuple((FULL_MODEL, without) for without in INPUTS),
        each=True,
    ),
    Claim(
        key="partial",
        text="Interaction without one of ŷ, ȳ and H still beats no interaction",
        source="§5.4, NYT",
        pairs=tuple((without, "bilstm-s") for without in INPUTS),
        each=True,
    ),
    Claim(
        key="pivotal",
        text="ŷ and ȳ matter more than H",
        source="§5.4, NYT",
        pairs=tuple((INPUTS[2], without) for without in INPUTS[:2]),
        each=True,
    ),
    Claim(
        key="linear",
        text="Linear maps in place of the interaction are worse than no interaction",
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
        text="A second round helps with a pretrained encoder",
        source="§5.2",
        pairs=(("bert-2", "bert-1"),),
    ),
)

#: A built-in corpus for trying out the program; its results support no claim.
DEMO = "demo"
#: Verdict on a published difference if our interval contains both it and 0.
NOT_RULED_OUT = "not ruled out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The mean difference over some pairs of arms, on the seeds that all of them have."""

    pairs: tuple[Pair, ...] = ()
    """The pairs that have all of these seeds."""
    by_pair: tuple[Estimate, ...] = ()
    """The difference of each pair."""
    difference: Difference
    """The mean over the pairs."""
    runs: tuple[str, ...] = ()
    """Fingerprints of the runs of these arms and seeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeEvidence:
    """The published mean difference, and ours over the same pairs."""

    published: float
    """In points."""
    sources: tuple[str, ...]
    """Tables and rows of the published scores."""
    ours: Estimate
    verdict: str
    """A :class:`~reports.stats.verdicts.Verdict`, or :data:`NOT_RULED_OUT`."""
    seeds_needed: float
    """Seeds that would show the published difference; infinite if too many, NaN if unknown."""
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedClaim:
    """A claim with what our runs say about it."""

    claim: Claim
    evidence: Evidence
    verdict: Order
    p_holm: float
    """p over seeds, corrected for the number of claims."""
    size: SizeEvidence | None
    """``None`` if nothing comparable is published or finished."""


def judge_claims(frame: pd.DataFrame, corpus: str) -> list[JudgedClaim]:
    """Judge the claims on one corpus.

    Args:
        frame: The trials on the corpus under one settings value.
        corpus: Name of the corpus. On a corpus that the paper does not use, only claims with
            finished runs are returned.
    """
    if corpus == DEMO:
        return []
    evidence = {
        claim.key: _peaks(frame) if claim is PEAK else weigh(frame, claim.pairs, claim.metric)
        for claim in CLAIMS
    }
    is_papers = published(corpus, FULL_MODEL, "f1") is not None
    claims = [c for c in CLAIMS if is_papers or evidence[c.key].difference.estimate.n]
    corrected = holm([evidence[claim.key].difference.p for claim in claims])
    return [
        JudgedClaim(
            claim=claim,
            evidence=evidence[claim.key],
            verdict=_verdict(claim, evidence[claim.key]),
            p_holm=p,
            size=_size(frame, corpus, claim),
        )
        for claim, p in zip(claims, corrected, strict=True)
    ]


def weigh(frame: pd.DataFrame, pairs: Sequence[Pair], metric: str = "f1") -> Evidence:
    """Return the mean difference in test scores over pairs of arms, seed by seed."""
    arms = dict.fromkeys(arm for pair in pairs for arm in pair)
    scores = {arm: by_seed(of_arm(frame, arm), f"test_{metric}") for arm in arms}
    common = {(a, b): frozenset(scores[a].keys() & scores[b].keys()) for a, b in pairs}
    seeds, complete = largest_balanced_design(common)
    better = {s: sum(scores[a][s] for a, _ in complete) / len(complete) for s in seeds}
    worse = {s: sum(scores[b][s] for _, b in complete) / len(complete) for s in seeds}
    by_pair = []
    for a, b in complete:
        ours, theirs = ({s: scores[arm][s] for s in seeds} for arm in (a, b))
        by_pair.append(paired_difference(ours, theirs).estimate)
    used = [arm for arm in arms if any(arm in pair for pair in complete)]
    return Evidence(
        pairs=complete,
        by_pair=tuple(by_pair),
        difference=paired_difference(better, worse),
        runs=_runs(frame, used, seeds),
    )


def largest_balanced_design(
    common: dict[Pair, frozenset[int]],
) -> tuple[frozenset[int], tuple[Pair, ...]]:
    """Choose seeds and pairs so that each pair has all the seeds.

    The mean over pairs must not mix different seeds for different pairs. Among the seed sets of
    the pairs, the one that keeps most differences is chosen, and among equal ones the one with
    more seeds. A pair with few seeds then does not remove the other pairs' seeds.

    Args:
        common: The seeds that both arms of each pair have finished.

    Returns:
        The seeds and the pairs that have all of them; both empty without any common seed.
    """
    best_seeds: frozenset[int] = frozenset()
    best_pairs: tuple[Pair, ...] = ()
    for seeds in common.values():
        if not seeds:
            continue
        pairs = tuple(pair for pair, own in common.items() if own >= seeds)
        size = (len(seeds) * len(pairs), len(seeds))
        if size > (len(best_seeds) * len(best_pairs), len(best_seeds)):
            best_seeds, best_pairs = seeds, pairs
    return best_seeds, best_pairs


def _peaks(frame: pd.DataFrame) -> Evidence:
    """Return the difference of the two cells' best K on dev, in rounds, for :data:`PEAK`.

    The best K of a seed is chosen among the K that both cells have finished.
    """
    arms = [f"{cell}-{k}" for k in ROUNDS for cell in ("gru", "rnn")]
    scores = {arm: by_seed(of_arm(frame, arm), "dev_f1") for arm in arms}
    gru: dict[int, float] = {}
    rnn: dict[int, float] = {}
    for seed in sorted(set().union(*scores.values())):
        both = [k for k in ROUNDS if seed in scores[f"gru-{k}"] and seed in scores[f"rnn-{k}"]]
        if len(both) >= 2:
            # max returns the first of equal values: the smallest K, as training keeps the earliest.
            gru[seed] = max(both, key=lambda k: scores[f"gru-{k}"][seed])
            rnn[seed] = max(both, key=lambda k: scores[f"rnn-{k}"][seed])
    return Evidence(difference=paired_difference(gru, rnn), runs=_runs(frame, arms, set(gru)))


def _runs(frame: pd.DataFrame, arms: Sequence[str], seeds: Set[int]) -> tuple[str, ...]:
    return fingerprints(frame[frame["arm"].isin(arms) & frame["seed"].isin(seeds)])


def _verdict(claim: Claim, evidence: Evidence) -> Order:
    if claim is PEAK and evidence.difference.estimate.sd == 0:
        # The best K is a whole number, so a few seeds can agree by chance.
        return Order.UNDECIDED
    judged = order(evidence.by_pair if claim.each else (evidence.difference.estimate,))
    incomplete = claim.each and len(evidence.pairs) < len(claim.pairs)
    return Order.UNDECIDED if judged == Order.SUPPORTED and incomplete else judged


def _size(frame: pd.DataFrame, corpus: str, claim: Claim) -> SizeEvidence | None:
    """Compare the published mean difference with ours over the same pairs."""
    printed: dict[Pair, float] = {}
    for pair in claim.pairs:
        value = published_difference(corpus, *pair, claim.metric)
        if value is not None:
            printed[pair] = value
    found = weigh(frame, list(printed), claim.metric)
    if not found.pairs:
        return None
    values = [printed[pair] for pair in found.pairs]
    theirs, ours = sum(values) / len(values), found.difference.estimate
    sources = dict.fromkeys(
        score.source
        for pair in found.pairs
        for arm in pair
        if (score := published(corpus, arm, claim.metric))
    )
    judged: str = verdict(ours, theirs, printed_scores=2)
    if judged == Verdict.REPRODUCED and ours.low <= 0 <= ours.high:
        judged = NOT_RULED_OUT
    sizes = [(ours.sd, theirs)]
    if claim.each:
        sizes = [(pair.sd, value) for pair, value in zip(found.by_pair, values, strict=True)]
    needed = [n for sd, size in sizes if not math.isnan(n := seeds_needed(sd, size))]
    return SizeEvidence(
        published=theirs,
        sources=tuple(sources),
        ours=ours,
        verdict=judged,
        seeds_needed=max(needed, default=math.nan),
        runs=found.runs,
    )
