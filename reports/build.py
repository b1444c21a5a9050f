"""Make every table and figure of a study's ledger again: ``python reports/build.py``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from reports.cases.page import write_page
from reports.cases.views import read_cases
from reports.document.formatting import settings_text
from reports.document.section import Chapter, Link, Section, write_section
from reports.frames.predictions import read_corpora, read_counts
from reports.frames.runs import run_cards
from reports.frames.searches import SearchData, read_search, searches
from reports.frames.studies import StudyData, study_data
from reports.frames.trials import (
    LedgerError,
    experiments,
    no_trials,
    pool,
    read_ledger,
    select_settings,
    settings_of,
)
from reports.page.experiment import experiment_section
from reports.page.page import write_index
from reports.page.search import search_section, write_search
from reports.paper.findings import findings_section
from reports.paper.registry import PAPER, make_tables
from reports.paper.reproduction import corpus_reports, write_reproduction
from reports.published.numbers import ARMS
from reports.tables.corpora import PAPER_CORPORA, corpus_table
from reports.tables.provenance import provenance_tables
from rin_core.config import INIT_SETTINGS


@dataclass(frozen=True, slots=True)
class Report:
    """What was made of one experiment."""

    experiment: str
    done: int
    planned: int
    chosen: str
    """The settings reported."""
    settings: tuple[str, ...]
    """All settings the experiment was run with."""
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """Everything that was written."""

    reports: tuple[Report, ...]
    shared: tuple[Path, ...]
    """What belongs to no experiment alone: the paper's tables, the corpora, case studies."""
    chapters: tuple[Chapter, ...]
    """All of it, as the page shows it."""
    studies: tuple[tuple[StudyData, Section], ...]
    """Each study with its section."""
    paper: tuple[tuple[StudyData, Section], ...]
    """The paper's tables on each corpus, with the trials behind them."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file written."""
        return (*(path for report in self.reports for path in report.paths), *self.shared)

    @property
    def pages(self) -> tuple[Path, ...]:
        """The files to look at; the others are in these, or are the same for programs."""
        shown = (path for path in self.paths if path.suffix not in (".csv", ".tex"))
        return tuple(path for path in shown if not path.name.startswith("errors_"))


def build(
    runs: Path, out: Path, names: Sequence[str] | None = None, settings: int | None = None
) -> Made:
    """Write the reports of a ledger and say of each experiment what was made.

    Args:
        runs: A study's output folder.
        out: Folder for the reports: one folder in it for each experiment, one with the paper's
            tables for each corpus (``paper-webnlg_star``), one for Table 2 (``corpora``) and one
            for case studies (``cases``).
        names: Which experiments; all of them when ``None``. The paper's tables of their
            corpora are filled from all experiments.
        settings: Which settings value of each, from 1; the last used when ``None``.

    Raises:
        LedgerError: There is no ledger, no such experiment or no such settings value.
    """
    # All of it is read before anything is written, so that a mistyped name leaves no half report.
    wanted = list(dict.fromkeys(experiments(runs) if names is None else names))
    # A search that has not confirmed anything yet has no study beside it.
    everything = read_ledger(runs) if wanted else no_trials()
    frames = [read_ledger(runs, [name]) for name in wanted]
    selected = [select_settings(frame, settings) for frame in frames]
    studies = [_study(runs, *pair) for pair in zip(frames, selected, strict=True)]
    sections = [section for _, section in studies]
    paper, corpora = paper_sections(runs, everything, selected), corpora_section(runs)
    cases = {path.stem: read_cases(path) for path in sorted((runs / "cases").glob("*.json"))}
    reports = [_report(*parts, out) for parts in zip(sections, frames, selected, strict=True)]
    shared = [*(section for _, section in paper), corpora]
    written = [path for section in shared for path in write_section(section, out)]
    written += [write_page(views, out / "cases" / f"{name}.html") for name, views in cases.items()]
    chapters = (
        Chapter(title="Studies", sections=tuple(sections)),
        Chapter(title="The paper's tables", sections=tuple(section for _, section in paper)),
        Chapter(title="Data", sections=(corpora, *_cases_section(cases))),
    )
    return Made(tuple(reports), tuple(written), chapters, tuple(studies), tuple(paper))


