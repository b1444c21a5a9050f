"""The effects that answer a reader's questions, with their verdicts, for the first screen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean

import pandas as pd

from reports.frames.decisions import DecisionRow, study_decisions
from reports.frames.scores import Scores, Weights
from reports.frames.searches import SearchData
from reports.frames.select import arm_label, of_arm
from reports.frames.studies import StudyData
from reports.paper.claims import judge_claims
from reports.stats.contrasts import FULL_MODEL, PRIMARY
from reports.stats.intervals import NOTHING, Estimate
from reports.stats.verdicts import Verdict, Word
from reports.tables.cells import as_estimate, published_difference
from reports.tables.comparison import judge_rows, over
from reports.tables.confirmation import budgets, compare_arms, judge_tuning
from reports.tables.experiment import reference_and_others

NO_INTERACTION = "bilstm-s"
#: Keys of the effect of one round, at given and at tuned settings.
ONE_ROUND, ONE_ROUND_TUNED = "one-round", "one-round-tuned"
#: Most comparisons of a study without the paper's arms that the first screen shows.
MOST = 8
_LABELS = {
    "interaction": "Interaction (any K) over none",
    "rounds": "Four more rounds (slope in K)",
    "cell": "GRU over RNN",
    "parts": "Full model over its ablations",
    "capacity": "Interaction, equal parameters",
    "entities": "Interaction, in entity F1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A difference on one corpus."""

    key: str
    """The same for the same question on every corpus."""
    label: str
    corpus: str
    found: Estimate
    """The difference with its interval, in points."""
    verdict: Verdict
    published: float | None = None
    runs: tuple[str, ...] = ()
    """Fingerprints of the runs behind it."""
    detail: str = ""
    """Scores of both sides, in words."""
    se: float = math.nan
    """Standard error of the difference; NaN for effects that are not pooled."""


def corpus_effects(
    paper: StudyData | None, studies: Sequence[StudyData], searches: Sequence[SearchData]
) -> list[Effect]:
    """Return the effects on one corpus that were run.

    Args:
        paper: The runs behind the paper's tables; ``None`` for a corpus without them.
        studies: The studies on the corpus, the last updated first.
        searches: The searches on the corpus.
    """
    found: list[Effect] = []
    if paper is not None:
        found = [*_one_round(paper), *_claims(paper)]
    elif studies:
        found = [*_one_round(studies[0]), *_contrasts(studies[0])]
        found = found or _over_reference(studies[0])
    tuned = [effect for search in searches for effect in _tuned(search)]
    several = [search for search in searches if len(search.arms) > 1] or list(searches)
    tuning = [effect for search in several[:1] for effect in _tuning(search)]
    every = [*found[:1], *tuned, *found[1:], *tuning]
    return [effect for effect in every if effect.found.n]


def _one_round(study: StudyData) -> list[Effect]:
    """Return the difference of one round of interaction, if both arms were run."""
    scores = study.scores()
    weights = over(FULL_MODEL, NO_INTERACTION)
    if any(not scores.by_arm.get(arm) for arm in weights):
        return []
    (judged,) = judge_rows(scores, [weights], family=False)
    # A study with a plan stops by its scores, so a test at a fixed level would err too often.
    is_planned = study.decisions is not None
    no_verdict = Verdict(Word.NO_VERDICT, scores.rule.margin)
    return [
        Effect(
            key=ONE_ROUND,
            label="One round over none",
            corpus=study.corpus,
            found=as_estimate(judged.difference),
            verdict=no_verdict if is_planned else judged.verdict,
            published=published_difference(study.corpus, FULL_MODEL, NO_INTERACTION),
            runs=scores.fingerprints(weights),
            detail=_sides(study.frame, weights, scores),
            se=judged.difference.se,
        )
    ]


def _sides(frame: pd.DataFrame, weights: Weights, scores: Scores) -> str:
    """Return the means of two arms with their labels."""
    return " against ".join(
        f"{mean(scores.by_arm[arm]):.1f} ({arm_label(of_arm(frame, arm))})" for arm in weights
    )


def _claims(paper: StudyData) -> list[Effect]:
    """Return the primary contrasts, and the effect on entities."""
    return [
        Effect(
            key=claim.claim.key,
            label=_LABELS[claim.claim.key],
            corpus=paper.corpus,
            found=as_estimate(claim.judged.difference)
            if claim.decision is None
            else _planned(claim.decision),
            verdict=claim.judged.verdict,
            published=claim.size.published if claim.size else None,
            runs=claim.scores.fingerprints(claim.weights)
            if claim.decision is None
            else claim.decision.runs,
        )
        for claim in judge_claims(paper)
        if claim.claim.key in _LABELS
    ]


