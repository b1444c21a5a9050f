"""Run a search: plan, run what is missing, report, race the best settings on fresh seeds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from rin_core.cli import INTERRUPTED
from rin_core.plural import plural
from search_spaces.objectives import COSTS
from search_spaces.search import Search
from search_spaces.space import SpaceError, parse_seeds
from study.commands.dry_run import elapsed_text
from study.commands.options import Options
from study.commands.printing import print_unsent, say
from study.ledger.arms import CANDIDATES
from study.ledger.ledger import Ledger
from study.ledger.pareto import front
from study.ledger.search_record import SearchRecord
from study.ledger.state import ENDED_WITHOUT_ERROR, TrialState
from study.planning.estimate import TimeEstimate, mean_epoch
from study.planning.grid import Plan, make_plan
from study.planning.race import FINALISTS, FIRST_SEEDS, candidates, race_size, stages
from study.planning.requirements import check_search
from study.planning.search import SearchPlan, make_search_plans
from study.search.open import check_feedback, check_sampler

if TYPE_CHECKING:
    from study.commands.closing import Closing

Confirm = Callable[[Plan, str], int]
"""Runs the trials of a grid as an experiment and returns the exit code."""


def sized(search: Search, trials: int | None, hours: float | None, seeds: str | None) -> Search:
    """Return a search with the command line's budget and confirmation seeds.

    Args:
        search: The search as its space defines it.
        trials: Trials of each arm.
        hours: Hours after which no trial starts.
        seeds: Seeds of the confirmation; ``0`` skips it.

    Raises:
        SpaceError: The budget or the seeds are invalid.
    """
    if trials is not None and trials < 1:
        raise SpaceError(f"--trials {trials}: must be at least 1")
    if hours is not None and hours <= 0:
        raise SpaceError(f"--hours {hours:g}: must be positive")
    changes: dict[str, object] = {"hours": hours if hours is not None else search.hours}
    if trials is not None:
        changes |= {"budget": trials, "demo_budget": trials}
    if seeds is not None:
        chosen = () if seeds.strip() == "0" else parse_seeds(seeds)
        changes |= {"confirm_seeds": chosen, "demo_seeds": len(chosen)}
    return dataclasses.replace(search, **changes)  # type: ignore[arg-type]


def plans(search: Search, options: Options, ledger: Ledger) -> list[SearchPlan]:
    """Plan a search on each corpus; raises ``ValueError`` as :func:`make_search_plans` does."""
    check_sampler(search)
    found = make_search_plans(
        search,
        ledger,
        options.data,
        name=options.experiment,
        arms=options.arms,
        overrides=options.overrides(),
        data_root=options.data_root,
        embeddings=options.embeddings,
    )
    for plan in found:
        check_feedback(plan.search)
    return found


def check_left(plan: SearchPlan, options: Options) -> None:
    """Raise ``ConfigError`` if a search has trials to run that cannot be trained."""
    if plan.left(SearchRecord(plan.ledger, plan.experiment)):
        corpora = plan.plan.corpora
        starts = [(s.trial.config, corpora[s.corpus_key]) for s in plan.starts.values()]
        check_search(plan.search, starts, options.device())


def run_search(
    plan: SearchPlan, options: Options, console: Console, closing: Closing, confirm: Confirm
) -> int:
    """Run a search on one corpus.

    Args:
        plan: The trials.
        options: Resources, output folder, tracking.
        console: Prints progress.
        closing: Receives what is printed at the end of the command.
        confirm: Runs the confirmation.

    Returns:
        0 if the budget is spent and the confirmation is complete, 130 after Ctrl-C, else 1.
    """
    # Imported late: a typing error should not wait for the import of pandas.
    from reports.page.search import build_search
    from study.commands.show import show_search

    record = SearchRecord(plan.ledger, plan.experiment)
    record.open(plan.record(options.record()))
    plan.ledger.refresh(plan.ledger.run(trial.fingerprint) for trial in record.trials)
    code = _search(plan, record, options, console, closing)
    show_search(options.runs, plan.experiment, console)
    if code == 1:
        say(console, "run the same command to resume")
    if code:
        return code
    finished = [trial for trial in record.trials if trial.state is TrialState.FINISHED]
    if finished and not any(trial.best > 0 for trial in finished):
        say(console, f"{plan.experiment}: no trial has learned anything, so none is confirmed")
    _print_fronts(plan, record, console)
    code = race_best(plan, record, options, confirm)
    build_search(options.runs, options.runs / "reports", plan.experiment)
    return code


def _search(
    plan: SearchPlan, record: SearchRecord, options: Options, console: Console, closing: Closing
) -> int:
    """Run the missing trials, report them, and return the exit code."""
    # Imported late: a typing error should not wait for Ray's and MLflow's imports.
    from reports.page.search import build_search
    from study.execution.cluster import require_listener
    from study.search.importance import record_importance
    from study.search.session import SearchSession

    require_listener(options.ray_address)
    if plan.grace is not None:
        say(console, f"{plan.experiment}: {plan.grace}")
    if plan.search.cost is not None:
        say(console, f"{plan.experiment}: {objectives_text(plan.search)}")
    study = SearchSession(plan, record, options.uri(), console)
    left = study.left()
    total = len(plan.starts) * plan.search.budget
    say(
        console,
        f"{plan.experiment}: {total - left} of {plural(total, 'trial')} done, {left} to run "
        f"({plural(len(plan.starts), 'arm')} × {plan.search.budget})",
    )
    if left:
        say(console, "connecting to Ray …" if options.ray_address else "starting Ray …")
        study.run(options.resources())
    record_importance(plan.ledger, plan.experiment)
    files = build_search(options.runs, options.runs / "reports", plan.experiment)
    print_unsent(study.close(files), console)
    closing.add_views(study.tracker.how_to_view())
    if study.interrupted:
        return INTERRUPTED
    return 0 if study.complete() else 1


def race_best(plan: SearchPlan, record: SearchRecord, options: Options, confirm: Confirm) -> int:
    """Race each arm's best settings and its start on seeds that selected none of them."""
    for grid in stages(plan, record):
        stage = make_plan(
            grid,
            plan.ledger,
            [plan.source],
            seeds=grid.seeds,
            overrides=plan.overrides,
            data_root=options.data_root,
            embeddings=options.embeddings,
            encoded=dict(plan.plan.corpora),
        )
        if code := confirm(stage, plan.confirmed):
            return code
    return 0


