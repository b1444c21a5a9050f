"""``--until-decided``: run a study look by look, and print what each look says."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from rich.console import Console

from reports.stats.sequential import LOOKS
from search_spaces.space import parse_seeds
from study.commands.context import Context
from study.commands.experiments import Tags, run_experiments
from study.commands.options import Options
from study.commands.printing import print_decisions, say
from study.ledger.ledger import Ledger
from study.planning.decide import Decided, Deciding, declare
from study.planning.grid import Experiment


def planned_studies(context: Context, experiments: Sequence[Experiment]) -> list[Deciding]:
    """Return the studies with their plans, which are declared here unless they are recorded.

    Args:
        context: Of the command.
        experiments: Each arm with the seeds 0 to :func:`most_seeds`.

    Raises:
        ValueError: A study has nothing to decide, or was declared with another plan.
    """
    options, ledger = context.options, context.ledger
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


def run_until_decided(context: Context, studies: Sequence[Deciding]) -> int:
    """Run look after look until everything is decided, or the hours or seeds are spent.

    Args:
        context: Of the command.
        studies: What to decide.

    Returns:
        The exit code, see :func:`~study.commands.experiments.run_experiments`.
    """
    hours = context.options.hours
    deadline = math.inf if hours is None else time.monotonic() + 3600 * hours

    def judge() -> Tags:
        return record_look(studies, context.ledger)

    while True:
        look = [study.read().experiment() for study in studies]
        code = run_experiments(context, look, judge, deadline)
        decided = [study.read() for study in studies]
        for one in decided:
            print_decided(one, context.console)
        if code or not any(one.is_open for one in decided):
            return code
        if time.monotonic() >= deadline:
            context.say(f"--hours {hours:g}: spent; run the same command to resume")
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
