"""What our runs say about the paper, in short tables for ``REPRODUCTION.md``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reports.document.table import NO_CELL, Cell, Row, Table, words
from reports.frames.searches import SearchData
from reports.frames.select import arm_label, of_arm
from reports.frames.studies import StudyData
from reports.paper.claim_tables import claims_summary
from reports.published.numbers import (
    ARMS,
    PUBLISHED_SEEDS,
    TABLE_1_ROWS,
    TABLE_5_ROWS,
    best_without_bert,
    published,
)
from reports.stats.verdicts import Word
from reports.tables.cells import (
    against_paper,
    as_estimate,
    mean_cell,
    score_cell,
    seeds_cell,
)
from reports.tables.comparison import ANSWER, comparison_cells, judge_rows, over
from reports.tables.confirmation import (
    budgets,
    compare_arms,
    confirmed_arms,
    judge_tuning,
    tuning_weights,
)
from reports.tables.experiment import reference_and_others, selection_pairs
from reports.tables.search import origins
from study.ledger.arms import is_confirmation


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What our runs say about the paper on one corpus."""

    corpus: str
    scores: str
    """How many of the paper's F1 scores are reproduced."""
    tables: tuple[Table, ...]
    """The claims first. Other models and tuned settings follow, if there are any."""


def corpus_findings(
    paper: StudyData, studies: Sequence[StudyData], searches: Sequence[SearchData]
) -> Findings | None:
    """Return the findings on a corpus with finished trials; ``None`` if no claim can be judged.

    Args:
        paper: The trials behind the paper's tables on the corpus.
        studies: The studies on the corpus.
        searches: The searches on the corpus.
    """
    claims = claims_summary(paper)
    if claims is None:
        return None
    tables = (claims, models_summary(studies), tuning_summary(paper.corpus, searches))
    return Findings(
        corpus=paper.corpus,
        scores=scores_sentence(paper),
        tables=tuple(table for table in tables if table is not None and table.rows),
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
        f"{texts[0]}. With the paper's scores taken as exact: {texts[1]}. Each score is tested by "
        "itself, without correction."
    )


def models_summary(studies: Sequence[StudyData]) -> Table:
    """Return the scores of models that are not the paper's, each beside its study's first arm."""
    return Table(
        name="models_summary",
        title="Other models and settings",
        head="Model",
        rows=tuple(row for study in studies for row in _model_rows(study)),
        notes=(
            "Δ is the difference from the first model of the study, which has no verdict. Each "
            "verdict is corrected for all rows of its study. A study with a plan has its verdicts "
            "in its table *Decisions*.",
        ),
    )


def _model_rows(study: StudyData) -> list[Row]:
    """Return a row for each arm with runs; none for the paper's arms and those of a search."""
    frame = study.frame
    arms = reference_and_others(frame)
    confirms = any(map(is_confirmation, arms))
    if set(arms) <= ARMS or confirms or selection_pairs(frame) or len(arms) < 2:
        return []
    scores = study.scores()
    others = [arm for arm in arms[1:] if scores.by_arm[arm]]
    weights = [over(arm, arms[0]) for arm in others]
    family = study.decisions is None  # a plan has its own correction, and other verdicts
    judged = dict(zip(others, judge_rows(scores, weights, family=family), strict=True))
    name = str(frame["experiment"].iloc[0])
    rows = []
    for arm in arms:
        if not scores.by_arm.get(arm):
            continue
        trials = of_arm(frame, arm)
        short = dict.fromkeys(ANSWER, NO_CELL)
        if arm in judged:
            cells = comparison_cells(scores, over(arm, arms[0]), judged[arm])
            short = {column: cells[column] for column in ANSWER}
            short["Verdict"] = short["Verdict"] if family else NO_CELL
        cells = {
            "Verdict": short["Verdict"],
            "F1": score_cell(trials, scores.endpoint.column),
            "Seeds": seeds_cell(trials),
            **short,
            "Study": words(f"`{name}`"),
            "Endpoint": words(scores.endpoint.text),
        }
        rows.append(Row(key=f"{name}/{arm}", label=arm_label(trials), cells=cells))
    return rows


def tuning_summary(corpus: str, searches: Sequence[SearchData]) -> Table:
    """Return what tuning brought on fresh seeds, and how tuned arms compare, for each search."""
    found = [(data, rows) for data in searches if (rows := _tuning_rows(data))]
    notes = [_origins_note(data) for data, _ in found]
    if best := best_without_bert(corpus):
        notes.append(f"The paper's best score without BERT: {best.value} ({best.source}).")
    return Table(
        name="tuning_summary",
        title="Tuned settings",
        head="Comparison, on fresh seeds",
        rows=tuple(row for _, rows in found for row in rows),
        notes=tuple(notes),
    )


def _tuning_rows(data: SearchData) -> list[Row]:
    """Return each arm over its start, then each arm over the others."""
    scores, rows = data.scores(), []
    weights = tuning_weights(data)
    for arm, judged in judge_tuning(data).items():
        if not judged.difference.n:
            continue
        cells = comparison_cells(scores, weights[arm], judged)
        label = f"{data.arms[arm]}, tuned, over {data.initial_settings}"
        rows.append(_tuning_row(data, arm, label, cells, NO_CELL))
    for found in compare_arms(data):
        if not found.tuned.difference.n:
            continue
        runs = scores.fingerprints(found.untuned_weights)
        untuned = mean_cell(as_estimate(found.untuned), runs, sign="+")
        cells = comparison_cells(scores, found.weights, found.tuned)
        cells["Verdict"] = replace(cells["Verdict"], text=found.verdict)
        how = "both tuned" if found.incomparable else "both tuned with the same number of trials"
        rows.append(_tuning_row(data, found.key, f"{found.label}, {how}", cells, untuned))
    return rows


def _tuning_row(
    data: SearchData, key: str, label: str, cells: dict[str, Cell], untuned: Cell
) -> Row:
    short = {column: cells[column] for column in (*ANSWER, "p")}
    study = words(f"`{data.experiment}`")
    own = {**short, "Δ F1, untuned": untuned, "Search": study}
    return Row(key=f"{data.experiment}/{key}", label=label, cells=own)


def _origins_note(data: SearchData) -> str:
    """Return how many trials a search had, and which of them the tuned settings are from."""
    known = origins(data)
    winners = (label for label in confirmed_arms(data, winners=True) if label in known)
    listed = "; ".join(f"{label}: {known[label]}" for label in winners)
    text = f"`{data.experiment}`: {budgets(data)} of each arm, chosen on dev"
    return f"{text}. Endpoint: {data.scores().endpoint.text}. {listed}."
