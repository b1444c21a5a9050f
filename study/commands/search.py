"""The course of a search: plan, run what is left, report, confirm the best on fresh seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from reports.page.search import build_search
from rin_core.cli import INTERRUPTED
from search_spaces.search import Search
from search_spaces.space import SpaceError, parse_seeds
from study.commands.options import Options
from study.commands.show import show_search
from study.ledger.ledger import Ledger
from study.ledger.search_record import SearchRecord
from study.planning.grid import Plan, make_plan
from study.planning.search import SearchPlan, make_search_plans

Confirm = Callable[[Plan, str], int]
"""Runs the trials of a grid as an experiment and returns the exit code."""


def sized(search: Search, trials: int | None, hours: float | None, seeds: str | None) -> Search:
    """Return a search with the budget and the confirmation that the command line asks for.

    Args:
        search: As its space has it.
        trials: Trials of each arm.
        hours: Hours after which no trial begins.
        seeds: Seeds of the confirmation; ``0`` confirms nothing.

    Raises:
        SpaceError: A budget or seeds that cannot be.
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
    """Resolve a search; raises ``ValueError`` as :func:`make_search_plans` does."""
    return make_search_plans(
        search,
        ledger,
        options.data,
        name=options.experiment,
        arms=options.arms,
        overrides=options.overrides(),
        data_root=options.data_root,
        embeddings=options.embeddings,
    )


def run_search(
    plan: SearchPlan, options: Options, command: str, console: Console, confirm: Confirm
) -> int:
    """Run a search on one corpus.

    Args:
        plan: What to run.
        options: Where, and with how much of the machine.
        command: How it was asked for.
        console: Where progress goes.
        confirm: What runs the confirmation.

    Returns:
        0 if the budget was spent and the confirmation is complete, 130 after an interruption,
        else 1.
    """
    for note in dict.fromkeys(n for corpus in plan.plan.corpora.values() for n in corpus.notes):
        console.print(note, style="dim", highlight=False, markup=False)
    record = SearchRecord(plan.ledger, plan.experiment)
    record.open(plan.header(command), plan.identities())
    plan.ledger.refresh(plan.ledger.run(trial.fingerprint) for trial in record.trials)
    code = _search(plan, record, options, console)
    show_search(options.out, plan.experiment, console)
    if code == 1:
        console.print("the same command goes on from here")
    if code:
        return code
    code = _confirm(plan, record, options, confirm)
    for path in build_search(options.out, options.out / "reports", plan.experiment):
        console.print(f"  {path}", highlight=False, markup=False)
    return code


def _search(plan: SearchPlan, record: SearchRecord, options: Options, console: Console) -> int:
    """Run what is left of the search and report it; return the exit code."""
    # Imported late: a typing mistake should not wait for Ray's and MLflow's imports.
    from study.execution.cluster import require_listener
    from study.search.session import SearchStudy

    require_listener(options.ray_address)
    study = SearchStudy(plan, record, options.uri(), options.out, console)
    left = study.left()
    console.print(
        f"{plan.experiment}: {len(plan.starts)} arms × {plan.search.budget} trials: "
        f"{len(record.trials)} begun before, {left} to run",
        highlight=False,
        markup=False,
    )
    if left:
        study.run(options.resources())
    files = build_search(options.out, options.out / "reports", plan.experiment)
    if unsent := study.close(files):
        console.print(f"[yellow]{unsent} writes to MLflow failed; the same command sends them")
    if study.interrupted:
        return INTERRUPTED
    return 0 if study.complete() else 1


def _confirm(plan: SearchPlan, record: SearchRecord, options: Options, confirm: Confirm) -> int:
    """Train each arm's best and its paper settings on seeds that chose neither."""
    grid = plan.confirmation(record)
    if grid is None:
        return 0
    confirmation = make_plan(
        grid,
        plan.ledger,
        [plan.source],
        seeds=grid.seeds,
        overrides=plan.overrides,
        data_root=options.data_root,
        embeddings=options.embeddings,
    )
    return confirm(confirmation, plan.confirmed)


def show_plans(plans: Sequence[SearchPlan], console: Console) -> None:
    """Show what a search would do."""
    for plan in plans:
        record = SearchRecord(plan.ledger, plan.experiment)
        record.check(plan.identities())
        table = Table("arm", "trials", "begun", "starts at", box=None)
        for name, start in plan.starts.items():
            point = plan.search.start(start.trial.config)
            shown = " ".join(f"{path}={value}" for path, value in point.items())
            table.add_row(name, str(plan.search.budget), str(len(record.of(name))), shown)
        console.print(table, markup=False)
        for path, parameter in plan.search.parameters.items():
            only = f" where {dict(parameter.when)}" if parameter.when else ""
            text = f"{path}: {parameter.distribution}{only}"
            console.print(text, highlight=False, markup=False)
        if plan.search.sampler == "grid":
            points = [len(plan.search.first_points(plan.base(name))) for name in plan.starts]
            console.print(f"a grid of {max(points):,} points", highlight=False)
        grid = plan.search.confirm_seeds
        total = len(plan.starts) * plan.search.budget
        console.print(
            f"{plan.experiment}: {total} trials with seed {plan.search.seed}, then the best of "
            f"each arm and its start on seeds {', '.join(map(str, grid)) or 'none'}",
            markup=False,
        )
