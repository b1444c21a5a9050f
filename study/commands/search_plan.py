"""What a search would do: its trials, its runs on fresh seeds, and how long they take."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from rin_core.plural import plural
from search_spaces.objectives import COSTS
from search_spaces.search import Search
from study.commands.dry_run import elapsed_text
from study.commands.printing import say
from study.ledger.arms import CANDIDATES
from study.ledger.search_record import SearchRecord
from study.ledger.state import ENDED_WITHOUT_ERROR
from study.planning.estimate import TimeEstimate, mean_epoch
from study.planning.race import FINALISTS, FIRST_SEEDS, race_size
from study.planning.search import SearchPlan


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
        points = max(len(plan.search.first_points(plan.base(name))) for name in plan.starts)
        if plan.search.sampler == "grid":
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