def print_plans(plans: Sequence[SearchPlan], slots: int, console: Console) -> None:
    """Print what a search would do, with so many trials at once."""
    for plan in plans:
        record = SearchRecord(plan.ledger, plan.experiment)
        record.check(plan.identities())
        table = Table("arm", "trials", "started", "initial values", box=None)
        for name, start in plan.starts.items():
            point = plan.search.start(start.trial.config)
            values = " ".join(f"{path}={value}" for path, value in point.items())
            table.add_row(name, str(plan.search.budget), str(len(record.of(name))), values)
        console.print(table, markup=False)
        for path, parameter in plan.search.parameters.items():
            when = (f"{k} {', '.join(map(str, v))}" for k, v in parameter.when.items())
            condition = f", only with {' and '.join(when)}" if parameter.when else ""
            say(console, f"{path}: {parameter.values}{condition}")
        if plan.search.sampler == "grid":
            points = max(len(plan.search.first_points(plan.base(name))) for name in plan.starts)
            say(console, f"a grid of {plural(points, 'point')}")
        if plan.grace is not None:
            say(console, str(plan.grace))
        if plan.search.cost is not None:
            say(console, objectives_text(plan.search))
        total = plural(len(plan.starts) * plan.search.budget, "trial")
        say(
            console,
            f"{plan.experiment}: {total} with seed {plan.search.seed}, then {_race_text(plan)}",
        )
        _print_time(plan, record, slots, console)


