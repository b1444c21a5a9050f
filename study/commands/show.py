"""``show``: print the state of a study or a search."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Console
from rich.markup import escape

from reports.document.formatting import points
from reports.document.table import Table
from reports.frames.searches import STATES, read_search
from reports.frames.select import arm_label
from reports.frames.trials import UnknownExperiment, read_ledger
from reports.tables.caveats import mark_caveats
from reports.tables.confirmation import comparison, confirmation
from reports.tables.search import audit, audit_verdict, best_trials, compute, running_trials, saving
from study.commands.caveats import print_caveats
from study.commands.printing import print_rows
from study.ledger.ledger import Ledger
from study.ledger.schema import Epoch
from study.ledger.state import Caveat, TrialState
from study.tracking.progress import format_duration

if TYPE_CHECKING:
    from study.commands.arguments import Show


def run(options: Show, console: Console) -> int:
    """Print, and return the exit code.

    Raises:
        UnknownExperiment: There is no such study or search.
        LedgerError: Its record cannot be read.
    """
    ledger = Ledger(options.out)
    searched, studies = ledger.searches(), ledger.studies()
    if options.experiment in searched:
        show_search(options.out, options.experiment, console)
    elif options.experiment in studies:
        show_grid(options.out, options.experiment, console)
    else:
        known = ", ".join([*searched, *studies]) or "none"
        raise UnknownExperiment(
            f"{options.experiment}: no such study or search in {options.out}; known: {known}"
        )
    return 0


def show_search(out: Path, experiment: str, console: Console) -> None:
    """Show a search.

    Raises:
        LedgerError: There is no such search, or its record cannot be read.
    """
    data = read_search(out, experiment)
    data = dataclasses.replace(data, trials=_with_epochs(out, data.trials))
    _print_head(console, experiment, data.title)
    counts = data.trials.groupby(["arm", "state"]).size().unstack(fill_value=0)
    rows = [
        {"arm": arm, "trials": f"{counts.loc[arm].sum()}/{data.budget}"}
        | {state: str(counts.loc[arm].get(state, 0)) for state in STATES}
        for arm in counts.index
    ]
    print_rows(console, "trials by arm", rows)
    for make in (running_trials, best_trials, confirmation, comparison, compute):
        _print_table(console, mark_caveats(make(data), data.runs()))
    _print_caveats(out, data.trials[data.trials["state"] == TrialState.FINISHED], console)
    console.print(saving(data), highlight=False)
    audited = audit(data)
    if audited.rows:
        _print_table(console, audited)
        console.print(audit_verdict(data), markup=False)


def _with_epochs(out: Path, trials: pd.DataFrame) -> pd.DataFrame:
    """Return trials with the epochs so far of those under way: a record has them at their end."""
    trials, ledger = trials.copy(), Ledger(out)
    for place, trial in trials[trials["state"] == TrialState.RUNNING].iterrows():
        history = ledger.run(trial["fingerprint"]).history()
        own = history[trial["inherited"] :]
        seen = {
            "dev_f1": max((row.selection_f1 for row in history), default=math.nan),
            **{"epochs": len(history), "seconds": _seconds(history)},
            **{"spent_epochs": len(own), "spent_seconds": _seconds(own)},
        }
        trials.loc[place, list(seen)] = list(seen.values())
    return trials


def show_grid(out: Path, experiment: str, console: Console) -> None:
    """Show a study of a grid.

    Raises:
        LedgerError: There is no such study, or its record cannot be read.
    """
    frame = read_ledger(out, [experiment])
    begun = _begun(out, frame)
    frame["seconds"] = frame["seconds"].fillna(pd.Series(map(_seconds, begun), dtype="float64"))
    _print_head(console, experiment, frame["command"].iloc[0])
    groups = frame.groupby(["arm", "selection"], sort=False)
    print_rows(console, "trials by arm", [_arm_row(cells) for _, cells in groups])
    pairs = zip(frame.iterrows(), begun, strict=True)
    rows = [_begun_row(trial, history) for (_, trial), history in pairs if history]
    print_rows(console, "running trials", rows)
    learned = frame["caveat"] != Caveat.NOTHING_LEARNED
    best = frame[(frame["status"] == TrialState.FINISHED) & learned].nlargest(5, "dev_f1")
    print_rows(console, "best trials", [_trial_row(trial) for _, trial in best.iterrows()])
    _print_caveats(out, frame[frame["status"] == TrialState.FINISHED], console)
    spent = frame.groupby("status")["seconds"].agg(["size", "sum"])
    rows = [
        {
            "outcome": str(status),
            "trials": str(int(row["size"])),
            "time": format_duration(row["sum"]),
        }
        for status, row in spent.iterrows()
    ]
    print_rows(console, "compute by outcome", rows)


def _print_caveats(out: Path, finished: pd.DataFrame, console: Console) -> None:
    ledger = Ledger(out)
    print_caveats((ledger.run(name).result() for name in finished["fingerprint"]), console)


def _begun(out: Path, frame: pd.DataFrame) -> list[list[Epoch]]:
    """Return the epochs so far of each trial that has begun and not ended, of others none."""
    ledger = Ledger(out)
    return [
        ledger.run(name).history() if status == TrialState.RUNNING else []
        for name, status in zip(frame["fingerprint"], frame["status"], strict=True)
    ]


def _seconds(history: Sequence[Epoch]) -> float:
    return sum((row.seconds for row in history), 0.0)


def _begun_row(trial: pd.Series, history: Sequence[Epoch]) -> dict[str, str]:
    on_dev = trial["selection"] == "dev"
    best = max(row.selection_f1 for row in history) if on_dev else math.nan
    return {
        "trial": _name(trial),
        "epochs": str(len(history)),
        "best dev F1": points(100 * best),
        "time": format_duration(_seconds(history)),
        "fingerprint": str(trial["fingerprint"]),
    }


def _name(trial: pd.Series) -> str:
    return f"{arm_label(trial.to_frame().T)}, seed {trial['seed']}"


def _arm_row(cells: pd.DataFrame) -> dict[str, str]:
    counts = cells["status"].value_counts()
    row = {"arm": arm_label(cells)}
    row |= {state: str(counts[state]) for state in TrialState if state in counts}
    return row | {
        "mean dev F1": points(
            100 * cells.loc[cells["status"] == TrialState.FINISHED, "dev_f1"].mean()
        )
    }


def _trial_row(trial: pd.Series) -> dict[str, str]:
    scores = {f"{split} F1": points(100 * trial[f"{split}_f1"]) for split in ("dev", "test")}
    row = {"trial": _name(trial), **scores}
    row |= {"epochs": str(trial["epochs"]), "fingerprint": str(trial["fingerprint"])}
    return row | ({"caveat": trial["caveat"]} if trial["caveat"] else {})


def _print_head(console: Console, experiment: str, text: str) -> None:
    console.print(f"[bold]{escape(experiment)}[/bold]: {escape(text)}", highlight=False)


def _print_table(console: Console, table: Table) -> None:
    rows = [
        {table.head.lower(): row.marked_label}
        | {name: cell.text for name, cell in row.cells.items()}
        for row in table.rows
    ]
    print_rows(console, table.title, rows)
