"""Run a search: plan, run what is missing, report, race the best settings on fresh seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from rin_core.cli import INTERRUPTED
from rin_core.plural import plural
from search_spaces.search import Search
from search_spaces.space import SpaceError, parse_seeds
from study.commands.context import Context, Ended
from study.commands.corpora import print_corpora
from study.commands.dry_run import trial_slots
from study.commands.experiments import run_experiments
from study.commands.options import Options
from study.commands.printing import print_faster, print_presets, print_unsent
from study.commands.search_plan import objectives_text, print_plans
from study.ledger.arms import CANDIDATES
from study.ledger.pareto import front
from study.ledger.search_record import SearchRecord
from study.ledger.state import TrialState
from study.planning.grid import Plan, make_plan
from study.planning.race import candidates, stages
from study.planning.requirements import check_search, faster_settings
from study.planning.search import SearchPlan, make_search_plans
from study.search.open import check_feedback, check_sampler

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


def run_search(context: Context, space: Search) -> Ended:
    """Run a search on each corpus, or print what it would do.

    Raises:
        ValueError: An option does not apply, or a setting or a corpus is invalid.
    """
    options, ledger, console = context.options, context.ledger, context.console
    if options.until_decided:
        raise ValueError(f"--until-decided: applies to grids, and {space.name} is a search")
    plans = _plans(context, sized(space, options.trials, options.hours, options.seeds))
    print_presets({plan.corpus.name: plan.preset for plan in plans}, console)
    print_corpora((c for plan in plans for c in plan.plan.corpora.values()), console)
    for plan in plans:
        _check_left(plan, options)
    starts = (start.trial.config for plan in plans for start in plan.starts.values())
    print_faster(faster_settings(starts, options.device()), console)
    if options.dry_run:
        print_plans(plans, trial_slots(options), console)
        return Ended(0, ())
    code = 0
    with ledger.exclusive():
        for plan in plans:
            code = max(code, _run(context, plan))
            if code == INTERRUPTED:
                break
    return _ended(context, plans, code)


def _plans(context: Context, search: Search) -> list[SearchPlan]:
    """Plan a search on each corpus."""
    options = context.options
    check_sampler(search)
    plans = make_search_plans(
        search,
        context.ledger,
        options.data,
        name=options.experiment,
        arms=options.arms,
        overrides=options.overrides(),
        data_root=options.data_root,
        embeddings=options.embeddings,
    )
    for plan in plans:
        check_feedback(plan.search)
    return plans


def _check_left(plan: SearchPlan, options: Options) -> None:
    """Raise ``ConfigError`` if a search has trials to run that cannot be trained."""
    if plan.left(SearchRecord(plan.ledger, plan.experiment)):
        corpora = plan.plan.corpora
        starts = [(s.trial.config, corpora[s.corpus_key]) for s in plan.starts.values()]
        check_search(plan.search, starts, options.device())


def _ended(context: Context, plans: Sequence[SearchPlan], code: int) -> Ended:
    """Return the studies of the runs on fresh seeds; searches without them are named themselves."""
    ledger, runs = context.ledger, context.closing.runs
    known = ledger.study_names()
    names: list[str] = []
    for plan in plans:
        if plan.confirmed in known:
            names.append(plan.confirmed)
            continue
        names.append(plan.experiment)
        trials = SearchRecord(ledger, plan.experiment).trials
        runs |= {trial.fingerprint for trial in trials if trial.arm in plan.starts}
    return Ended(code, tuple(names), frozenset(runs))


def _run(context: Context, plan: SearchPlan) -> int:
    """Run a search on one corpus.

    Returns:
        0 if the budget is spent and the confirmation is complete, 130 after Ctrl-C, else 1.
    """
    # Imported late: a typing error should not wait for the import of pandas.
    from reports.page.search import build_search
    from study.commands.show import show_search

    runs = context.options.runs
    record = SearchRecord(plan.ledger, plan.experiment)
    record.open(plan.record(context.options.record()))
    plan.ledger.refresh(plan.ledger.run(trial.fingerprint) for trial in record.trials)
    code = _run_trials(context, plan, record)
    show_search(runs, plan.experiment, context.console)
    if code == 1:
        context.say("run the same command to resume")
    if code:
        return code
    finished = [trial for trial in record.trials if trial.state is TrialState.FINISHED]
    if finished and not any(trial.best > 0 for trial in finished):
        context.say(f"{plan.experiment}: no trial has learned anything, so none is confirmed")
    _print_fronts(context, plan, record)

    def confirm(stage: Plan, experiment: str) -> int:
        return run_experiments(context, stage.experiments(experiment))

    code = race_best(plan, record, context.options, confirm)
    build_search(runs, runs / "reports", plan.experiment)
    return code


def _run_trials(context: Context, plan: SearchPlan, record: SearchRecord) -> int:
    """Run the missing trials, report them, and return the exit code."""
    # Imported late: a typing error should not wait for Ray's and MLflow's imports.
    from reports.page.search import build_search
    from study.execution.cluster import require_listener
    from study.search.importance import record_importance
    from study.search.session import SearchSession

    options = context.options
    require_listener(options.ray_address)
    if plan.grace is not None:
        context.say(f"{plan.experiment}: {plan.grace}")
    if plan.search.cost is not None:
        context.say(f"{plan.experiment}: {objectives_text(plan.search)}")
    study = SearchSession(plan, record, options.uri(), context.console)
    left = study.left()
    total = len(plan.starts) * plan.search.budget
    context.say(
        f"{plan.experiment}: {total - left} of {plural(total, 'trial')} done, {left} to run "
        f"({plural(len(plan.starts), 'arm')} × {plan.search.budget})",
    )
    if left:
        context.say("connecting to Ray …" if options.ray_address else "starting Ray …")
        study.run(options.resources())
    record_importance(plan.ledger, plan.experiment)
    files = build_search(options.runs, options.runs / "reports", plan.experiment)
    print_unsent(study.close(files), context.console)
    context.closing.add_views(study.tracker.how_to_view())
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


def _print_fronts(context: Context, plan: SearchPlan, record: SearchRecord) -> None:
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
        context.say(f"{text}, {count} of them on fresh seeds ({fresh})")