def objectives_text(search: Search) -> str:
    """Return what a search with two objectives optimises, in words."""
    cost = COSTS[search.objectives[1]]
    return f"objectives: highest dev F1 and least {search.cost} ({cost}); nothing is pruned"


def _print_fronts(plan: SearchPlan, record: SearchRecord, console: Console) -> None:
    """Print how many settings each front has, and how many of them run on fresh seeds."""
    cost = plan.search.cost
    if cost is None:
        return
    raced = candidates(plan, record) if plan.search.confirm_seeds else {}
    for arm in plan.starts:
        found = front(record.of(arm), cost)
        known = {trial.number for trial in found}
        on_front = [trial for trial in raced.get(arm, []) if trial.number in known]
        start = plan.starts[arm].run.fingerprint
        count = len(on_front) + any(trial.fingerprint == start for trial in found)
        text = f"{arm}: the front of dev F1 and {cost} has {plural(len(found), 'setting')}"
        fresh = f"at most {CANDIDATES} and the initial settings"
        say(console, f"{text}, {count} of them on fresh seeds ({fresh})")


def _race_text(plan: SearchPlan) -> str:
    """Return what runs on fresh seeds, in words."""
    seeds = [str(seed) for seed in plan.search.confirm_seeds]
    if not seeds:
        return "nothing on fresh seeds"
    if plan.search.cost is not None:
        return (
            f"each arm's initial settings and {CANDIDATES} settings of its front of dev F1 and "
            f"{plan.search.cost} on seeds {', '.join(seeds)}"
        )
    first, rest = ", ".join(seeds[:FIRST_SEEDS]), ", ".join(seeds[FIRST_SEEDS:])
    text = f"each arm's {CANDIDATES} best and initial settings on seeds {first}"
    return f"{text}, and the {FINALISTS} best of them on seeds {rest}" if rest else text


def _print_time(plan: SearchPlan, record: SearchRecord, slots: int, console: Console) -> None:
    """Print how long the missing trials will take, from the mean time of those that ended."""
    own = [trial for arm in plan.starts for trial in record.of(arm)]
    ended = [trial for trial in own if trial.state in ENDED_WITHOUT_ERROR]
    left = len(plan.starts) * plan.search.budget - len(ended)
    if not ended:
        say(console, _first_estimate(plan, slots))
    elif left > 0:
        mean = sum(sum(trial.seconds) for trial in ended) / len(ended)
        time = elapsed_text(mean * math.ceil(left / slots), mean * left, slots)
        basis = plural(len(ended), "trial")
        say(console, f"{plural(left, 'trial')}: about {time}; estimate from {basis}")


def _first_estimate(plan: SearchPlan, slots: int) -> str:
    """Return how long a search that has not begun takes, from runs with its arms' settings."""
    search, results = plan.search, list(plan.ledger.results())
    raced = race_size(len(search.confirm_seeds), search.cost)
    seconds, runs, unknown = list[float](), 0, list[str]()
    for arm, start in plan.starts.items():
        config = start.trial.config
        found = mean_epoch(results, plan.corpus.name, config, search.parameters)
        if found is None:
            unknown.append(arm)
            continue
        seconds += [found[0] * config.training.max_epochs] * (search.budget + raced)
        runs += found[1]
    if not seconds:
        return "no estimate of the time: the ledger has no finished run with these settings"
    estimate = TimeEstimate(seconds=tuple(seconds), runs=runs, unknown=tuple(unknown))
    time = elapsed_text(estimate.elapsed(slots), sum(seconds), slots)
    arms = len(plan.starts) - len(unknown)
    trials, fresh = plural(arms * search.budget, "trial"), plural(arms * raced, "run")
    text = (
        f"{trials} and {fresh} on fresh seeds: at most {time}; estimate from {plural(runs, 'run')}"
    )
    if search.asha is not None:
        text += "; pruning shortens this"
    return f"{text}; no estimate for {', '.join(unknown)}" if unknown else text
