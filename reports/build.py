"""Make every table and figure of a study's ledger again: ``python reports/build.py``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from reports.figures import draw_rounds_curve, is_rounds_curve, rounds_curve_info, save_figure
from reports.results import LedgerError, experiments, read_ledger, select_settings, settings_of
from reports.search import searches
from reports.search_page import build_search
from reports.tables import rounds_table, shown, write_csv, write_markdown


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


def build(
    runs: Path, out: Path, experiments: Sequence[str] | None = None, settings: int | None = None
) -> list[Path]:
    """Write the reports of a ledger and return the files written.

    Args:
        runs: A study's output folder.
        out: Folder for the reports, one folder in it for each experiment.
        experiments: Which experiments; all of them when ``None``.
        settings: Which settings value of each, from 1; the last used when ``None``.

    Raises:
        LedgerError: There is no ledger, no such experiment or no such settings value.
    """
    made = build_reports(runs, out, experiments, settings)
    return [path for report in made for path in report.paths]


def build_reports(
    runs: Path, out: Path, names: Sequence[str] | None = None, settings: int | None = None
) -> list[Report]:
    """Do what :func:`build` does, and say of each experiment what was made."""
    # All of it is read before anything is written, so that a mistyped name leaves no half report.
    wanted = list(dict.fromkeys(experiments(runs) if names is None else names))
    frames = [read_ledger(runs, [name]) for name in wanted]
    selected = [select_settings(frame, settings) for frame in frames]
    return [_report(*pair, out) for pair in zip(frames, selected, strict=True)]


def _report(every: pd.DataFrame, frame: pd.DataFrame, out: Path) -> Report:
    name = str(frame["experiment"].iloc[0])
    chosen, *_ = settings_of(frame)
    known = tuple(settings_of(every))
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    return Report(
        experiment=name,
        done=int((frame["status"] == "done").sum()),
        planned=len(frame),
        chosen=chosen,
        settings=known,
        paths=_write(frame, folder, [other for other in known if other != chosen]),
    )


def _write(frame: pd.DataFrame, folder: Path, others: Sequence[str]) -> tuple[Path, ...]:
    table = rounds_table(frame)
    if not is_rounds_curve(frame):
        page = write_markdown(frame, table, folder / "results.md", others=others)
        return write_csv(table, folder / "results.csv"), page
    stem = folder / "rounds_curve"
    figure = draw_rounds_curve(rounds_curve_info(frame))
    svg, png = (save_figure(figure, stem.with_suffix(suffix)) for suffix in (".svg", ".png"))
    page = write_markdown(frame, table, stem.with_suffix(".md"), figure=svg.name, others=others)
    return svg, png, write_csv(table, stem.with_suffix(".csv")), page


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 for misuse."""
    arguments = _parser().parse_args(argv)
    try:
        studies, found = _split(arguments.runs, arguments.experiment)
        made = build_reports(arguments.runs, arguments.out, studies, arguments.settings)
        pages = {name: build_search(arguments.runs, arguments.out, name) for name in found}
    except (LedgerError, OSError) as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        return 2
    console = Console(highlight=False)
    for report in made:
        _tell(console, report)
    for name, paths in pages.items():
        console.print(f"{name}: a search", style="bold", markup=False, soft_wrap=True)
        for path in paths:
            console.print(f"  {path}", markup=False, soft_wrap=True)
    return 0


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
        "--settings",
        type=int,
        metavar="N",
        help="report the N-th settings value of an experiment run with several (default: the last)",
    )
    return parser


def _tell(console: Console, report: Report) -> None:
    head = f"{report.experiment}: {report.done} of {report.planned} trials finished"
    console.print(head, style="bold", markup=False, soft_wrap=True)
    for path in report.paths:
        console.print(f"  {path}", markup=False, soft_wrap=True)
    if len(report.settings) < 2:
        return
    console.print("  Run with several settings, which are not averaged together:", markup=False)
    for number, settings in enumerate(report.settings, start=1):
        mark = "reported" if settings == report.chosen else f"--settings {number}"
        console.print(f"    {number}. {shown(settings)} ({mark})", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
