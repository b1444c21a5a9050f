"""What our runs say about the paper, in sentences, for the page and ``REPRODUCTION.md``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from reports.document.formatting import interval, mean_sd, p_value, signed
from reports.document.section import Section
from reports.document.table import Table
from reports.errors.score_tables import BY_POSITION, BY_WORD
from reports.frames.decisions import DecisionRow, study_decisions
from reports.frames.searches import SearchData
from reports.frames.select import arm_label, of_arm
from reports.frames.studies import StudyData
from reports.paper.claim_tables import size_text
from reports.paper.claims import JudgedClaim, judge_claims
from reports.published.numbers import (
    ARMS,
    PUBLISHED_SEEDS,
    TABLE_1_ROWS,
    TABLE_5_ROWS,
    best_without_bert,
    corpus_title,
    published,
)
from reports.stats.model import Difference
from reports.stats.verdicts import Judged, Word
from reports.tables.cells import against_paper, as_estimate, score
from reports.tables.comparison import judge_rows, over
from reports.tables.confirmation import (
    ArmComparison,
    budgets,
    compare_arms,
    confirmed_arms,
    judge_tuning,
)
from reports.tables.decisions import ENDPOINTS
from reports.tables.experiment import reference_and_others, selection_pairs, selection_scores
from reports.tables.search import origins
from rin_core.plural import plural
from study.ledger.arms import is_confirmation
from study.ledger.state import TrialState


@dataclass(frozen=True, slots=True)
class Group:
    """Findings about one question."""

    title: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What our runs say about the paper on one corpus."""

    corpus: str
    scores: str
    """How many of the paper's F1 scores are reproduced."""
    groups: tuple[Group, ...]
    """The claims first; groups without findings are left out."""


def corpus_findings(
    paper: StudyData,
    tables: Sequence[Table],
    studies: Sequence[StudyData],
    searches: Sequence[SearchData],
) -> Findings | None:
    """Return the findings on a corpus with finished trials; ``None`` if no claim can be judged.

    Args:
        paper: The trials behind the paper's tables on the corpus.
        tables: The paper's tables on the corpus.
        studies: The studies on the corpus.
        searches: The searches on the corpus.
    """
    claims = judge_claims(paper)
    if not claims:
        return None
    by_name = {table.name: table for table in tables}
    groups = (
        Group("The paper's claims", tuple(claim_sentence(found) for found in claims)),
        Group(
            "Choosing the epoch on test, as the authors' released program does (not a result)",
            tuple(text for study in studies for text in selection_sentences(study)),
        ),
        Group(
            "Other effects on these scores",
            (
                *matching_sentences(paper.corpus, by_name.get("errors_matching")),
                *vectors_sentences(by_name.get("errors_vectors")),
            ),
        ),
        Group(
            "Other models and settings, compared by a study",
            tuple(text for study in studies for text in comparison_sentences(study)),
        ),
        Group("Tuned settings and the paper's settings", search_sentences(paper.corpus, searches)),
    )
    return Findings(
        corpus=paper.corpus,
        scores=scores_sentence(paper),
        groups=tuple(group for group in groups if group.points),
    )


def findings_section(found: Findings) -> Section:
    """Return the findings as a section of the page."""
    return Section(
        key=f"short-{found.corpus}",
        title=f"{corpus_title(found.corpus)}: findings",
        intro=(found.scores,),
        groups=tuple((group.title, group.points) for group in found.groups),
    )


def scores_sentence(paper: StudyData) -> str:
    """Return the verdicts on the F1 scores that the paper prints for its models."""
    scores = paper.scores()
    rows = {arm: label for arm, label in (*TABLE_5_ROWS, *TABLE_1_ROWS) if arm in ARMS}
    texts = []
    judged: list[dict[Word, list[str]]] = [{word: [] for word in Word} for _ in range(2)]
    for arm, row in rows.items():
        printed = published(paper.corpus, arm, "f1")
        if printed is None:
            continue
        trials = of_arm(paper.frame, arm)
        label = arm_label(trials) if len(trials) else row
        for found, one in zip(judged, against_paper(scores, arm, printed), strict=True):
            found[one.verdict.word].append(label)
    if not any(map(any, (found.values() for found in judged))):
        return "The paper has no scores on this corpus."
    for found in judged:
        parts = []
        for word, arms in found.items():
            name = f"{word} within {scores.rule.margin:g}" if word is Word.EQUAL else str(word)
            if arms:
                parts.append(f"{len(arms)} {name} ({', '.join(arms)})")
        texts.append("; ".join(parts))
    return (
        f"Our F1 against the paper's, if its {PUBLISHED_SEEDS} runs have the same spread as ours: "
        f"{texts[0]}. With the paper's scores taken as exact: {texts[1]}."
    )


