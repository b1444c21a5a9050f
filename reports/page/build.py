"""Build every table, figure and page of a ledger."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reports.cases.page import write_page
from reports.cases.views import read_cases
from reports.document.section import Link, Section, write_section
from reports.figures.case import case_info
from reports.frames.runs import run_cards
from reports.frames.searches import SearchData
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import (
    experiments,
    newest_content,
    no_trials,
    read_contents,
    read_ledger,
    select_settings,
    settings_of,
)
from reports.page.chapters import page_chapters
from reports.page.corpora import corpora_section, paper_sections
from reports.page.experiment import experiment_section
from reports.page.page import write_errors, write_index
from reports.page.search import search_section
from reports.paper.answers import find_answers
from reports.paper.costs import cost_section
from reports.paper.other_corpora import claims_elsewhere, other_corpora_section
from reports.paper.pooled import pooled_section
from reports.paper.reproduction import corpus_reports, write_reproduction
from reports.stats.verdicts import RULE, Rule
from reports.tables.provenance import provenance_tables
from rin_core.data.corpus import is_paper_corpus
from study.ledger.ledger import Ledger
from study.ledger.state import TrialState


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """The report of one experiment."""

    experiment: str
    done: int
    planned: int
    chosen: str
    """The settings reported."""
    settings: tuple[str, ...]
    """All settings the experiment was run with."""
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class BuildResult:
    """Everything that was written."""

    reports: tuple[ExperimentReport, ...]
    shared: tuple[Path, ...]
    """Files that belong to no single experiment: paper's tables, corpora, case studies."""
    studies: tuple[tuple[StudyData, Section], ...]
    """Each study with its section."""
    paper: tuple[tuple[StudyData, Section], ...]
    """The data and the section of the paper's tables, for each corpus."""
    data: tuple[Section, ...]
    """Corpora and case studies."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file written."""
        return (*(path for report in self.reports for path in report.paths), *self.shared)

    @property
    def pages(self) -> tuple[Path, ...]:
        """The files to look at: these contain the others, or the others are for programs."""
        shown = (path for path in self.paths if path.suffix not in (".csv", ".tex"))
        return tuple(path for path in shown if not path.name.startswith("errors_"))


def build(
    runs: Path,
    out: Path,
    names: Sequence[str] | None = None,
    settings: int | None = None,
    rule: Rule = RULE,
) -> BuildResult:
    """Write the reports of a ledger's studies.

    Args:
        runs: A study's output folder.
        out: Folder for the reports: a folder for each experiment, one with the paper's tables for
            each corpus (``paper-webnlg_star``), one for Table 2 (``corpora``) and one for case
            studies (``cases``).
        names: The experiments; all of them when ``None``. The paper's tables of their corpora are
            filled from all experiments.
        settings: Which settings value of each, from 1; the last used when ``None``.
        rule: Of the verdicts.

    Raises:
        UnknownExperiment: There is no ledger, no such experiment or no such settings value.
        LedgerError: A record cannot be read.
    """
    # Everything is read before anything is written: an unknown name must leave no partial report.
    wanted = list(dict.fromkeys(experiments(runs) if names is None else names))
    # A search that has not confirmed anything yet has no study.
    everything, elsewhere = read_contents(runs) if wanted else (no_trials(), no_trials())
    frames = [read_ledger(runs, [name]) for name in wanted]
    selected = [select_settings(frame, settings) for frame in frames]
    studies = []
    for every, frame in zip(frames, selected, strict=True):
        study = _read_study(runs, every, frame, everything, elsewhere, rule)
        # statsmodels collects garbage at each correction of p values. The data stay to the end, so
        # the collector need not walk over them.
        gc.freeze()
        studies.append((study, experiment_section(study)))
    paper = paper_sections(runs, everything, selected, elsewhere, rule)
    corpora = corpora_section(runs)
    ledger = Ledger(runs)
    cases = {name: read_cases(ledger, name) for name in ledger.case_names()}

    reports = [
        _write_experiment(study, section, settings_of(every), out)
        for (study, section), every in zip(studies, frames, strict=True)
    ]
    shared = [path for _, section in paper for path in write_section(section, out)]
    shared += write_section(corpora, out)
    shared += [write_page(views, out / "cases" / f"{name}.html") for name, views in cases.items()]

    data = [corpora]
    if cases:
        links = tuple(Link(label=name, target=f"cases/{name}.html") for name in cases)
        data.append(Section(key="cases", title="Case studies", links=links))
    return BuildResult(tuple(reports), tuple(shared), tuple(studies), tuple(paper), tuple(data))


