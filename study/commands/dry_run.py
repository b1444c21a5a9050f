"""What a study would do: ``--dry-run``, and what the ledger has of it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from rin_core.config import Config
from rin_core.durations import format_duration
from rin_core.plural import plural
from study.commands.options import Options
from study.commands.printing import say
from study.execution.cpus import slots as cpu_slots
from study.execution.packing import trials_that_fit
from study.ledger.ledger import Ledger
from study.planning.continuing import Continuations
from study.planning.estimate import TimeEstimate, estimate_time
from study.planning.grid import Experiment, PlannedTrial, merge_corpora, merge_trials


def print_plan(
    experiments: Sequence[Experiment], ledger: Ledger, slots: int, console: Console
) -> None:
    """Print the trials, their settings and their states, then how many and how long.

    Args:
        experiments: With all their trials.
        ledger: What it has is not run.
        slots: How many trials will run at once.
        console: Where to print.
    """
    trials, known = merge_trials(experiments), Continuations(ledger)
    corpora = merge_corpora(experiments)
    presets = {e.corpus_name: e.preset for e in experiments}
    table = Table("fingerprint", "arm", "corpus", "seed", "state", box=None)
    table.add_column("settings that differ from the preset", overflow="fold")
    for planned in trials:
        config = planned.trial.config
        start = Config().with_overrides(presets[planned.corpus_name].settings).flat()
        changed = {k: v for k, v in config.flat().items() if v != start[k] and k != "training.seed"}
        found = known.find(planned.run, config, corpora[planned.corpus_key].digest)
        table.add_row(
            planned.run.fingerprint,
            planned.trial.arm,
            planned.corpus_name,
            str(planned.trial.seed),
            state_text(planned) if found is None else str(found),
            " ".join(f"{k}={v}" for k, v in changed.items()),
        )
    console.print(table, markup=False)
    for experiment in experiments:
        print_changes(experiment, ledger, console)
    say(console, counts_text(trials), "bold")
    if left := [planned for planned in trials if not planned.run.is_finished]:
        words = {planned.corpus_name: corpora[planned.corpus_key].epoch_tokens for planned in left}
        say(console, _time_text(estimate_time(ledger, left, words), slots))


def counts_text(trials: Sequence[PlannedTrial]) -> str:
    """Return how many trials are finished, remain and are resumed, in words."""
    left = [planned for planned in trials if not planned.run.is_finished]
    resumed = sum(bool(planned.run.history()) for planned in left)
    counts = f"{len(trials) - len(left)} finished, {len(left)} to run"
    text = f"{plural(len(trials), 'trial')}: {counts}"
    return f"{text}, {resumed} of them resumed" if resumed else text


def trial_slots(options: Options) -> int:
    """Return how many trials will run at once: what fits here, or ``--max-concurrent``.

    Ray may find less memory than the trials take. The nodes of a cluster are not known before it
    is joined: without ``--max-concurrent``, the answer for a cluster is 1.
    """
    if options.ray_address is not None:
        return options.max_concurrent or 1
    import torch

    gpus = torch.cuda.device_count()
    share = options.gpus_per_trial if options.gpus_per_trial is not None else float(gpus > 0)
    here = {"CPU": float(cpu_slots()), "GPU": float(gpus)}
    fit = trials_that_fit(here, {"CPU": options.cpus_per_trial, "GPU": share})
    return max(1, min(fit, options.max_concurrent or fit))


def elapsed_text(elapsed: float, training: float, slots: int) -> str:
    """Return how long trials take on a number of slots, and how much training that is."""
    if slots == 1:
        return f"{format_duration(training)}, one trial at a time"
    return (
        f"{format_duration(elapsed)} with {slots} trials at a time "
        f"({format_duration(training)} of training)"
    )


def _time_text(estimate: TimeEstimate, slots: int) -> str:
    """Return an estimate in words."""
    count = len(estimate.seconds)
    if not count:
        return "no estimate of the time: the ledger has no finished run of such arms"
    time = elapsed_text(estimate.elapsed(slots), sum(estimate.seconds), slots)
    bound = "roughly" if estimate.is_rough else "at most"
    text = f"{plural(count, 'trial')}: {bound} {time}; estimate from {plural(estimate.runs, 'run')}"
    if estimate.is_rough:
        text += " with other settings"
    if estimate.scaled_from:
        part = f", {estimate.scaled_runs} of them" if estimate.scaled_runs < estimate.runs else ""
        text += f"{part} on {', '.join(estimate.scaled_from)}, scaled by the words of train"
    missing = ", ".join(estimate.unknown)
    return f"{text}; no estimate for {missing}" if missing else text


def state_text(planned: PlannedTrial) -> str:
    """Return the state of a trial in words."""
    if planned.run.is_finished:
        return "finished"
    if (failure := planned.run.failure()) is not None:
        return f"failed: {failure.reason}"
    if (pruned := planned.run.pruned()) is not None:
        return f"resumes after epoch {pruned.epoch}, where a search pruned it"
    epochs = len(planned.run.history())
    # A large checkpoint is not written after every epoch.
    after = planned.run.saved_epochs() or epochs
    return f"resumes after epoch {after}" if epochs else "planned"


def print_changes(experiment: Experiment, ledger: Ledger, console: Console) -> None:
    """Print what the ledger has of an experiment with another corpus or other settings."""
    recorded = ledger.study(experiment.name)
    former = experiment.on_other_content(recorded)
    if count := sum(ledger.run(run.fingerprint).is_finished for run in former):
        say(
            console,
            f"{experiment.name}: corpus {experiment.corpus_name} or its vectors changed; reports "
            f"list {plural(count, 'trial')} on the old version and do not average them in",
            "yellow",
        )
    for arm, count in experiment.replaced(recorded).items():
        say(
            console,
            f"{experiment.name}: the settings of arm {arm} changed; reports leave out "
            f"{plural(count, 'trial')} with the old settings",
            "yellow",
        )
