"""``REPRODUCTION.md``: what was run, what it says about the paper, and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from reports.document.section import Section
from reports.document.table import Table
from reports.document.templates import markdown_environment
from reports.frames.encoders import PAPERS_ENCODER
from reports.frames.runs import RunCard, counts_text
from reports.frames.searches import SearchData
from reports.frames.studies import StudyData
from reports.paper.compute import compute_sentences, experiments_table
from reports.paper.findings import Findings, corpus_findings
from study.ledger.state import ENDED_WITHOUT_ERROR, TrialState

#: So many tables must have a note before the report prints it once for all of them.
_SHARED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusReport:
    """The results on one corpus."""

    corpus: str
    findings: Findings | None
    """``None`` if no claim of the paper can be judged."""
    sections: tuple[Section, ...]
    """The paper's tables, then the studies."""


def corpus_reports(
    paper: Sequence[tuple[StudyData, Section]],
    studies: Sequence[tuple[StudyData, Section]],
    searches: Sequence[SearchData],
) -> list[CorpusReport]:
    """Return a report for each corpus of the paper's tables that has finished trials.

    Args:
        paper: The paper's tables, for each corpus.
        studies: The studies.
        searches: The searches.
    """
    reports = []
    for data, section in paper:
        if not (data.frame["status"] == TrialState.FINISHED).any():
            continue
        own = [(study, part) for study, part in studies if study.corpus == data.corpus]
        # The curve of the paper's models is the first figure.
        own.sort(key=lambda pair: pair[0].frame["space"].iloc[0] != "rounds_curve")
        comparable = [study for study, _ in own if not study.outdated]
        findings = corpus_findings(
            data, comparable, [search for search in searches if search.corpus == data.corpus]
        )
        sections = (section, *(part for _, part in own))
        reports.append(CorpusReport(corpus=data.corpus, findings=findings, sections=sections))
    return reports


def write_reproduction(
    frame: pd.DataFrame,
    reports: Sequence[CorpusReport],
    searches: Sequence[tuple[SearchData, Section]],
    cards: Mapping[str, RunCard],
    first: Sequence[Section],
    costs: Section,
    out: Path,
) -> Path:
    """Write the report of the reproduction.

    Args:
        frame: All trials of studies, see :func:`~reports.frames.trials.read_ledger`.
        reports: The results on each corpus.
        searches: The searches, each with its section.
        cards: Every run, by fingerprint.
        first: Sections on all corpora, which come before those on each.
        costs: What the runs cost.
        out: Folder of the reports.
    """
    done = frame[frame["status"] == TrialState.FINISHED].drop_duplicates("fingerprint")
    chapters = {f"Results on {report.corpus}": report.sections for report in reports}
    chapters |= {f"The search {section.title}": (section,) for _, section in searches}
    shared = shared_notes(_tables(chapters.values()))
    experiments = experiments_table(frame, [search for search, _ in searches], cards)
    text = (
        markdown_environment()
        .get_template("reproduction.md.jinja")
        .render(
            counts=counts_text(cards.values()),
            left=sum(card.status not in ENDED_WITHOUT_ERROR for card in cards.values()),
            compute=compute_sentences(cards.values()),
            first=[table.markdown() for section in first for table in section.tables],
            findings=[report.findings for report in reports if report.findings],
            experiments=experiments.markdown(),
            costs=[table.markdown() for table in costs.tables],
            shared=shared,
            chapters={title: _shown(parts, shared) for title, parts in chapters.items()},
            nyt_missing=not (done["corpus"] == "nyt").any(),
            other_encoders=" and ".join(
                dict.fromkeys(name for name in done["encoder"] if name not in ("", PAPERS_ENCODER))
            ),
            bert_missing=not (done["encoder"] == PAPERS_ENCODER).any(),
            vectors_missing=not done["settings"].str.contains("vectors=").any(),
        )
    )
    path = out / "REPRODUCTION.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def shared_notes(tables: Sequence[Table]) -> list[str]:
    """Return the notes of at least three tables, in the order in which they first occur."""
    counts = Counter(note for table in tables for note in table.notes)
    return [note for note, count in counts.items() if count >= _SHARED]


def with_numbers(table: Table, shared: Sequence[str]) -> Table:
    """Return a table with the numbers of its shared notes in their place."""
    numbers = [str(shared.index(note) + 1) for note in table.notes if note in shared]
    own = [note for note in table.notes if note not in shared]
    if numbers:
        own.append(f"See [notes](#notes-that-tables-share) {', '.join(numbers)}.")
    return replace(table, notes=tuple(own))


def _tables(chapters: Iterable[Sequence[Section]]) -> list[Table]:
    """Return the tables that belong into the report."""
    sections = (section for chapter in chapters for section in chapter)
    return [table for section in sections for table in section.tables if table.in_reproduction]


def _shown(sections: Sequence[Section], shared: Sequence[str]) -> list[str]:
    """Return the figures of some sections, then their tables."""
    figures = [
        f"![{drawing.caption}]({section.key}/{drawing.name}.svg)"
        for section in sections
        for drawing in section.drawings
    ]
    tables = [
        f"#{with_numbers(table, shared).markdown()}"  # one heading lower than on its own page
        for table in _tables([sections])
    ]
    return [*figures, *tables]
