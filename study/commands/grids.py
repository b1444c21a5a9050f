"""Run studies: every arm of a grid with every seed, or look by look until they decide."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rin_core.data.encoding import EncodedCorpus
from search_spaces.space import Grid
from study.commands import decide
from study.commands.context import Context, Ended
from study.commands.corpora import print_corpora
from study.commands.dry_run import print_plan, trial_slots
from study.commands.experiments import run_experiments, without_result
from study.commands.options import Options
from study.commands.printing import print_faster, print_presets
from study.planning.decide import Deciding
from study.planning.grid import Plan, make_plan, merge_trials, refuse_taken
from study.planning.requirements import faster_settings


def run_grids(context: Context, grids: Sequence[Grid]) -> Ended:
    """Run studies, or print what they would do.

    Raises:
        ValueError: An option does not apply, or a setting or a corpus is invalid.
    """
    options, ledger, console = context.options, context.ledger, context.console
    _check_options(options, grids)
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
    deciding = decide.planned_studies(context, experiments) if options.until_decided else []
    print_presets({e.corpus_name: e.preset for e in experiments}, console)
    print_corpora(encoded.values(), console)
    unfinished = (p.trial.config for p in merge_trials(experiments) if not p.run.is_finished)
    print_faster(faster_settings(unfinished, options.device()), console)
    if options.dry_run:
        without_result(experiments, options)
        if deciding:
            _print_next_look(context, deciding)
        else:
            print_plan(experiments, ledger, trial_slots(options), console)
        return Ended(0, ())
    _print_left_out(context, plans)
    with ledger.exclusive():
        if deciding:
            code = decide.run_until_decided(context, deciding)
        else:
            code = run_experiments(context, experiments)
    return Ended(code, tuple(names), frozenset(context.closing.runs))


def _check_options(options: Options, grids: Sequence[Grid]) -> None:
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


def _print_next_look(context: Context, deciding: Sequence[Deciding]) -> None:
    """Print the state of each study, and the trials of its next look."""
    for study in deciding:
        decided = study.read()
        decide.print_decided(decided, context.console)
        look, missing = decided.experiment(), decided.missing()
        if missing:
            rest = dataclasses.replace(look, trials=tuple(missing))
            print_plan([rest], context.ledger, trial_slots(context.options), context.console)


def _print_left_out(context: Context, plans: Sequence[Plan]) -> None:
    """Print which arms are left out, because they are the same model as another arm."""
    for plan in plans:
        planned = {trial.trial.arm for trial in plan.trials}
        for arm in plan.space.select(context.options.arms):
            if arm.name not in planned:
                text = f"arm {arm.name}: with these settings the same model as another arm"
                context.say(f"{text}, which is trained once", "yellow")
