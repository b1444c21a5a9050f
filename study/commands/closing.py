"""The end of a study on the terminal: the arms with their verdicts, then what to open."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.document.formatting import points
from reports.document.section import Section
from reports.document.table import Kind
from reports.document.table import Table as ReportTable
from reports.errors.annotations import find_candidates
from reports.frames.learning_curves import learning_curves
from reports.frames.scores import AVERAGED
from reports.frames.searches import read_search
from reports.frames.select import arm_label, of_arm
from reports.frames.studies import StudyData
from reports.page.build import BuildResult, build, build_index
from reports.tables.experiment import reference_and_others
from rin_core.plural import plural
from study.commands.printing import say
from study.ledger.command import PROGRAM, local_program, predict_command, short_path
from study.ledger.ledger import Ledger
from study.ledger.state import TrialState

#: Digits of a fingerprint that name a run of one ledger.
_DIGITS = 8


@dataclass(slots=True)
class Closing:
    """What a command prints at its end."""

    built: BuildResult | None = None
    """The reports of its studies."""
    views: list[str] = field(default_factory=list)
    """How to open them in the tracker, a line each."""
    runs: set[str] = field(default_factory=set)
    """The fingerprints of its trials."""

    def add_views(self, lines: Sequence[str]) -> None:
        """Add lines of a tracker; a command that several experiments share is printed once."""
        self.views = list(dict.fromkeys([*self.views, *lines]))

    def print(self, runs: Path, console: Console) -> None:
        """Write the page, and print the arms of each study and what to open.

        Args:
            runs: The ledger.
            console: Where to print.
        """
        out = runs / "reports"
        built = self.built or build(runs, out, [])
        for study, section in built.studies:
            print_arms(study, section, console)
            print_best(study, section, runs, console)
            print_unannotated(study, runs, console)
        # The page has the other studies of the ledger, too.
        shown = {report.experiment for report in built.reports}
        everything = built if shown >= set(Ledger(runs).study_names()) else build(runs, out)
        searched = [read_search(runs, name) for name in Ledger(runs).search_names()]
        index = build_index(runs, out, everything, searched)[0]
        say(console, "")
        say(console, "Open:", "bold")
        say(console, f"  report: {index.resolve().as_uri()}", whole=True)
        for line in self.views:
            say(console, f"  {line}", whole=True)


def print_arms(study: StudyData, section: Section, console: Console) -> None:
    """Print the score of each arm, its difference from the reference and the verdict.

    Args:
        study: The trials.
        section: Its section of the report, whose numbers are printed.
        console: Where to print.
    """
    frame = study.frame
    scored = "F1, averaged weights" if study.scores().endpoint is AVERAGED else "F1"
    tables = {table.name: table for table in section.tables}
    results = {row.key: row.cells for row in tables["results"].rows}
    compared = tables.get("differences")
    differences = {row.key: row.cells for row in compared.rows} if compared else {}
    reference = reference_and_others(frame)[0]
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
    table.title = Text(f"\n{frame['experiment'].iloc[0]}", "table.title")
    # What does not fit continues on the next line: arms often differ at the end of their names.
    table.add_column("model", overflow="fold")
    table.add_column("seeds", no_wrap=True, justify="right")
    table.add_column("test F1", no_wrap=True, justify="right")
    if differences:
        table.add_column("Δ", no_wrap=True, justify="right")
    if judged := bool(compared and "Verdict" in compared.columns):
        table.add_column("verdict", overflow="fold")
    for arm, cells in results.items():
        texts = [arm_label(of_arm(frame, arm)), cells["Seeds"].text.split()[0], cells[scored].text]
        if differences:
            own = differences.get(arm)
            texts.append(own["Δ F1"].text if own else "")
            if judged:
                # The cost of further seeds is in the report.
                texts.append(own["Verdict"].text.partition(" ≈")[0] if own else "(reference)")
        table.add_row(*texts)
    console.print(table, markup=False)
    if "learning_curve" in tables:
        for line in _last_steps(frame, tables["learning_curve"]):
            say(console, line)
    if reference not in differences and differences:
        label = arm_label(of_arm(frame, reference))
        say(console, f"Δ: difference from {label}, in points; the report has its intervals", "dim")
    if scored != "F1":
        say(console, "test F1: of the averaged weights", "dim")
    if differences and study.decisions is not None:
        say(console, "no verdicts here: the study's plan decides its contrasts", "dim")


def _last_steps(frame: pd.DataFrame, steps: ReportTable) -> list[str]:
    """Say what the last training sentences brought, for each model with a learning curve."""
    largest = {curve.arms[-1] for curve in learning_curves(frame)}
    lines = []
    for row in steps.rows:
        gain, interval = row.cells["Δ F1"], row.cells["95 % CI"]
        if row.key not in largest or gain.kind is Kind.EMPTY:
            continue
        text = f"{row.label}: {gain.text} F1"
        text += "" if interval.kind is Kind.EMPTY else f" (95 % CI {interval.text})"
        if verdict := row.cells.get("Verdict"):  # a study with a plan has verdicts of its own
            text += f", {verdict.text.partition(' ≈')[0]}"
        lines.append(text)
    return lines


def print_best(study: StudyData, section: Section, runs: Path, console: Console) -> None:
    """Print which arm has the highest mean dev F1, and how to find triples with its models.

    Dev chooses, without looking at test, by the endpoint that the verdicts are about.

    Args:
        study: The trials.
        section: Its section of the report, whose numbers are printed.
        runs: The ledger.
        console: Where to print.
    """
    frame, endpoint = study.frame, study.scores().endpoint
    dev_f1, test_f1, averaged = endpoint.dev_column, endpoint.column, endpoint is AVERAGED
    strict_f1 = "averaged_test_strict_f1" if averaged else "test_strict_f1"
    finished = frame[(frame["status"] == TrialState.FINISHED) & frame[dev_f1].notna()]
    means = 100 * finished.groupby("arm", sort=False)[[dev_f1, test_f1, strict_f1]].mean()
    if means.empty or not means[dev_f1].max():
        return
    best = str(means[dev_f1].idxmax())
    trials = of_arm(finished, best).sort_values(dev_f1, ascending=False, kind="stable")
    dev, test, strict = map(points, means.loc[best])
    on_test = f"test {test}" if trials[strict_f1].isna().all() else f"test {test}, strict {strict}"
    say(console, f"highest dev F1: {arm_label(trials)}, {dev} ({on_test})")
    models = _models(trials["fingerprint"], runs, averaged=averaged)
    # A majority of two is both of them, which finds too little. The best on dev come first.
    chosen = dict(list(models.items())[: (len(models) - 1) // 2 * 2 + 1])
    if not chosen:
        return
    endpoints = next(table for table in section.tables if table.name == "endpoints")
    vote = next(row for row in endpoints.rows if row.key == best).cells["Test F1, majority vote"]
    if not averaged and set(vote.fingerprints) == chosen.keys():
        say(console, f"majority vote of its runs: test F1 {vote.text}")
    say(console, f"  {predict_command(runs, chosen.values())} TEXT", whole=True)


def print_unannotated(study: StudyData, runs: Path, console: Console) -> None:
    """Say that annotations of test should be checked, and which command lists them.

    The annotation of the demo corpus is made by its grammar, and has no mistakes.
    """
    candidates = None if study.corpus == "demo" else find_candidates(study)
    if candidates is None or not candidates.found:
        return
    name = str(study.frame["experiment"].iloc[0])
    place = [] if runs == Path("runs") else ["--runs", str(short_path(runs))]
    command = [*local_program(PROGRAM, "study"), "annotations", name, *place]
    count = plural(len(candidates.found), "triple")
    verb = "is" if len(candidates.found) == 1 else "are"
    say(console, f"to check: nearly all runs predict {count} of test that {verb} not annotated")
    say(console, f"  {shlex.join(command)}", whole=True)


def _models(fingerprints: Iterable[str], runs: Path, *, averaged: bool) -> dict[str, str]:
    """Return how the command line names the model of each run that has one here."""
    models = {}
    for name in fingerprints:
        weights = Ledger(runs).run(name).model(averaged=averaged)
        if weights.is_file():
            models[name] = str(short_path(weights)) if averaged else name[:_DIGITS]
    return models
