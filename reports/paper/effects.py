"""The effects that answer a reader's questions, with their verdicts, for the first screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reports.frames.decisions import study_decisions
from reports.frames.learning_curves import learning_curves, steps
from reports.frames.scores import AVERAGED, Scores, Weights
from reports.frames.searches import SearchData
from reports.frames.select import arm_label, of_arm
from reports.frames.settings import settings_name
from reports.frames.studies import StudyData
from reports.frames.trials import settings_of
from reports.paper.claims import judge_claims
from reports.stats.contrasts import FULL_MODEL, NO_INTERACTION, PRIMARY
from reports.stats.intervals import Estimate, estimate_score
from reports.stats.verdicts import Judged, Verdict, Word
from reports.tables.cells import as_estimate, published_difference
from reports.tables.comparison import judge_rows, over
from reports.tables.confirmation import budgets, compare_arms, judge_tuning, tuning_weights
from reports.tables.experiment import reference_and_others
from study.ledger.arms import searched_arm

#: The effect of one round, at given and at tuned settings.
ONE_ROUND, ONE_ROUND_TUNED = "one-round", "one-round-tuned"
#: The effect of the last training sentences.
SENTENCES = "sentences"
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
    """A difference on one corpus, under one settings value."""

    key: str
    """The question; where it has several answers on a corpus, a space and which one this is."""
    label: str
    corpus: str
    settings: str
    """Under which it was measured, in words."""
    by_average: bool = False
    """Whether averaged weights are compared, and not the selected epoch."""
    found: Estimate
    """The difference with its interval, in points."""
    verdict: Verdict
    published: float | None = None
    runs: tuple[str, ...] = ()
    """Fingerprints of the runs behind it."""
    detail: str = ""
    """Scores of both sides, in words."""
    judged: Judged | None = None
    """The test behind the verdict, of a difference of two arms."""
    sides: tuple[Estimate, ...] = ()
    """The scores of these arms, in the order of the difference."""

    @property
    def question(self) -> str:
        """Return what it answers: the same on every corpus and under all settings."""
        return self.key.partition(" ")[0]

    @property
    def how(self) -> str:
        """Name the settings, and the endpoint if it is not the paper's."""
        return f"{self.settings}, averaged weights" if self.by_average else self.settings


def corpus_effects(
    paper: StudyData | None, studies: Sequence[StudyData], searches: Sequence[SearchData]
) -> list[Effect]:
    """Return the effects on one corpus that were run.

    Args:
        paper: The runs behind the paper's tables; ``None`` for a corpus without them.
        studies: The studies on the corpus, the last updated first.
        searches: The searches on the corpus.
    """
    # Before the first look at its plan, a study has few runs of each arm, and not the same number.
    studies = [study for study in studies if study.decisions is None or study.decisions.has_looked]
    found: list[Effect] = []
    if paper is not None:
        found = [*_one_round(paper), *_claims(paper)]
    elif studies:
        # Shares of the sentences are compared step by step, beside the last other study.
        last = min(studies, key=lambda study: bool(learning_curves(study.frame)))
        found = [*_one_round(last), *_contrasts(last)]
        if not (found or learning_curves(last.frame)):
            found = _over_reference(last)
    under_others = _under_other_settings(found, studies)
    tuned = [effect for search in searches for effect in _tuned(search)]
    several = [search for search in searches if len(search.arms) > 1] or list(searches)
    tuning = [effect for search in several[:1] for effect in _tuning(search)]
    sentences = _more_sentences(studies)
    every = [*found[:1], *under_others, *tuned, *found[1:], *tuning, *sentences]
    return [effect for effect in every if effect.found.n]


def _one_round(study: StudyData) -> list[Effect]:
    """Return the difference of one round of interaction, if both arms were run."""
    scores = study.scores()
    weights = over(FULL_MODEL, NO_INTERACTION)
    if any(not scores.by_arm.get(arm) for arm in weights):
        return []
    (judged,) = judge_rows(scores, [weights], family=False)
    judged = replace(judged, verdict=_unless_planned(study, judged.verdict))
    return [
        Effect(
            key=ONE_ROUND,
            label="One round over none",
            corpus=study.corpus,
            settings=_settings(study),
            by_average=scores.endpoint is AVERAGED,
            found=as_estimate(judged.difference),
            verdict=judged.verdict,
            published=published_difference(study.corpus, FULL_MODEL, NO_INTERACTION),
            runs=scores.fingerprints(weights),
            detail=_detail(study, scores, weights),
            judged=judged,
            sides=_sides(scores, weights),
        )
    ]


def _unless_planned(study: StudyData, verdict: Verdict) -> Verdict:
    """Return a verdict at a fixed level, or none for a study with a plan.

    Such a study stops by its scores, so a test at a fixed level would err too often.
    """
    return verdict if study.decisions is None else Verdict(Word.NO_VERDICT, study.rule.margin)


