"""Run the trials of experiments: record, train, report, and say what is missing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from rin_core.cli import INTERRUPTED
from rin_core.durations import format_duration
from rin_core.plural import plural
from study.commands.caveats import print_caveats, print_without_predictions
from study.commands.context import Context
from study.commands.dry_run import counts_text, print_changes, state_text
from study.commands.options import Options
from study.commands.printing import print_unsent, say
from study.planning.continuing import begin_all
from study.planning.corpora import record_corpora
from study.planning.grid import Experiment, PlannedTrial, merge_corpora, merge_trials
from study.planning.requirements import check_trials

if TYPE_CHECKING:
    from study.execution.session import StudySession

Tags = Mapping[str, Mapping[str, str]]
"""For a tracker, by experiment."""


def run_experiments(
    context: Context,
    experiments: Sequence[Experiment],
    judge: Callable[[], Tags] = dict,
    deadline: float = math.inf,
) -> int:
    """Run the trials that have no result, report them and return the exit code.

    Args:
        context: Of the command.
        experiments: With all their trials.
        judge: Called once the trials have ended; returns what they decide.
        deadline: No trial starts after this time of the monotonic clock.

    Returns:
        0 if all trials are finished, 130 after Ctrl-C, else 1. A trial that did not start before
        the deadline is not missing.
    """
    options, ledger, console = context.options, context.ledger, context.console
    started, trials = time.monotonic(), merge_trials(experiments)
    context.closing.runs |= {planned.run.fingerprint for planned in trials}
    ledger.refresh(planned.run for planned in trials)
    left = without_result(experiments, options)
    for experiment in experiments:
        print_changes(experiment, ledger, console)
        ledger.record_study(experiment.record(options.record()))
        record_corpora(ledger, experiment.plan.data(), options.data_root)
    counts = counts_text(trials)  # before some of them get the epochs of other runs
    _continue(context, experiments, left)
    context.say(counts)
    if left:
        context.say("connecting to Ray …" if options.ray_address else "starting Ray …")
    # Imported late: the imports of Ray and MLflow take seconds.
    from study.execution.cluster import require_listener
    from study.execution.session import StudySession

    require_listener(options.ray_address)
    study = StudySession(experiments, options.uri(), ledger, console)
    if left:
        study.run(left, options.resources(), deadline)
    tags = judge()  # before the reports, which show what it records
    unsent = _send_reports(context, study, experiments, tags)
    if time.monotonic() >= deadline:
        trials = [p for p in trials if p.run.is_finished or p.run.failure() is not None]
    missing = print_missing(trials, console)
    print_caveats((planned.run.result() for planned in trials), console)
    finished = (p.run.fingerprint for p in trials if p.run.is_finished)
    print_without_predictions(ledger, finished, console)
    _print_time(time.monotonic() - started, study.compute_seconds, console)
    print_unsent(unsent, console)
    if study.interrupted:
        return INTERRUPTED
    if missing:
        context.say("run the same command to resume")
        return 1
    return 0


def without_result(experiments: Sequence[Experiment], options: Options) -> list[PlannedTrial]:
    """Return the trials without a result.

    Raises:
        ConfigError: One of them cannot be trained.
    """
    left = [planned for planned in merge_trials(experiments) if not planned.run.is_finished]
    check_trials(left, merge_corpora(experiments), options.device())
    return left


def _continue(
    context: Context, experiments: Sequence[Experiment], left: Sequence[PlannedTrial]
) -> None:
    """Let trials begin with the epochs of runs with other limits, and print which do."""
    hindered: dict[str, list[str]] = {}
    for planned, found in begin_all(left, merge_corpora(experiments), context.ledger):
        if found.obstacle:
            hindered.setdefault(found.obstacle, []).append(found.source.fingerprint)
        else:
            context.say(f"{planned.name}: {found}")
    for reason, sources in hindered.items():
        context.say(
            f"{plural(len(sources), 'trial')} cannot continue a run with other epoch limits, such "
            f"as {sources[0]}: {reason}",
        )


def _send_reports(
    context: Context, study: StudySession, experiments: Sequence[Experiment], tags: Tags
) -> int:
    """Build the reports of studies, send them, and return how many runs were not sent completely.

    MLflow receives a study's own files only: a case study holds text of the corpus.
    """
    from reports.page.build import build  # imports pandas, SciPy and Matplotlib
    from study.tracking.base import StudyEnd
    from study.tracking.summary import summarize

    runs = context.options.runs
    built = build(runs, runs / "reports", [experiment.name for experiment in experiments])
    ends = {
        experiment.name: StudyEnd(
            complete=all(planned.run.is_finished for planned in experiment.trials),
            files=report.paths,
            tags=tags.get(experiment.name, {}),
            summary=summarize(data),
        )
        for experiment, report, (data, _) in zip(
            experiments, built.reports, built.studies, strict=True
        )
    }
    unsent = study.close(ends)
    context.closing.built = built
    context.closing.add_views(study.how_to_view())
    return unsent


def print_missing(trials: Sequence[PlannedTrial], console: Console) -> int:
    """Print the trials that are not finished and return their number."""
    missing = [planned for planned in trials if not planned.run.is_finished]
    for planned in missing:
        say(console, f"not finished: {planned.name}: {state_text(planned)}", "red")
    say(console, f"{len(trials) - len(missing)} of {plural(len(trials), 'trial')} finished")
    return len(missing)


def _print_time(seconds: float, compute_seconds: float, console: Console) -> None:
    """Print the time of the study, and its overhead over the epochs' own time."""
    text = f"study time {format_duration(seconds)}"
    if compute_seconds >= 60:  # in shorter studies the start takes most of the time
        text += f" ({100 * (seconds / compute_seconds - 1):.0f} % more than the epochs alone)"
    say(console, text)