def _contrasts(study: StudyData) -> list[Effect]:
    """Return the primary contrasts on a corpus that is not the paper's."""
    if study.decisions is not None:
        return [
            Effect(
                key=row.key,
                label=_LABELS[row.key],
                corpus=study.corpus,
                found=_planned(row),
                verdict=row.verdict_with_cost,
                runs=row.runs,
            )
            for row in study_decisions(study.frame, study.decisions)
            if row.outcome is not None
        ]
    scores = study.scores()
    run = [arm for arm, own in scores.by_arm.items() if own]
    weights = {contrast.key: contrast.weigh(run) for contrast in PRIMARY}
    weights = {key: own for key, own in weights.items() if own}
    judged = judge_rows(scores, list(weights.values()), family=True)
    return [
        Effect(
            key=key,
            label=_LABELS[key],
            corpus=study.corpus,
            found=as_estimate(one.difference),
            verdict=one.verdict,
            runs=scores.fingerprints(weights[key]),
        )
        for key, one in zip(weights, judged, strict=True)
    ]


def _planned(row: DecisionRow) -> Estimate:
    """Return the estimate of a planned contrast at its last look."""
    found = row.interval
    if math.isnan(found.mean) and row.outcome is not None:
        return replace(found, mean=row.outcome.estimate)
    return found if row.outcome is not None else NOTHING


def _over_reference(study: StudyData) -> list[Effect]:
    """Return the difference of each arm from the reference, for a comparison of other models."""
    scores = study.scores()
    reference, *others = reference_and_others(study.frame)
    others = [arm for arm in others if scores.by_arm[arm]]
    if not scores.by_arm[reference]:
        return []
    rows = [over(arm, reference) for arm in others]
    base = arm_label(of_arm(study.frame, reference))
    return [
        Effect(
            key=arm,
            label=f"{arm_label(of_arm(study.frame, arm))} over {base}",
            corpus=study.corpus,
            found=as_estimate(judged.difference),
            verdict=judged.verdict,
            runs=scores.fingerprints(weights),
            detail=_sides(study.frame, weights, scores),
        )
        for arm, weights, judged in zip(
            others[:MOST], rows, judge_rows(scores, rows, family=True), strict=False
        )
    ]


def _tuned(search: SearchData) -> list[Effect]:
    """Return the differences between arms that were tuned alike."""
    scores, effects = search.scores(), []
    rounds = _rounds_of(search)
    for found in compare_arms(search):
        if found.incomparable is not None:
            continue
        later, earlier = (rounds.get(arm, -1) for arm in found.key.split("/"))
        label, key = f"{found.label}, each tuned", f"tuned {found.key}"
        if (later, earlier) == (1, 0):
            label, key = "One round over none, each tuned", ONE_ROUND_TUNED
        effects.append(
            Effect(
                key=key,
                label=label,
                corpus=search.corpus,
                found=as_estimate(found.tuned.difference),
                verdict=found.tuned.verdict,
                runs=scores.fingerprints(found.weights),
                detail=f"{_against(scores, found.weights)}, {budgets(search)} for each",
                se=found.tuned.difference.se,
            )
        )
    return effects


def _against(scores: Scores, weights: Weights) -> str:
    return " against ".join(f"{mean(scores.by_arm[arm]):.1f}" for arm in weights)


def _rounds_of(search: SearchData) -> dict[str, int]:
    """Return K of each arm, as its confirmed runs have it."""
    if search.confirmed is None:
        return {}
    return {
        arm: int(own["rounds"].iloc[0])
        for arm in search.arms
        if len(own := search.confirmed[search.confirmed["arm"].str.startswith(f"{arm}-")])
    }


def _tuning(search: SearchData) -> list[Effect]:
    """Return what tuned settings bring over those where the search started."""
    scores, effects = search.scores(), []
    for arm, judged in judge_tuning(search).items():
        rounds = _rounds_of(search).get(arm)
        name = search.arms[arm] if rounds is None else f"K = {rounds}"
        effects.append(
            Effect(
                key=f"tuning {arm}",
                label=f"Tuning, {name}",
                corpus=search.corpus,
                found=as_estimate(judged.difference),
                verdict=judged.verdict,
                runs=tuple(scores.fingerprints(scores.by_arm)),
            )
        )
    return effects