def _report(section: Section, every: pd.DataFrame, frame: pd.DataFrame, out: Path) -> Report:
    chosen, *_ = settings_of(frame)
    return Report(
        experiment=section.key,
        done=int((frame["status"] == "done").sum()),
        planned=len(frame),
        chosen=chosen,
        settings=tuple(settings_of(every)),
        paths=write_section(section, out),
    )


def _study(runs: Path, every: pd.DataFrame, frame: pd.DataFrame) -> tuple[StudyData, Section]:
    chosen, *_ = settings_of(frame)
    study = study_data(runs, frame, [s for s in settings_of(every) if s != chosen])
    return study, experiment_section(study)


def paper_sections(
    runs: Path, everything: pd.DataFrame, selected: Sequence[pd.DataFrame]
) -> list[tuple[StudyData, Section]]:
    """Return the paper's tables for the corpora of the selected experiments.

    Each is under the settings of the corpus's experiment that was updated last, of those with
    an arm of the paper's: what a search has tuned and confirmed says nothing of its tables; and
    of those with settings of the paper, if there are any. With
    one of the paper's corpora comes the other, which then shows what is still to be run.
    """
    everything = everything[everything["arm"].isin(ARMS)]
    ordered = sorted(
        selected,
        key=lambda frame: (
            frame["arm"].isin(ARMS).any(),
            _is_the_papers(str(frame["settings"].iloc[0])),
            str(frame["updated"].iloc[0]),
        ),
    )
    settings = {str(f["corpus"].iloc[0]): str(f["settings"].iloc[0]) for f in ordered}
    if settings.keys() & set(PAPER_CORPORA):
        settings = {name: settings.get(name, "") for name in PAPER_CORPORA} | settings
    done = set(everything.loc[everything["status"] == "done", "corpus"])
    # What is still to be run comes after what has results.
    settings = dict(sorted(settings.items(), key=lambda item: item[0] not in done))
    found = [_paper_section(runs, everything, *pair) for pair in settings.items()]
    return [(data, section) for data, section in found if section.tables]


def _is_the_papers(settings: str) -> bool:
    """Tell settings that change nothing of the model but what it begins with."""
    given = (setting.partition("=")[0] for setting in settings.split(", ") if setting)
    return all(name in INIT_SETTINGS for name in given)


def _paper_section(
    runs: Path, everything: pd.DataFrame, corpus: str, settings: str
) -> tuple[StudyData, Section]:
    frame = pool(everything, corpus, settings)
    known = settings_of(everything[everything["corpus"] == corpus])
    data = StudyData(
        corpus=corpus,
        frame=frame,
        counts=read_counts(runs, frame),
        other_settings=tuple(other for other in known if other != settings),
    )
    section = Section(
        key=f"paper-{corpus}",
        title=f"The paper's tables on {corpus}",
        page="tables.md",
        tables=make_tables(PAPER, data),
    )
    return data, section


def corpora_section(runs: Path) -> Section:
    """Return Table 2, computed from the corpora that the ledger describes."""
    table = corpus_table(read_corpora(runs).values())
    return Section(key="corpora", title="Corpora", page="corpora.md", tables=(table,))


def _cases_section(names: Iterable[str]) -> list[Section]:
    links = tuple(Link(label=name, target=f"cases/{name}.html") for name in names)
    return [Section(key="cases", title="Case studies", links=links)] if links else []


