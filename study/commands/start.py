"""Run a study or a search: plan, run what is missing, report."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from rin_core.cli import INTERRUPTED, without_credentials
from rin_core.data.encoding import EncodedCorpus
from rin_core.durations import format_duration
from rin_core.plural import plural
from search_spaces import Search, find_space
from search_spaces.space import Grid
from study.commands import search as search_command
from study.commands.caveats import print_caveats, print_without_predictions
from study.commands.corpora import print_corpora
from study.commands.dry_run import counts_text, print_changes, print_plan, state_text, trial_slots
from study.commands.notify import check_url, message, send
from study.commands.options import Options
from study.commands.printing import print_faster, print_presets, print_unsent, say
from study.commands.register import check_register, register
from study.ledger.command import render
from study.ledger.ledger import Ledger
from study.ledger.search_record import SearchRecord
from study.ledger.store import Store
from study.planning.continuing import begin_all
from study.planning.corpora import record_corpora
from study.planning.grid import (
    Experiment,
    Plan,
    PlannedTrial,
    make_plan,
    merge_corpora,
    merge_trials,
    refuse_taken,
)
from study.planning.requirements import check_trials, faster_settings

if TYPE_CHECKING:
    from study.commands.closing import Closing
    from study.commands.decide import Tags
    from study.execution.session import StudySession
    from study.planning.decide import Deciding


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and the studies whose trials are its results."""

    code: int
    """The exit code."""
    studies: tuple[str, ...]
    """A search without runs on fresh seeds is named itself."""
    runs: frozenset[str] = frozenset()
    """The fingerprints of these trials: the studies may have others, which were not asked for."""


def run_study(options: Options, console: Console) -> Ended:
    """Run what the options ask for, then print what came of it and notify.

    Raises:
        ValueError: An option, a space, a setting or a corpus is invalid.
    """
    if options.notify is None or options.dry_run:
        return _run_study(options, console)
    check_url(options.notify)
    command = render(options.record())
    try:
        ended = _run_study(options, console)
    except BaseException as error:
        text = without_credentials(str(error) or type(error).__name__)
        state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        _notify(options.notify, message(state, command, text), console)
        raise
    states = {0: "complete", INTERRUPTED: "interrupted"}
    state = states.get(ended.code, "incomplete")
    text = f"{', '.join(ended.studies)} in {options.runs.resolve()}"
    _notify(options.notify, message(state, command, text, ended.studies), console)
    return ended


def _notify(url: str, content: Mapping[str, object], console: Console) -> None:
    if problem := send(url, content):
        say(console, f"--notify: message not sent: {problem}", "yellow")


def _run_study(options: Options, console: Console) -> Ended:
    spaces = [find_space(name) for name in dict.fromkeys(options.space)]
    if options.preset is not None:
        spaces = [dataclasses.replace(space, preset=options.preset) for space in spaces]
    ledger = Ledger(options.runs, Store(options.shared) if options.shared else None)
    grids = [space for space in spaces if isinstance(space, Grid)]
    searches = [space for space in spaces if isinstance(space, Search)]
    if searches and len(spaces) > 1:
        raise ValueError(
            f"--space {' '.join(options.space)}: {searches[0].name} is a search; run it alone"
        )
    from study.commands.closing import Closing  # imports pandas, SciPy and Matplotlib

    closing = Closing()
    if options.register is not None:
        check_register(options, options.register)
    if searches:
        ended = _run_search(options, searches[0], ledger, console, closing)
    else:
        ended = _run_grids(options, grids, ledger, console, closing)
    if not options.dry_run:
        closing.print(options.runs, console)
        if options.register is not None:
            register(options, options.register, ended.code, ended.studies, console)
    return ended


