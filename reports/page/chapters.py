"""The chapters of the page, in the order of a reader's questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from reports.document.section import Chapter, Link, Section
from reports.document.table import Table
from reports.figures.rounds_curve import is_rounds_curve
from reports.frames.searches import SearchData
from reports.frames.studies import StudyData
from reports.page.chapter_findings import chapter_findings, questions
from reports.page.titles import search_title, study_title
from reports.paper.answers import Answers
from reports.paper.pooled import pooled_section
from reports.paper.reproduction import CorpusReport
from reports.published.numbers import CORPORA, corpus_title
from reports.tables.experiment import selection_pairs
from study.ledger.arms import is_confirmation

#: Key, name in the contents and question of each chapter.
_QUESTIONS = (
    ("curve", "Rounds", "Do more rounds help?"),
    ("main", "Main results", "Does RIN beat the same network without interaction?"),
    ("tuned", "Tuned", "What does tuning bring?"),
    ("ablation", "Ablation", "Which parts of the interaction matter?"),
    ("selection", "Selection", "What does choosing the epoch on test change?"),
    ("other", "Other models", "How do other models compare?"),
    ("errors", "Errors", "Which errors remain?"),
    ("data", "Data", "What are the data?"),
    ("notebooks", "Notebooks", "How can I analyse the runs myself?"),
)


def page_chapters(
    answers: Answers,
    paper: Sequence[tuple[StudyData, Section]],
    studies: Sequence[tuple[StudyData, Section]],
    searches: Sequence[tuple[SearchData, Section]],
    reports: Sequence[CorpusReport],
    data: Sequence[Section],
    notebooks: Sequence[Section],
) -> tuple[Chapter, ...]:
    """Sort all sections into chapters.

    Args:
        answers: The first screen, for the findings.
        paper: The paper's tables, for each corpus.
        studies: The studies.
        searches: The searches.
        reports: The findings on each corpus.
        data: Corpora and case studies.
        notebooks: Links to the executed notebooks.
    """
    sections: dict[str, list[Section]] = {key: [] for key, _, _ in _QUESTIONS}
    if answers.pooled is not None:
        sections["main"].append(pooled_section(answers.pooled))
    for key, part in _of_paper(paper, reports):
        sections[key].append(part)
    corpora = [study.corpus for study, _ in paper]
    searched = [search for search, _ in searches]
    titled = [
        (study, replace(section, title=study_title(study, searched), name=section.key))
        for study, section in studies
    ]
    for study, section in sorted(titled, key=lambda pair: _place(pair[0], corpora)):
        sections[_chapter_of(study)].append(section)
    sections["tuned"] += [
        replace(section, title=search_title(search), name=section.key)
        for search, section in searches
    ]
    sections["main"] += _not_run(corpora)
    sections["errors"] += _error_links([section for _, section in titled])
    sections["data"] += data
    sections["notebooks"] += notebooks
    ordered = sorted(studies, key=lambda pair: _place(pair[0], corpora))
    findings = chapter_findings(answers, ordered, data)
    findings["other"] = questions(section.title for section in sections["other"])
    return tuple(
        Chapter(
            key=key,
            name=name,
            title=title,
            finding=findings.get(key, ""),
            sections=tuple(sections[key]),
        )
        for key, name, title in _QUESTIONS
        if sections[key]
    )


def _of_paper(
    paper: Sequence[tuple[StudyData, Section]], reports: Sequence[CorpusReport]
) -> Iterator[tuple[str, Section]]:
    """Yield the paper's tables on each corpus, with the chapter to which they belong."""
    found = [report.findings for report in reports if report.findings is not None]
    for study, section in paper:
        title = f"{corpus_title(study.corpus)}: the paper's tables"
        intro = (*(one.scores for one in found if one.corpus == study.corpus), *section.intro)
        named = replace(section, title=title, name=study.corpus, intro=intro)
        yield from _split(named).items()


def _not_run(corpora: Sequence[str]) -> list[Section]:
    """Name the paper's corpora on which nothing was run, beside those of the report."""
    missing = [name for name in CORPORA if name not in corpora]
    if not corpora or not missing:
        return []
    names = " and ".join(map(corpus_title, missing))
    text = f"The paper also has scores on {names}. Nothing was run there."
    return [Section(key="not-run", title="", intro=(text,))]


def _place(study: StudyData, corpora: Sequence[str]) -> tuple[bool, int]:
    """Put the curve of the paper's arms first, and then sort by corpus."""
    other = str(study.frame["space"].iloc[0]) != "rounds_curve"
    return other, corpora.index(study.corpus) if study.corpus in corpora else len(corpora)


def _chapter_of(study: StudyData) -> str:
    space = str(study.frame["space"].iloc[0])
    if study.frame["arm"].map(is_confirmation).any():
        return "tuned"
    if selection_pairs(study.frame):
        return "selection"
    if space == "ablation":
        return "ablation"
    # What a plan decides are the primary contrasts.
    if space == "main_results" or study.decisions is not None:
        return "main"
    return "curve" if is_rounds_curve(study.frame) else "other"


def _split(section: Section) -> dict[str, Section]:
    """Return the tables of a section by chapter; the main results keep the section's key."""
    tables: dict[str, list[Table]] = {"main": []}
    for table in section.tables:
        tables.setdefault(table.chapter, []).append(table)
    return {
        key: replace(
            section, key=section.key if key == "main" else f"{section.key}-{key}", tables=tuple(own)
        )
        for key, own in tables.items()
    }


def _error_links(sections: Iterable[Section]) -> list[Section]:
    """Return the links to the pages of errors."""
    links = tuple(
        Link(label=section.title, target=f"{part.key}/errors.html")
        for section in sections
        for part in section.parts
    )
    intro = ("Each study has a page: what is missed and wrong, by length, distance and relation.",)
    return (
        [Section(key="errors", title="Errors of each study", intro=intro, links=links)]
        if links
        else []
    )
