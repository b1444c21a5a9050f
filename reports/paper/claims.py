"""The paper's claims as contrasts of arms, and what our runs say.

Five contrasts are primary (:mod:`reports.stats.contrasts`). They are judged together, with Holm's
correction. The other claims are descriptive, each by itself. A claim that is made of each of
several pairs is judged by the pair with the smallest difference: it holds only if every pair holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import pandas as pd

from reports.frames.decisions import DecisionRow
from reports.frames.encoders import EncoderRuns
from reports.frames.scores import (
    ENTITIES,
    Endpoint,
    Scores,
    Weights,
    arm_scores,
    primary_endpoint,
)
from reports.frames.studies import StudyData
from reports.published.numbers import ROUNDS, published
from reports.stats.contrasts import (
    BASELINES,
    FULL_MODEL,
    NO_INTERACTION,
    PRIMARY,
    interaction,
    rounds_by_cell,
    slope,
)
from reports.stats.intervals import Estimate
from reports.stats.model import against
from reports.stats.verdicts import Judged, Word, judge_alone
from reports.tables.cells import as_estimate, spread_of
from reports.tables.comparison import judge_rows, over

INPUTS = ("no-relation-input", "no-entity-input", "no-shared-input")
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim of the paper's text, or a question of ours about it."""

    key: str
    text: str
    source: str
    """Section of the paper; the corpus where it is not both."""
    weigh: Callable[[Collection[str]], Weights] | None = None
    """The weights of the arms, given those that have runs; ``None`` for a claim of pairs."""
    pairs: tuple[Pair, ...] = ()
    """Pairs of arms; the first of each is claimed to score higher."""
    of_encoder: tuple[int, int | None] | None = None
    """For a claim about pretrained encoders: the K that is claimed to score higher, and the K that
    it is compared with; ``None`` is the full model over a BiLSTM."""
    endpoint: Endpoint | None = None
    """Of its verdict; that of the runs if ``None``."""
    is_primary: bool = False


_SOURCES = {
    "interaction": "§5.2, §5.3",
    "rounds": "§5.2",
    "cell": "§5.3",
    "parts": "§5.4",
    "capacity": "our question",
}


def _steeper(arms: Collection[str]) -> Weights:
    """Return the slope in K of the GRU minus that of the RNN."""
    gru, rnn = (slope({cell: rounds_by_cell(arms).get(cell, {})}) for cell in ("gru", "rnn"))
    return gru | {arm: -weight for arm, weight in rnn.items()} if gru and rnn else {}


CLAIMS = (
    *(
        Claim(
            key=contrast.key,
            text=contrast.text,
            source=_SOURCES[contrast.key],
            weigh=contrast.weigh,
            is_primary=True,
        )
        for contrast in PRIMARY
    ),
    Claim(
        key="entities",
        text="Interaction (K ≥ 1) over none, in entity F1",
        source="§5.3, NYT",
        weigh=interaction,
        endpoint=ENTITIES,
    ),
    Claim(
        key="peak",
        text="The GRU gains more from rounds than the RNN: difference of their slopes",
        source="§5.3",
        weigh=_steeper,
    ),
    Claim(
        key="inputs",
        text="ŷ, ȳ and H each help the interaction",
        source="§5.4, NYT",
        pairs=tuple((FULL_MODEL, without) for without in INPUTS),
    ),
    Claim(
        key="partial",
        text="Interaction without one of ŷ, ȳ and H still beats no interaction",
        source="§5.4, NYT",
        pairs=tuple((without, NO_INTERACTION) for without in INPUTS),
    ),
    Claim(
        key="pivotal",
        text="ŷ and ȳ matter more than H",
        source="§5.4, NYT",
        pairs=tuple((INPUTS[2], without) for without in INPUTS[:2]),
    ),
    Claim(
        key="linear",
        text="Linear maps in place of the interaction are worse than no interaction",
        source="§5.4",
        pairs=((FULL_MODEL, "linear"), (NO_INTERACTION, "linear")),
    ),
    Claim(
        key="encoder",
        text="A pretrained encoder helps",
        source="§5.2",
        of_encoder=(1, None),
    ),
    Claim(
        key="encoder-rounds",
        text="A second round helps with a pretrained encoder",
        source="§5.2",
        of_encoder=(2, 1),
    ),
)
#: Pairs that the tables show beside those of the claims.
PAIRS = (
    *((FULL_MODEL, base) for base in BASELINES),
    ("gru-3", FULL_MODEL),
    ("gru-5", FULL_MODEL),
    *((f"gru-{k}", f"rnn-{k}") for k in ROUNDS),
    *(pair for claim in CLAIMS for pair in claim.pairs),
)

#: A built-in corpus for trying out the program; its results support no claim.
DEMO = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A published difference, and ours over the same arms."""

    published: float
    """In points."""
    sources: tuple[str, ...]
    """Tables and rows of the published scores."""
    weights: Weights
    ours: Judged
    """Our difference, judged against 0."""
    against: Judged
    """Ours minus the published one, which is assumed to have the same spread."""
    against_exact: Judged
    """The same with the published difference taken as exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedClaim:
    """A claim with what our runs say about it."""

    claim: Claim
    scores: Scores
    weights: Weights
    """Of the contrast that is judged; of a claim of pairs, the weakest pair. May be empty."""
    judged: Judged
    pairs: tuple[Judged, ...]
    """The pairs that were run."""
    size: Size | None
    """``None`` if nothing comparable is published or run."""
    decision: DecisionRow | None = None
    """By a study's plan, if one decides it. The verdict of ``judged`` is then that of the plan."""

    @property
    def endpoint(self) -> Endpoint:
        """Return what the verdict is on."""
        return self.scores.endpoint if self.decision is None else self.decision.endpoint

    @property
    def estimate(self) -> Estimate:
        """Return the difference that the verdict is on, with its interval."""
        if self.decision is not None:
            return self.decision.estimate
        return as_estimate(self.judged.difference)

    @property
    def runs(self) -> tuple[str, ...]:
        """Return the fingerprints of the runs behind the verdict."""
        if self.decision is not None:
            return self.decision.runs
        return self.scores.fingerprints(arm for arm, weight in self.weights.items() if weight)