def _notebooks_section(executed: Sequence[Path]) -> tuple[Section, ...]:
    links = tuple(
        Link(label=path.stem.replace("_", " "), target=f"notebooks/{path.name}")
        for path in executed
        if path.suffix == ".html"
    )
    return (Section(key="notebooks", title="Notebooks", links=links),) if links else ()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 for misuse."""
    arguments = _parser().parse_args(argv)
    index: list[Path] = []
    try:
        studies, found = _split(arguments.runs, arguments.experiment)
        made = build(arguments.runs, arguments.out, studies, arguments.settings)
        searched = [read_search(arguments.runs, name) for name in found]
        pages = {data.experiment: write_search(data, arguments.out) for data in searched}
        if arguments.experiment is None:
            executed = _notebooks(arguments) if arguments.notebooks else []
            index = [
                *executed,
                *build_index(arguments.runs, arguments.out, made, searched, executed),
            ]
    except (LedgerError, OSError) as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        return 2
    console = Console(highlight=False)
    for report in made.reports:
        _tell(console, report)
    console.print(
        "The paper's tables from all experiments, the corpora, case studies", style="bold"
    )
    _tell_paths(console, made.shared)
    for name, paths in pages.items():
        console.print(f"{name}: a search", style="bold", markup=False, soft_wrap=True)
        _tell_paths(console, paths)
    if index:
        console.print("Everything on one page", style="bold")
        _tell_paths(console, index)
    return 0


def _notebooks(arguments: argparse.Namespace) -> list[Path]:
    from reports.page.run_notebooks import write_notebooks

    return write_notebooks(arguments.runs, arguments.out)


def build_index(
    runs: Path,
    out: Path,
    made: Made,
    searched: Sequence[SearchData],
    executed: Sequence[Path] = (),
) -> list[Path]:
    """Write the page of a whole ledger, and what it says of the paper.

    Args:
        runs: A study's output folder.
        out: Folder of the reports, which are there.
        made: What was made of the studies.
        searched: The searches.
        executed: Files of executed notebooks, which it links to.
    """
    frame = read_ledger(runs) if made.reports else None
    cards = run_cards(runs, frame, searched)
    studies, paper, data = made.chapters
    sections = tuple(search_section(search) for search in searched)
    found = corpus_reports(made.paper, made.studies, searched)
    findings = tuple(findings_section(one.findings) for one in found if one.findings)
    chapters = (
        Chapter(title="Findings", sections=findings),
        paper,
        studies,
        Chapter(title="Searches", sections=sections),
        data,
        Chapter(title="Notebooks", sections=_notebooks_section(executed)),
    )
    foot = provenance_tables(cards.values(), frame, searched)
    written = []
    if frame is not None:
        written.append(write_reproduction(frame, found, searched, sections, cards, out))
    return [*written, write_index(chapters, cards, foot, out / "index.html")]


def _split(runs: Path, asked: Sequence[str] | None) -> tuple[list[str] | None, list[str]]:
    """Tell studies and searches apart; ``None`` is every study."""
    known = searches(runs)
    if asked is not None:
        return [name for name in asked if name not in known], [n for n in asked if n in known]
    return ([] if known and not (runs / "studies").exists() else None), known


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reports/build.py", description="Make the tables and figures of finished trials."
    )
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="a study's output folder (default: runs)"
    )
    parser.add_argument(
        "--experiment", nargs="+", metavar="NAME", help="only these experiments (default: all)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("reports/out"),
        help="where to write (default: reports/out)",
    )
    parser.add_argument(
        "--notebooks", action="store_true", help="execute reports/notebooks too (whole ledgers)"
    )
    parser.add_argument(
        "--settings",
        type=int,
        metavar="N",
        help="report the N-th settings value of an experiment run with several (default: the last)",
    )
    return parser


def _tell(console: Console, report: Report) -> None:
    head = f"{report.experiment}: {report.done} of {report.planned} trials finished"
    console.print(head, style="bold", markup=False, soft_wrap=True)
    _tell_paths(console, report.paths)
    if len(report.settings) < 2:
        return
    console.print("  Run with several settings, which are not averaged together:", markup=False)
    for number, settings in enumerate(report.settings, start=1):
        mark = "reported" if settings == report.chosen else f"--settings {number}"
        console.print(
            f"    {number}. {settings_text(settings)} ({mark})", markup=False, soft_wrap=True
        )


def _tell_paths(console: Console, paths: Sequence[Path]) -> None:
    for path in paths:
        console.print(f"  {path}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