def claim_sentence(found: JudgedClaim) -> str:
    """Return the verdict on a claim, our difference and the published one."""
    claim, judged = found.claim, found.judged
    role = "primary, " if claim.is_primary else ""
    text = f"{claim.text} ({role}{claim.source}): **{judged.verdict}**"
    if found.decision is not None:
        text += decided_text(found.decision)
    elif not judged.difference.n:
        return f"{text}."
    else:
        text += f", {certainty(judged.difference)}{_p(judged)}"
    if found.pairs:
        holds = sum(pair.difference.value > 0 for pair in found.pairs)
        text += f", in the weakest of {len(found.pairs)} pairs ({holds} above 0"
        incomplete = len(claim.pairs) - len(found.pairs)
        text += f", {incomplete} not run)" if incomplete else ")"
    if found.size is None:
        return f"{text}."
    return (
        f"{text}. {size_text(found.size)}: **{found.size.against.verdict}**, and "
        f"**{found.size.against_exact.verdict}** with the paper's difference taken as exact."
    )


def decided_text(row: DecisionRow) -> str:
    """Return the estimate of a planned contrast at its last look, and which study decides it."""
    text = f", by the plan of `{row.experiment}`"
    if row.outcome is None:
        return f"{text}, before its first look"
    return (
        f", {row.estimate_text} F1 (95 % CI over all looks {row.interval_text}, {row.seeds} seeds, "
        f"{ENDPOINTS[row.endpoint]}){text}"
    )


def _p(judged: Judged) -> str:
    """Return the p that the verdict used."""
    p = judged.difference.p if math.isnan(judged.p_holm) else judged.p_holm
    return "" if math.isnan(p) else f", p {p_value(p)}"


def certainty(found: Difference) -> str:
    """Return a difference with its interval and the smallest number of seeds."""
    text = f"{signed(found.value)} F1"
    seeds = "1 seed" if found.n == 1 else f"{found.n} seeds"
    values = as_estimate(found)
    if math.isnan(values.low):
        return f"{text} ({seeds})"
    return f"{text} (95 % CI {interval(values)}, {seeds})"


def selection_sentences(study: StudyData) -> list[str]:
    """Return how choosing the epoch on test changes test F1, for each arm with both."""
    sentences, scores = [], selection_scores(study)
    for on_dev, on_test in selection_pairs(study.frame).items():
        gain = scores.difference(over(on_test, on_dev))
        if not gain.n:
            continue
        trials = {arm: of_arm(study.frame, arm) for arm in (on_dev, on_test)}
        text = (
            f"{arm_label(trials[on_dev])}: {mean_sd(score(trials[on_test], 'test_f1'))} with the "
            f"epoch chosen on test, {mean_sd(score(trials[on_dev], 'test_f1'))} on dev: "
            f"{certainty(gain)}."
        )
        if printed := published(study.corpus, on_dev, "f1"):
            noisy, exact = against_paper(scores, on_test, printed)
            text += (
                f" Against the paper's {printed.value:.1f}, chosen on test: **{noisy.verdict}**, "
                f"and **{exact.verdict}** with the paper's score taken as exact."
            )
        sentences.append(text)
    return sentences


def matching_sentences(corpus: str, table: Table | None) -> list[str]:
    """Return how F1 changes if arguments are matched by word, as HBT does."""
    if table is None:
        return []
    hbt = published(corpus, "hbt", "f1")
    rule = f"HBT does (published F1 {hbt.value})" if hbt else "HBT does"
    scores = "; ".join(
        f"{row.label} {mean_sd(row.cells[BY_POSITION].estimate)} → "
        f"{mean_sd(row.cells[BY_WORD].estimate)}"
        for row in table.rows
    )
    return [f"F1 with arguments matched by word instead of by position, as {rule}: {scores}."]


