"""What our runs say about the paper, in sentences, for the page and ``REPRODUCTION.md``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from reports.document.formatting import interval, mean_sd
from reports.document.section import Section
from reports.document.table import Table
from reports.errors.score_tables import BY_POSITION, BY_WORD
from reports.frames.searches import SearchData
from reports.frames.select import arm_label, by_seed, of_arm
from reports.frames.studies import StudyData
from reports.paper.claim_tables import needed_text
from reports.paper.claims import PEAK, JudgedClaim, SizeEvidence, judge_claims
from reports.published.numbers import (
    ARMS,
    TABLE_1_ROWS,
    TABLE_5_ROWS,
    best_without_bert,
    published,
)
from reports.stats.intervals import Estimate, estimate, widened
from reports.stats.tests import paired_difference
from reports.stats.verdicts import Order, Verdict, verdict
from reports.tables.cells import score
from reports.tables.confirmation import ArmComparison, budgets, compare_arms, confirmed_arms
from reports.tables.experiment import reference_and_others, selection_pairs
from reports.tables.search import origins
from rin_core.plural import plural
from study.ledger.arms import START, TUNED
from study.ledger.state import TrialState

#: Number of runs behind each published mean (Table 1).
PUBLISHED_SEEDS = 5


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
    claims = judge_claims(paper.frame, paper.corpus)
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
        title=f"Findings on {found.corpus}",
        intro=(found.scores,),
        points=tuple(text for group in found.groups for text in group.points),
    )


def scores_sentence(paper: StudyData) -> str:
    """Return the verdicts on the F1 scores that the paper prints for its models."""
    judged: dict[Verdict, list[str]] = {found: [] for found in Verdict}
    uncertain = []
    for arm in dict.fromkeys(arm for arm, _ in (*TABLE_5_ROWS, *TABLE_1_ROWS) if arm in ARMS):
        printed = published(paper.corpus, arm, "f1")
        if printed is None:
            continue
        trials = of_arm(paper.frame, arm)
        label = arm_label(trials) if len(trials) else dict((*TABLE_1_ROWS, *TABLE_5_ROWS))[arm]
        ours = score(trials, "test_f1")
        found = verdict(ours, printed.value)
        judged[found].append(label)
        differs = found in (Verdict.ABOVE, Verdict.BELOW)
        equally_uncertain = widened(ours, PUBLISHED_SEEDS)
        if differs and verdict(equally_uncertain, printed.value) == Verdict.REPRODUCED:
            uncertain.append(label)
    parts = [f"{len(arms)} {found} ({', '.join(arms)})" for found, arms in judged.items() if arms]
    if not parts:
        return "The paper has no scores on this corpus."
    text = f"The paper's F1 scores: {'; '.join(parts)}."
    if uncertain:
        text += (
            f" The paper's means are over {PUBLISHED_SEEDS} runs, and their spread is not "
            f"published. If it equals ours, {len(uncertain)} more scores count as reproduced: "
            f"{', '.join(uncertain)}."
        )
    return text


def claim_sentence(found: JudgedClaim) -> str:
    """Return the verdict on a claim, our mean difference and the published one."""
    claim, evidence = found.claim, found.evidence
    difference = evidence.difference.estimate
    text = f"{claim.text} ({claim.source}): **{found.verdict}**"
    if not difference.n:
        return f"{text}."
    unit = "rounds" if claim is PEAK else "F1"
    text += f", {mean_sd(difference, '+')} {unit}{_certainty(difference)}"
    if evidence.pairs:
        holds = sum(pair.mean > 0 for pair in evidence.by_pair)
        text += f", holds in {holds} of {len(evidence.pairs)} pairs"
        if incomplete := len(claim.pairs) - len(evidence.pairs):
            text += f" ({incomplete} not finished)"
    if found.size is None:
        return f"{text}."
    return f"{text}. {_size_sentence(found.size, difference, found.verdict)}"


def _size_sentence(size: SizeEvidence, difference: Estimate, claim_verdict: Order) -> str:
    """Return the published difference with our verdict on it."""
    text = ""
    if size.ours != difference:
        text = (
            f"On the pairs with published scores: {mean_sd(size.ours, '+')}"
            f"{_certainty(size.ours)}. "
        )
    text += f"The paper's {mean_sd(estimate([size.published]), '+')}: **{size.verdict}**"
    if claim_verdict == Order.UNDECIDED and not math.isnan(size.seeds_needed):
        text += f" ({needed_text(size)} seeds needed)"
    return f"{text}."


def selection_sentences(study: StudyData) -> list[str]:
    """Return how choosing the epoch on test changes test F1, for each arm with both."""
    sentences = []
    for arm, (on_test, on_dev) in selection_pairs(study.frame).items():
        gain = paired_difference(by_seed(on_test, "test_f1"), by_seed(on_dev, "test_f1")).estimate
        if not gain.n:
            continue
        ours, printed = score(on_test, "test_f1"), published(study.corpus, arm, "f1")
        text = (
            f"{arm_label(on_dev)}: {mean_sd(ours)} with the epoch chosen on test, "
            f"{mean_sd(score(on_dev, 'test_f1'))} on dev: {mean_sd(gain, '+')}{_certainty(gain)}."
        )
        if printed:
            text += f" The paper's {printed.value:.1f}: **{verdict(ours, printed.value)}**."
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
    is_confirmation = any(arm.endswith((START, TUNED)) for arm in arms)
    if set(arms) <= ARMS or is_confirmation or selection_pairs(frame) or len(arms) < 2:
        return []
    base = by_seed(of_arm(frame, arms[0]), "test_f1")
    scores = []
    for arm in arms:
        trials = of_arm(frame, arm)
        ours = score(trials, "test_f1")
        if not ours.n:
            continue
        text = f"{arm_label(trials)} {mean_sd(ours)} ({_finished_seeds(trials)}"
        if arm != arms[0]:
            found = paired_difference(by_seed(trials, "test_f1"), base).estimate
            text += f", Δ {mean_sd(found, '+')}"
            if not math.isnan(found.low):
                text += f", 95 % CI {interval(found)}"
        scores.append(f"{text})")
    if not scores:
        return []
    name = frame["experiment"].iloc[0]
    return [f"`{name}`, test F1, and Δ from the first: {'; '.join(scores)}."]


def search_sentences(corpus: str, searches: Sequence[SearchData]) -> tuple[str, ...]:
    """Return the scores of tuned settings on fresh seeds, for each search that has them."""
    sentences = []
    for data in searches:
        known = origins(data)
        scores = []
        for label, trials in confirmed_arms(data).items():
            ours = score(trials, "test_f1")
            if ours.n:
                origin = f"; {known[label]}" if label in known else ""
                scores.append(f"{label} {mean_sd(ours)} ({_finished_seeds(trials)}{origin})")
        if scores:
            sentences.append(
                f"`{data.experiment}`, {budgets(data)} of each arm, chosen on dev. Test F1 on "
                f"fresh seeds: {'; '.join(scores)}."
            )
            sentences += [arms_sentence(found) for found in compare_arms(data)]
    if sentences and (best := best_without_bert(corpus)):
        sentences.append(f"The paper's best score without BERT: {best.value} ({best.source}).")
    return tuple(sentences)


def arms_sentence(found: ArmComparison) -> str:
    """Return how two arms compare after tuning, and with the paper's settings."""
    how = "tuned" if found.incomparable else "each tuned alike"
    text = f"{found.label}, {how}: **{found.verdict}**"
    tuned = found.tuned.estimate
    if not tuned.n:
        return f"{text}."
    return (
        f"{text}, {mean_sd(tuned, '+')}{_certainty(tuned)}. "
        f"Untuned: {mean_sd(found.untuned, '+')}{_certainty(found.untuned)}."
    )


def _certainty(found: Estimate) -> str:
    """Return the CI and the number of seeds in brackets."""
    seeds = plural(found.n, "seed")
    if not found.n:
        return ""
    return f" ({seeds})" if math.isnan(found.low) else f" (95 % CI {interval(found)}, {seeds})"


def _finished_seeds(trials: pd.DataFrame) -> str:
    done = int((trials["status"] == TrialState.FINISHED).sum())
    return f"{done} seeds" if done == len(trials) else f"{done} of {len(trials)} seeds"