def _read_study(
    runs: Path,
    every: pd.DataFrame,
    frame: pd.DataFrame,
    everything: pd.DataFrame,
    elsewhere: pd.DataFrame,
    rule: Rule,
) -> StudyData:
    """Return a study under the settings that are reported.

    Args:
        runs: A study's output folder.
        every: The runs of the study under all settings.
        frame: Those under the reported settings.
        everything: All runs of all studies.
        elsewhere: Finished runs on other contents of the corpora.
        rule: Of the verdicts.
    """
    (chosen,) = settings_of(frame)
    newest, _ = newest_content(everything, str(frame["corpus"].iloc[0]))
    return study_data(
        runs,
        frame,
        [other for other in settings_of(every) if other != chosen],
        elsewhere[elsewhere["experiment"] == frame["experiment"].iloc[0]],
        everything,
        outdated=not frame["fingerprint"].isin(newest["fingerprint"]).any(),
        rule=rule,
    )


def _write_experiment(
    study: StudyData, section: Section, settings: Sequence[str], out: Path
) -> ExperimentReport:
    """Write the section of a study; ``settings`` are all with which the study was run."""
    return ExperimentReport(
        experiment=section.key,
        done=int((study.frame["status"] == TrialState.FINISHED).sum()),
        planned=len(study.frame),
        chosen=settings_of(study.frame)[0],
        settings=tuple(settings),
        paths=write_section(section, out),
    )


def build_index(
    runs: Path,
    out: Path,
    built: BuildResult,
    searched: Sequence[SearchData],
    executed: Sequence[Path] = (),
) -> list[Path]:
    """Write the page of a whole ledger, which comes first, and the comparison with the paper.

    There is no comparison if no study is on one of the paper's corpora or a part of one.

    Args:
        runs: A study's output folder.
        out: Folder of the reports.
        built: The reports of all studies.
        searched: The searches.
        executed: Files of executed notebooks, which the page links to.
    """
    frame: pd.DataFrame | None = read_ledger(runs) if built.reports else None
    cards = run_cards(runs, frame, searched)
    paired = [(search, search_section(search)) for search in searched]
    studies, paper = ([data for data, _ in pairs] for pairs in (built.studies, built.paper))
    found = corpus_reports(built.paper, built.studies, searched)
    links = tuple(
        Link(label=path.stem.replace("_", " "), target=f"notebooks/{path.name}")
        for path in executed
        if path.suffix == ".html"
    )
    answers = find_answers(paper, studies, searched)
    chapters = page_chapters(
        answers,
        built.paper,
        built.studies,
        paired,
        found,
        built.data,
        (Section(key="notebooks", title="Notebooks", links=links),) if links else (),
    )
    elsewhere = claims_elsewhere(studies)
    costs = cost_section(paper, elsewhere, cards)
    foot = [*costs.tables, *provenance_tables(cards.values(), frame, searched)]
    case = case_info(studies)
    written = [write_index(answers, chapters, cards, foot, out / "index.html", case)]
    first = [] if answers.pooled is None else [pooled_section(answers.pooled)]
    first += [other_corpora_section(elsewhere)] if elsewhere else []
    for section in (*first, costs):
        written += write_section(section, out)
    written += [
        write_errors(errors, cards, out) for _, study in built.studies for errors in study.parts
    ]
    if frame is not None and paper:
        # The report is on the paper's claims, so it has no corpus on which none is judged.
        names = {claim.corpus for claim in elsewhere}
        corpora = {*(card.corpus for card in cards.values()), *(one.corpus for one in searched)}
        names |= set(filter(is_paper_corpus, corpora))
        own = {name: card for name, card in cards.items() if card.corpus in names}
        spent = costs if own == cards else cost_section(paper, elsewhere, own)
        on_claims = frame[frame["corpus"].isin(names)]
        searches = [pair for pair in paired if pair[0].corpus in names]
        written.append(write_reproduction(on_claims, found, searches, own, first, spent, out))
    return written