def _run_grids(
    options: Options, grids: Sequence[Grid], ledger: Ledger, console: Console, closing: Closing
) -> Ended:
    """Run studies; with ``--until-decided`` look by look."""
    from study.commands import decide  # imports pandas and SciPy

    _check_grid_options(options, grids)
    encoded: dict[str, EncodedCorpus] = {}
    plans = [
        make_plan(
            grid,
            ledger,
            options.data,
            arms=options.arms,
            seeds=decide.seeds(options),
            overrides=options.overrides(),
            data_root=options.data_root,
            embeddings=options.embeddings,
            encoded=encoded,
        )
        for grid in grids
    ]
    experiments = [e for plan in plans for e in plan.experiments(options.experiment)]
    names = [experiment.name for experiment in experiments]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"--space {' '.join(options.space)}: two studies are named {name}")
    refuse_taken(names, ledger.search_names(), "a search")
    deciding = decide.planned_studies(options, experiments, ledger) if options.until_decided else []
    print_presets({e.corpus_name: e.preset for e in experiments}, console)
    print_corpora(encoded.values(), console)
    unfinished = (p.trial.config for p in merge_trials(experiments) if not p.run.is_finished)
    print_faster(faster_settings(unfinished, options.device()), console)
    if options.dry_run:
        slots = trial_slots(options)
        _left(merge_trials(experiments), experiments, options)
        if deciding:
            _print_next_look(deciding, ledger, slots, console)
        else:
            print_plan(experiments, ledger, slots, console)
        return Ended(0, ())
    for plan in plans:
        planned = {trial.trial.arm for trial in plan.trials}
        for arm in plan.space.select(options.arms):
            if arm.name not in planned:
                text = f"arm {arm.name}: with these settings the same model as another arm"
                say(console, f"{text}, which is trained once", "yellow")

    def run_look(look: Sequence[Experiment], judge: Callable[[], Tags], deadline: float) -> int:
        return _run(options, look, ledger, console, closing, judge, deadline)

    with ledger.exclusive():
        if deciding:
            code = decide.run_until_decided(deciding, options.hours, ledger, console, run_look)
        else:
            code = _run(options, experiments, ledger, console, closing)
    return Ended(code, tuple(names), frozenset(closing.runs))


def _check_grid_options(options: Options, grids: Sequence[Grid]) -> None:
    if options.trials is not None:
        raise ValueError(f"--trials: applies to searches, and {grids[0].name} is a grid")
    if options.hours is not None and not options.until_decided:
        raise ValueError(
            f"--hours: applies to searches and to --until-decided, and {grids[0].name} is a grid"
        )
    if options.hours is not None and not options.hours > 0:
        raise ValueError(f"--hours {options.hours:g}: must be positive")
    for name in ("arms", "experiment"):
        if len(grids) > 1 and getattr(options, name):
            raise ValueError(f"--{name}: requires a single space; --space names {len(grids)}")


def _print_next_look(
    deciding: Sequence[Deciding], ledger: Ledger, slots: int, console: Console
) -> None:
    from study.commands import decide

    for study in deciding:
        decided = study.read()
        decide.print_decided(decided, console)
        look, missing = decided.experiment(), decided.missing()
        if missing:
            rest = dataclasses.replace(look, trials=tuple(missing))
            print_plan([rest], ledger, slots, console)


def _run_search(
    options: Options, space: Search, ledger: Ledger, console: Console, closing: Closing
) -> Ended:
    if options.until_decided:
        raise ValueError(f"--until-decided: applies to grids, and {space.name} is a search")
    search = search_command.sized(space, options.trials, options.hours, options.seeds)
    plans = search_command.plans(search, options, ledger)
    print_presets({plan.corpus.name: plan.preset for plan in plans}, console)
    print_corpora((c for plan in plans for c in plan.plan.corpora.values()), console)
    for plan in plans:
        search_command.check_left(plan, options)
    starts = (start.trial.config for plan in plans for start in plan.starts.values())
    print_faster(faster_settings(starts, options.device()), console)
    if options.dry_run:
        search_command.print_plans(plans, trial_slots(options), console)
        return Ended(0, ())

    def confirm(plan: Plan, experiment: str) -> int:
        return _run(options, plan.experiments(experiment), ledger, console, closing)

    code = 0
    with ledger.exclusive():
        for plan in plans:
            closing.searches.append(plan.experiment)
            code = max(code, search_command.run_search(plan, options, console, closing, confirm))
            if code == INTERRUPTED:
                break
    known = ledger.study_names()
    names: list[str] = []
    for plan in plans:
        if plan.confirmed in known:
            names.append(plan.confirmed)
            continue
        names.append(plan.experiment)
        trials = SearchRecord(ledger, plan.experiment).trials
        closing.runs |= {trial.fingerprint for trial in trials if trial.arm in plan.starts}
    return Ended(code, tuple(names), frozenset(closing.runs))