def judge_claims(study: StudyData) -> list[JudgedClaim]:
    """Judge the claims on one corpus.

    Args:
        study: The trials on the corpus under one settings value. On a corpus that the paper does
            not use, only claims with finished runs are returned.
    """
    if study.corpus == DEMO:
        return []
    scores = {endpoint: study.scores(endpoint) for endpoint in (None, ENTITIES)}
    primary = [claim for claim in CLAIMS if claim.is_primary]
    weights = {claim.key: _weights(claim, scores[claim.endpoint]) for claim in CLAIMS}
    together = judge_rows(scores[None], [weights[c.key] for c in primary], family=True)
    judged = dict(zip((claim.key for claim in primary), together, strict=True))
    for key, row in study.planned.items():
        judged[key] = replace(judged[key], verdict=row.verdict_with_cost)
    found = []
    for claim in CLAIMS:
        if claim.of_encoder is not None and study.encoders:
            found += [_of_encoder(claim, study, runs) for runs in study.encoders]
            continue
        own = scores[claim.endpoint]
        if claim.key not in judged:
            (judged[claim.key],) = judge_rows(own, [weights[claim.key]], family=False)
        one = JudgedClaim(
            claim=claim,
            scores=own,
            weights=weights[claim.key],
            judged=judged[claim.key],
            pairs=tuple(judge_rows(own, _run_pairs(claim, own), family=False)),
            size=_size(study.corpus, own, claim, weights[claim.key]),
            decision=study.planned.get(claim.key),
        )
        found.append(one)
    if published(study.corpus, FULL_MODEL, "f1") is not None:
        return found
    return [one for one in found if one.judged.verdict.word is not Word.NOT_RUN]


def _of_encoder(claim: Claim, study: StudyData, runs: EncoderRuns) -> JudgedClaim:
    """Judge a claim about pretrained encoders by the runs over one of them.

    Rounds over an encoder are compared on the endpoint that its runs were made for. An encoder and
    a BiLSTM are compared on one that both have.
    """
    assert claim.of_encoder is not None
    rounds, base = claim.of_encoder
    if base is None:
        frame, arm = pd.concat([study.frame, runs.frame]), FULL_MODEL
        pool = None if study.pool is None else pd.concat([study.pool, runs.frame])
        # Only the arms that are compared decide the endpoint.
        pair = frame[frame["arm"].isin([arm, runs.arm(rounds)])]
        scores = arm_scores(frame, primary_endpoint(pair), pool, study.rule)
    else:
        scores, arm = arm_scores(runs.frame, rule=study.rule), runs.arm(base)
    weights = over(runs.arm(rounds), arm)
    if not all(scores.by_arm.get(name) for name in weights):
        weights = {}
    (judged,) = judge_rows(scores, [weights], family=False)
    return JudgedClaim(
        claim=replace(
            claim, key=f"{claim.key}/{runs.arm(rounds)}", text=f"{claim.text}: {runs.title}"
        ),
        scores=scores,
        weights=weights,
        judged=judged,
        pairs=(),
        size=_size(study.corpus, scores, claim, weights),
    )


def _weights(claim: Claim, scores: Scores) -> Weights:
    """Return the contrast that a claim is judged by, of the arms that have runs.

    An arm with one run would leave all others without an interval, so it waits for its second.
    """
    if claim.weigh is not None:
        several, any_run = (_with_runs(scores, count) for count in (2, 1))
        return claim.weigh(several) or claim.weigh(any_run)
    pairs = _run_pairs(claim, scores)
    return min(pairs, key=lambda weights: scores.difference(weights).value, default={})


def _with_runs(scores: Scores, count: int) -> list[str]:
    return [arm for arm, own in scores.by_arm.items() if len(own) >= count]


def _run_pairs(claim: Claim, scores: Scores) -> list[Weights]:
    several, any_run = (
        [over(*pair) for pair in claim.pairs if set(pair) <= set(_with_runs(scores, count))]
        for count in (2, 1)
    )
    return several or any_run


def _size(corpus: str, scores: Scores, claim: Claim, weights: Weights) -> Size | None:
    """Compare the published difference with ours over the arms that have both."""
    metric = scores.endpoint.metric
    printed = {
        arm: score for arm in scores.by_arm if (score := published(corpus, arm, metric)) is not None
    }
    if claim.weigh is not None:
        weights = claim.weigh([arm for arm in _with_runs(scores, 2) if arm in printed])
    used = {arm: weight for arm, weight in weights.items() if weight}
    if not used or any(arm not in printed for arm in used):
        return None
    theirs = sum(weight * printed[arm].value for arm, weight in used.items())
    ours, hours = scores.difference(used), scores.cost(used)
    spread = [spread_of(printed[arm], term) for arm, term in zip(used, ours.terms, strict=True)]
    return Size(
        published=theirs,
        sources=tuple(dict.fromkeys(printed[arm].source for arm in used)),
        weights=used,
        ours=judge_alone(ours, scores.rule, hours),
        against=judge_alone(against(ours, theirs, spread), scores.rule, hours),
        against_exact=judge_alone(against(ours, theirs), scores.rule, hours),
    )
