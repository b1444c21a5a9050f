"""The command line of the reports: ``python reports/build.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console

from rin_core.plural import plural
from study.ledger.ledger import Ledger

if TYPE_CHECKING:
    from reports.page.build import ExperimentReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Build the tables, figures and pages of all finished runs."""

    runs: Annotated[Path, tyro.conf.arg(metavar="FOLDER")] = Path("runs")
    """The ledger: a study's output folder."""
    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")] = Path("reports/out")
    """Where to write."""
    experiment: Annotated[
        tuple[str, ...], tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: all)")
    ] = ()
    """Only these studies and searches, without the page of the whole ledger."""
    settings: Annotated[
        int | None, tyro.conf.arg(metavar="N", help_behavior_hint="(default: the last)")
    ] = None
    """Report these settings of a study that was run with several, by number from 1."""
    margin: Annotated[float, tyro.conf.arg(metavar="F1")] = 0.5
    """The largest difference that counts as equal, in points."""
    notebooks: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also execute the notebooks."""

    def run(self, console: Console) -> None:
        """Build, then print the page first.

        Raises:
            ValueError: An experiment, its settings or the margin does not exist.
            LedgerError: A record cannot be read.
        """
        # Imported late: --help and a typing error should not wait for pandas and Matplotlib.
        from reports.frames.searches import read_search
        from reports.page.build import build, build_index
        from reports.page.notebooks import write_notebooks
        from reports.page.search import write_search
        from reports.stats.verdicts import Rule

        rule = Rule(margin=self.margin)
        ledger = Ledger(self.runs)
        known = ledger.search_names()
        studies: list[str] | None
        if self.experiment:
            studies = [name for name in self.experiment if name not in known]
            chosen = [name for name in self.experiment if name in known]
        else:
            studies = [] if known and not ledger.study_names() else None
            chosen = known
        built = build(self.runs, self.out, studies, self.settings, rule)
        searched = [read_search(self.runs, name, rule=rule) for name in chosen]
        search_paths = [path for data in searched for path in write_search(data, self.out)]
        paths = [*built.paths, *search_paths]
        skipped: dict[str, str] = {}
        if self.experiment:
            first = [path for path in paths if path.name in ("results.md", "search.md")]
        else:
            executed: list[Path] = []
            if self.notebooks:
                executed, skipped = write_notebooks(self.runs, self.out)
            index = build_index(self.runs, self.out, built, searched, executed)
            paths += [*executed, *index]
            first = index[:1]
        for path in first:
            console.print(f"Open {path}", markup=False, soft_wrap=True)
        for report in built.reports:
            print_report(console, report)
        for name, reason in skipped.items():
            console.print(f"notebook {name}: skipped: {reason}", markup=False, soft_wrap=True)
        for reason in ledger.damaged(run.fingerprint for run in ledger.runs()):
            console.print(f"left out: {reason}", markup=False, soft_wrap=True)
        others = len(set(paths) - set(first))
        console.print(f"{plural(others, 'other file')} in {self.out}", markup=False, soft_wrap=True)


def print_report(console: Console, report: ExperimentReport) -> None:
    """Print how much of an experiment is finished, and its settings if there are several."""
    from reports.document.formatting import settings_text

    head = f"{report.experiment}: {report.done} of {plural(report.planned, 'run')} finished"
    console.print(head, markup=False, soft_wrap=True)
    if len(report.settings) < 2:
        return
    console.print("  Several settings, which are not averaged together:", markup=False)
    for number, settings in enumerate(report.settings, start=1):
        mark = "reported" if settings == report.chosen else f"--settings {number}"
        line = f"    {number}. {settings_text(settings)} ({mark})"
        console.print(line, markup=False, soft_wrap=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; raises what :meth:`Build.run` raises."""
    tyro.cli(Build, prog="python reports/build.py", args=argv).run(
        Console(highlight=False, emoji=False)
    )
    return 0
