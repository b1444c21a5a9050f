"""The answer of each chapter in one line, which is seen while the chapter is closed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean

from reports.document.formatting import signed
from reports.document.section import Section
from reports.document.table import Row
from reports.errors.error_types import ErrorType
from reports.frames.studies import StudyData
from reports.paper.answers import Answers
from reports.paper.effects import ONE_ROUND, ONE_ROUND_TUNED
from reports.published.numbers import corpus_title
from reports.stats.contrasts import FULL_MODEL
from reports.tables.comparison import over
from reports.tables.experiment import selection_pairs, selection_scores

#: Effects that answer a chapter's question.
_EFFECTS = {
    "main": (ONE_ROUND, "interaction"),
    "tuned": (ONE_ROUND_TUNED, "tuning"),
    "ablation": ("parts",),
}
#: Most characters of a list of questions.
_LONGEST = 150


def chapter_findings(
    answers: Answers, studies: Sequence[tuple[StudyData, Section]], data: Sequence[Section]
) -> dict[str, str]:
    """Return the answers by key of the chapter; a chapter without an answer is left out.

    Args:
        answers: The first screen.
        studies: The studies with their sections, the most important first.
        data: The corpora.
    """
    found = {"curve": answers.curve.finding} if answers.curve else {}
    rows = answers.effects.rows if answers.effects else ()
    for chapter, keys in _EFFECTS.items():
        texts = [str(row) for row in rows if row.key.partition(" ")[0] in keys]
        if texts:
            found[chapter] = f"{'; '.join(texts)}."
    found |= {"selection": _of_selection(study for study, _ in studies)}
    found |= {"errors": _of_errors(studies), "data": _of_corpora(data)}
    return {chapter: text for chapter, text in found.items() if text}


def questions(titles: Iterable[str]) -> str:
    """Return the questions of studies in one line, with the number of those that do not fit.

    Args:
        titles: Each with its corpus in front, as
            :func:`~reports.page.titles.study_title` returns them.
    """
    distinct = list(dict.fromkeys(title.partition(": ")[2] for title in titles))
    shown: list[str] = []
    for text in distinct:
        if shown and sum(map(len, [*shown, text])) > _LONGEST:
            break
        shown.append(text)
    left = len(distinct) - len(shown)
    return " ".join([*shown, *([f"And {left} more."] if left else [])])


def _of_selection(studies: Iterable[StudyData]) -> str:
    gains = [
        gain.value
        for study in studies
        for on_dev, on_test in selection_pairs(study.frame).items()
        if (gain := selection_scores(study).difference(over(on_test, on_dev))).n
    ]
    if not gains:
        return ""
    return f"It adds {signed(mean(gains))} F1 on average. Such scores are not results."


def _of_errors(studies: Sequence[tuple[StudyData, Section]]) -> str:
    """Say for one model on each corpus how much it finds, and what it misses without a trace."""
    models: dict[str, Row] = {}
    for study, section in studies:
        tables = (table for part in section.parts for table in part.tables)
        missed = next((table for table in tables if table.name == "errors_missed"), None)
        if missed is not None:
            by_arm = {row.key: row for row in missed.rows}
            models.setdefault(study.corpus, by_arm.get(FULL_MODEL, missed.rows[0]))
    label = next((row.label for row in models.values()), "")
    found, unrelated = [], []
    for corpus, row in models.items():
        counts = {name: cell.estimate.mean for name, cell in row.cells.items()}
        triples = sum(counts.values())
        missed_count = triples - counts["Found"]
        if row.label == label and missed_count:
            found.append(f"{100 * counts['Found'] / triples:.0f} % on {corpus_title(corpus)}")
            without = counts[f"Missed: {ErrorType.UNRELATED}"]
            share = f"{100 * without / missed_count:.0f} %"
            unrelated.append(f"{share} on {corpus_title(corpus)}")
    if not found:
        return ""
    return (
        f"{label} finds these parts of the triples: {', '.join(found)}. Of the missed ones, "
        f"{', '.join(unrelated)} have no similar prediction."
    )


def _of_corpora(data: Sequence[Section]) -> str:
    """Say how many sentences each corpus has for training."""
    rows = (row for section in data for table in section.tables for row in table.rows)
    counts = {
        row.key.removesuffix("/train"): row.cells["Sentences"].estimate
        for row in rows
        if row.key.endswith("/train")
    }
    texts = [f"{corpus_title(name)} {own.mean:,.0f}" for name, own in counts.items() if own.n]
    return f"Sentences for training: {', '.join(texts)}." if texts else ""
