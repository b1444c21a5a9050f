"""``--until-decided``: run a study look by look, and print what each look says."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console

from reports.stats.sequential import LOOKS
from search_spaces.space import parse_seeds
from study.commands.options import Options
from study.commands.printing import print_decisions, say
from study.ledger.ledger import Ledger
from study.planning.decide import Decided, Deciding, declare
from study.planning.grid import Experiment

Tags = Mapping[str, Mapping[str, str]]
"""By experiment."""
RunLook = Callable[[Sequence[Experiment], Callable[[], Tags], float], int]
"""Runs experiments, calls the function once all runs have ended, and returns the exit code. No run
starts after the time."""


def planned_studies(
    options: Options, experiments: Sequence[Experiment], ledger: Ledger
) -> list[Deciding]:
    """Return the studies with their plans, which are declared here unless they are recorded.

    Args:
        options: Of the command.
        experiments: Each arm with the seeds 0 to :func:`most_seeds`.
        ledger: Where the studies are recorded.

    Raises:
        ValueError: A study has nothing to decide, or was declared with another plan.
    """
    return [
        Deciding(
            experiment=experiment,
            plan=declare(experiment, ledger.study(experiment.name), options.margin),
            most=most_seeds(options),
        )
        for experiment in experiments
    ]


def seeds(options: Options) -> tuple[int, ...] | None:
    """Return the seeds that a study may need; None means those of its space."""
    if options.until_decided:
        return tuple(range(most_seeds(options)))
    return None if options.seeds is None else parse_seeds(options.seeds)


def most_seeds(options: Options) -> int:
    """Return the largest number of seeds of an arm.

    Raises:
        ValueError: It allows no look, or more than the plan has.
    """
    most = LOOKS[-1] if options.max_seeds is None else options.max_seeds
    if not LOOKS[0] <= most <= LOOKS[-1]:
        raise ValueError(
            f"--max-seeds {most}: must be {LOOKS[0]} to {LOOKS[-1]}; looks have "
            f"{', '.join(map(str, LOOKS))} seeds"
        )
    return most


def run_until_decided(
    studies: Sequence[Deciding],
    hours: float | None,
    ledger: Ledger,
    console: Console,
    run: RunLook,
) -> int:
    """Run look after look until everything is decided, or the hours or seeds are spent.

    Args:
        studies: What to decide.
        hours: No run starts after so many hours; None sets no limit.
        ledger: Receives the outcome of each look.
        console: Receives a table after each look.
        run: Runs what a look needs.
    """
    deadline = math.inf if hours is None else time.monotonic() + 3600 * hours
    while True:
        before = [study.read() for study in studies]
        code = run(
            [one.experiment() for one in before], lambda: record_look(studies, ledger), deadline
        )
        decided = [study.read() for study in studies]
        for one in decided:
            print_decided(one, console)
        if code or not any(one.is_open for one in decided):
            return code
        if time.monotonic() >= deadline:
            say(console, f"--hours {hours:g}: spent; run the same command to resume")
            return 0


def record_look(studies: Sequence[Deciding], ledger: Ledger) -> Tags:
    """Record what each study has decided, and return it as tags for a tracker."""
    tags = {}
    for study in studies:
        decided, name = study.read(), study.experiment.name
        ledger.record_decisions(name, decided.record())
        tags[name] = {
            f"rin.decision.{row.key}": (
                f"{row.verdict} after {row.seeds} seeds: {row.estimate_text} ({row.interval_text})"
            )
            for row in decided.rows()
            if row.outcome is not None
        }
    return tags


def print_decided(decided: Decided, console: Console) -> None:
    """Print the state of each contrast, and whether there is a next look."""
    rows, study = decided.rows(), decided.study
    say(console, "")
    print_decisions(study.experiment.name, rows, console)
    later = [row.next_look for row in rows if row.next_look is not None]
    if later and min(later) > study.most:
        say(console, f"the next look needs {min(later)} seeds; raise --max-seeds {study.most}")