def _run(
    options: Options,
    experiments: Sequence[Experiment],
    ledger: Ledger,
    console: Console,
    closing: Closing,
    judge: Callable[[], Tags] = dict,
    deadline: float = math.inf,
) -> int:
    """Record, run, report and summarise; return the exit code.

    Args:
        options: Of the command.
        experiments: With all their trials.
        ledger: Where the runs live.
        console: Where progress goes.
        closing: Receives what is printed at the end of the command.
        judge: Called once the trials have ended; returns what they decide.
        deadline: No trial starts after this time of the monotonic clock.
    """
    started, trials = time.monotonic(), merge_trials(experiments)
    closing.runs |= {planned.run.fingerprint for planned in trials}
    ledger.refresh(planned.run for planned in trials)
    left = _left(trials, experiments, options)
    for experiment in experiments:
        _record(experiment, ledger, options, console)
    counts = counts_text(trials)  # before some of them get the epochs of other runs
    _continue(experiments, left, ledger, console)
    say(console, counts)
    if left:
        say(console, "connecting to Ray …" if options.ray_address else "starting Ray …")
    # Imported late: the imports of Ray and MLflow take seconds.
    from study.execution.cluster import require_listener
    from study.execution.session import StudySession

    require_listener(options.ray_address)
    study = StudySession(experiments, options.uri(), ledger, console)
    if left:
        study.run(left, options.resources(), deadline)
    tags = judge()  # before the reports, which show what it records
    unsent = _send_reports(study, options, experiments, tags, closing)
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
        say(console, "run the same command to resume")
        return 1
    return 0


def _left(
    trials: Sequence[PlannedTrial], experiments: Sequence[Experiment], options: Options
) -> list[PlannedTrial]:
    """Return the trials without a result; raise ``ConfigError`` if one cannot be trained."""
    left = [planned for planned in trials if not planned.run.is_finished]
    check_trials(left, merge_corpora(experiments), options.device())
    return left


def _continue(
    experiments: Sequence[Experiment],
    left: Sequence[PlannedTrial],
    ledger: Ledger,
    console: Console,
) -> None:
    """Let trials begin with the epochs of runs with other limits, and print which do."""
    hindered: dict[str, list[str]] = {}
    for planned, found in begin_all(left, merge_corpora(experiments), ledger):
        if found.obstacle:
            hindered.setdefault(found.obstacle, []).append(found.source.fingerprint)
        else:
            say(console, f"{planned.name}: {found}")
    for reason, sources in hindered.items():
        say(
            console,
            f"{plural(len(sources), 'trial')} cannot continue a run with other epoch limits, such "
            f"as {sources[0]}: {reason}",
        )


def _record(experiment: Experiment, ledger: Ledger, options: Options, console: Console) -> None:
    print_changes(experiment, ledger, console)
    ledger.record_study(experiment.record(options.record()))
    record_corpora(ledger, experiment.plan.data(), options.data_root)


def _send_reports(
    study: StudySession,
    options: Options,
    experiments: Sequence[Experiment],
    tags: Tags,
    closing: Closing,
) -> int:
    """Build the reports of studies, send them, and return how many runs were not sent completely.

    MLflow receives a study's own files only: a case study holds text of the corpus.
    """
    from reports.page.build import build  # imports pandas, SciPy and Matplotlib
    from study.tracking.summary import summarize

    names = [experiment.name for experiment in experiments]
    built = build(options.runs, options.runs / "reports", names)
    files = [report.paths for report in built.reports]
    summaries = [summarize(data) for data, _ in built.studies]
    unsent = study.close(
        dict(zip(names, files, strict=True)), tags, dict(zip(names, summaries, strict=True))
    )
    closing.built = built
    closing.add_views(study.how_to_view())
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