def _under_other_settings(found: Sequence[Effect], studies: Sequence[StudyData]) -> list[Effect]:
    """Return the effects of one round in studies under other settings than the effects found."""
    names = {effect.settings for effect in found if effect.question == ONE_ROUND}
    others = []
    for effect in (effect for study in studies for effect in _one_round(study)):
        if (name := effect.settings) not in names:
            names.add(name)
            others.append(replace(effect, key=f"{ONE_ROUND} {name}"))
    return others


def _settings(study: StudyData) -> str:
    return settings_name(study.corpus, settings_of(study.frame)[0])


def _sides(scores: Scores, weights: Weights) -> tuple[Estimate, ...]:
    return tuple(estimate_score(scores.by_arm[arm]) for arm in weights)


def _detail(study: StudyData, scores: Scores, weights: Weights) -> str:
    """Return the means of two arms with their labels."""
    return " against ".join(
        f"{side.mean:.1f} ({arm_label(of_arm(study.frame, arm))})"
        for arm, side in zip(weights, _sides(scores, weights), strict=True)
    )


def _claims(paper: StudyData) -> list[Effect]:
    """Return the primary contrasts, and the effect on entities."""
    return [
        Effect(
            key=claim.claim.key,
            label=_LABELS[claim.claim.key],
            corpus=paper.corpus,
            settings=_settings(paper),
            by_average=claim.endpoint is AVERAGED,
            found=claim.estimate,
            verdict=claim.judged.verdict,
            published=claim.size.published if claim.size else None,
            runs=claim.runs,
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
                settings=_settings(study),
                by_average=row.endpoint is AVERAGED,
                found=row.estimate,
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
            settings=_settings(study),
            by_average=scores.endpoint is AVERAGED,
            found=as_estimate(one.difference),
            verdict=one.verdict,
            runs=scores.fingerprints(weights[key]),
        )
        for key, one in zip(weights, judged, strict=True)
    ]


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
            settings=_settings(study),
            by_average=scores.endpoint is AVERAGED,
            found=as_estimate(judged.difference),
            verdict=judged.verdict,
            runs=scores.fingerprints(weights),
            detail=_detail(study, scores, weights),
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
        sides = _sides(scores, found.weights)
        means = " against ".join(f"{side.mean:.1f}" for side in sides)
        effects.append(
            Effect(
                key=key,
                label=label,
                corpus=search.corpus,
                settings=f"each tuned with {budgets(search)}",
                by_average=scores.endpoint is AVERAGED,
                found=as_estimate(found.tuned.difference),
                verdict=found.tuned.verdict,
                runs=scores.fingerprints(found.weights),
                detail=f"{means}, {budgets(search)} for each",
                judged=found.tuned,
                sides=sides,
            )
        )
    return effects


def _more_sentences(studies: Sequence[StudyData]) -> list[Effect]:
    """Return the last step of each learning curve on a corpus."""
    found: dict[str, Effect] = {}
    for study in studies:
        name = str(study.frame["experiment"].iloc[0])
        for effect in _last_steps(study):
            if effect.key not in found:
                found[effect.key] = effect
            elif effect.runs != found[effect.key].runs:  # such as under other settings
                key = f"{effect.key} {name}"
                found[key] = replace(effect, key=key, label=f"{effect.label}, {name}")
    return list(found.values())


def _last_steps(study: StudyData) -> list[Effect]:
    every = steps(learning_curves(study.frame))
    if not every:
        return []
    scores = study.scores()
    weights = [over(step.larger, step.smaller) for step in every]
    judged = judge_rows(scores, weights, family=True)
    return [
        Effect(
            key=f"{SENTENCES} {step.smaller} {step.larger}",
            label=f"{step.curve.label}: {step.text}",
            corpus=study.corpus,
            settings=_settings(study),
            by_average=scores.endpoint is AVERAGED,
            found=as_estimate(one.difference),
            verdict=_unless_planned(study, one.verdict),
            runs=scores.fingerprints(own),
        )
        for step, own, one in zip(every, weights, judged, strict=True)
        if step.larger == step.curve.arms[-1]
    ]


def _rounds_of(search: SearchData) -> dict[str, int]:
    """Return K of each arm, as its confirmed runs have it."""
    if search.confirmed is None:
        return {}
    arms = search.confirmed["arm"].map(searched_arm)
    return {str(arm): int(own["rounds"].iloc[0]) for arm, own in search.confirmed.groupby(arms)}


def _tuning(search: SearchData) -> list[Effect]:
    """Return what tuned settings bring over those where the search started."""
    scores, weights, rounds = search.scores(), tuning_weights(search), _rounds_of(search)
    return [
        Effect(
            key=f"tuning {arm}",
            label=f"Tuning, K = {rounds[arm]}" if arm in rounds else f"Tuning, {search.arms[arm]}",
            corpus=search.corpus,
            settings="tuned",
            found=as_estimate(judged.difference),
            verdict=judged.verdict,
            runs=scores.fingerprints(weights[arm]),
        )
        for arm, judged in judge_tuning(search).items()
    ]