def vectors_sentences(table: Table | None) -> list[str]:
    """Return how F1 differs for triples with a word that has no pretrained vector."""
    if table is None:
        return []
    both, missing, _ = table.columns
    pairs = [(r.label, r.cells[missing].estimate, r.cells[both].estimate) for r in table.rows]
    scores = [f"{label} {mean_sd(one)} against {mean_sd(other)}" for label, one, other in pairs]
    if all(one.low > other.high for _, one, other in pairs):
        start = "Triples in which one word has no pretrained vector are easier than"
    elif all(one.high < other.low for _, one, other in pairs):
        start = "Triples in which one word has no pretrained vector are harder than"
    else:
        start = "F1 of triples in which one word has no pretrained vector, against that of"
    return [
        f"{start} triples in which both words have one: {'; '.join(scores)}. Gold triples: "
        f"{', '.join(table.columns)}."
    ]


def comparison_sentences(study: StudyData) -> list[str]:
    """Return the scores of a study of models that are not the paper's."""
    frame = study.frame
    arms = reference_and_others(frame)
    confirms = any(map(is_confirmation, arms))
    if set(arms) <= ARMS or confirms or selection_pairs(frame) or len(arms) < 2:
        return []
    scores = study.scores()
    others = [arm for arm in arms[1:] if scores.by_arm[arm]]
    rows = [over(arm, arms[0]) for arm in others]
    family = study.decisions is None  # a plan has its own correction, and other verdicts
    judged = dict(zip(others, judge_rows(scores, rows, family=family), strict=True))
    texts = []
    for arm in arms:
        trials = of_arm(frame, arm)
        ours = score(trials, scores.endpoint.column)
        if not ours.n:
            continue
        text = f"{arm_label(trials)} {mean_sd(ours)} ({_finished_seeds(trials)}"
        if arm in judged and judged[arm].difference.n:
            text += f", Δ {certainty(judged[arm].difference)}: **{judged[arm].verdict}**"
        texts.append(f"{text})")
    if not texts:
        return []
    name = frame["experiment"].iloc[0]
    sentences = [f"`{name}`, {scores.endpoint.text}, and Δ from the first: {'; '.join(texts)}."]
    if study.decisions is not None:
        sentences += [
            f"{row.text}: **{row.verdict_with_cost}**{decided_text(row)}."
            for row in study_decisions(frame, study.decisions)
        ]
    return sentences


def search_sentences(corpus: str, searches: Sequence[SearchData]) -> tuple[str, ...]:
    """Return the scores of tuned settings on fresh seeds, for each search that has them."""
    sentences = []
    for data in searches:
        known, endpoint = origins(data), data.scores().endpoint
        scores = []
        for label, trials in confirmed_arms(data, winners=True).items():
            ours = score(trials, endpoint.column)
            if ours.n:
                origin = f"; {known[label]}" if label in known else ""
                scores.append(f"{label} {mean_sd(ours)} ({_finished_seeds(trials)}{origin})")
        if scores:
            sentences.append(
                f"`{data.experiment}`, {budgets(data)} of each arm, chosen on dev. On fresh seeds, "
                f"{endpoint.text}: {'; '.join(scores)}."
            )
            sentences += [
                f"{data.arms[arm]}, tuned over {data.initial_settings}: **{judged.verdict}**, "
                f"{certainty(judged.difference)}{_p(judged)}."
                for arm, judged in judge_tuning(data).items()
                if judged.difference.n
            ]
            sentences += [arms_sentence(found) for found in compare_arms(data)]
    if sentences and (best := best_without_bert(corpus)):
        sentences.append(f"The paper's best score without BERT: {best.value} ({best.source}).")
    return tuple(sentences)


def arms_sentence(found: ArmComparison) -> str:
    """Return how two arms compare after tuning, and with the initial settings."""
    how = "tuned" if found.incomparable else "each tuned alike"
    text = f"{found.label}, {how}: **{found.verdict}**"
    if not found.tuned.difference.n:
        return f"{text}."
    text += f", {certainty(found.tuned.difference)}{_p(found.tuned)}."
    return f"{text} Untuned: {certainty(found.untuned)}." if found.untuned.n else text


def _finished_seeds(trials: pd.DataFrame) -> str:
    done = int((trials["status"] == TrialState.FINISHED).sum())
    every = plural(len(trials), "seed")
    return every if done == len(trials) else f"{done} of {every}"
