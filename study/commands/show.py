"""``show``: print the state of a study or a search, or the list of both."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console

from reports.document.formatting import points
from reports.document.table import Table
from reports.frames.decisions import study_decisions
from reports.frames.scores import comparable
from reports.frames.searches import STATES, ranked, read_search
from reports.frames.select import arm_label
from reports.frames.studies import StudyData, plan_of
from reports.frames.trials import (
    UnknownExperiment,
    complete_commands,
    experiments,
    read_contents,
    read_ledger,
    settings_of,
)
from reports.tables.caveats import mark_caveats
from reports.tables.confirmation import comparison, confirmation, tuning
from reports.tables.decisions import deviations
from reports.tables.experiment import differences_table
from reports.tables.search import (
    TOP,
    audit,
    audit_verdict,
    best_trials,
    compute,
    front,
    saving,
    unended_trials,
    unlearned_trials,
)
from rin_core.config import canonical_settings
from rin_core.durations import format_duration
from rin_core.suggestions import suggestion
from study.commands.arguments import Show
from study.commands.best_settings import best_settings
from study.commands.caveats import print_caveats, print_damaged, print_without_predictions
from study.commands.printing import print_decisions, print_rows, say
from study.ledger.ledger import Ledger
from study.ledger.schema import Epoch, Study
from study.ledger.state import UNENDED, Caveat, TrialState

#: Columns of a comparison that are printed; the report has all.
_JUDGED = ("Δ F1", "95 % CI", "p", "p equal", "Verdict")
#: Columns of a search that do not fit in a terminal; the report has all.
_IN_REPORTS = ("SE (df)", "p equal", "p permutation", "Δ F1, untuned", "95 % CI, untuned")
Differences = Mapping[str, Mapping[str, str]]
"""For each settings value, as text, the settings in which another value differs."""


def run(options: Show, console: Console) -> int:
    """Print, and return the exit code.

    Raises:
        UnknownExperiment: There is no such study or search.
        LedgerError: Its record cannot be read.
    """
    ledger = Ledger(options.runs)
    searched, studies = ledger.search_names(), ledger.study_names()
    if options.experiment is None:
        list_experiments(options.runs, console)
    elif options.experiment in searched:
        show_search(options.runs, options.experiment, console)
    elif options.experiment in studies:
        show_grid(options.runs, options.experiment, console)
    else:
        hint = suggestion(options.experiment, [*searched, *studies], "'show' alone lists them")
        raise UnknownExperiment(
            f"{options.experiment}: no such study or search in {options.runs}; {hint}"
        )
    return 0


def list_experiments(out: Path, console: Console) -> None:
    """List the searches and the studies of a ledger with the states of their trials.

    Raises:
        UnknownExperiment: There is none.
        LedgerError: A record cannot be read.
    """
    ledger = Ledger(out)
    searches = [read_search(out, name) for name in ledger.search_names()]
    rows = [
        _experiment_row(data.experiment, "search", data.corpus, data.trials["state"], data.updated)
        for data in searches
    ]
    for name in experiments(out) if ledger.study_names() or not searches else ():
        frame = read_ledger(out, [name])
        corpus, updated = frame["corpus"].iloc[0], frame["updated"].iloc[0]
        rows.append(_experiment_row(name, "study", corpus, frame["status"], updated))
    print_rows(console, f"experiments in {out}", rows)
    say(console, "for more: show NAME")


def _experiment_row(
    name: str, kind: str, corpus: str, states: pd.Series, updated: str
) -> dict[str, str]:
    counts = states.value_counts()
    trials = ", ".join(f"{counts[state]} {state}" for state in TrialState if state in counts)
    row = {"name": name, "kind": kind, "trials": trials, "last run": updated[:10]}
    return row if corpus in name else {**row, "corpus": corpus}


def show_search(out: Path, experiment: str, console: Console) -> None:
    """Show a search.

    Raises:
        LedgerError: There is no such search, or its record cannot be read.
    """
    data = read_search(out, experiment)
    data = dataclasses.replace(data, trials=_with_epochs(out, data.trials))
    say(console, f"{experiment}: {data.title}", "bold")
    counts = data.trials.groupby(["arm", "state"]).size().unstack(fill_value=0)
    shown = [state for state in STATES if state is not TrialState.INTERRUPTED or state in counts]
    rows = [
        {"arm": arm, "trials": f"{counts.loc[arm].sum()}/{data.budget}"}
        | {state: str(counts.loc[arm].get(state, 0)) for state in shown}
        for arm in counts.index
    ]
    print_rows(console, "trials by arm", rows)
    best = best_trials(data, fingerprint=True)
    if not best.rows:
        best = unlearned_trials(data)
    finished = data.trials[data.trials["state"] == TrialState.FINISHED]
    listed = len(ranked(data.trials)) or len(finished)
    best = dataclasses.replace(best, title=_title(best.title, len(best.rows), listed))
    confirmed = (confirmation(data), tuning(data), comparison(data))
    unended = [unended_trials(data, state) for state in UNENDED]
    for table in (*unended, front(data), best, *confirmed, compute(data)):
        _print_table(console, mark_caveats(table, data.runs()))
    if best_by_arm := best_settings(data):
        say(console, "best settings of each arm, to use them again:")
        for label, options in best_by_arm.items():
            say(console, f"{label}:")
            say(console, f"  {options}", whole=True)
    _print_elsewhere(
        out, data.trials.loc[data.trials["state"].isin(UNENDED), "fingerprint"], console
    )
    if data.confirmed is not None:
        _print_best("trials on fresh seeds", data.confirmed, {}, console)
    _print_caveats(out, finished, console)
    runs = list(data.trials["fingerprint"])
    if data.confirmed is not None:
        runs += list(data.confirmed["fingerprint"])
    print_damaged(Ledger(out), runs, console)
    say(console, saving(data))
    audited = audit(data)
    if audited.rows:
        _print_table(console, audited)
        say(console, audit_verdict(data))


def _with_epochs(out: Path, trials: pd.DataFrame) -> pd.DataFrame:
    """Return trials with the epochs so far of those under way: a record has them at their end."""
    trials, ledger = trials.copy(), Ledger(out)
    for place, trial in trials[trials["state"].isin(UNENDED)].iterrows():
        history = ledger.run(trial["fingerprint"]).history()
        own = history[trial["inherited"] :]
        seen = {
            "dev_f1": max((row.selection_f1 for row in history), default=math.nan),
            "epochs": len(history),
            "seconds": _seconds(history),
            "spent_epochs": len(own),
            "spent_seconds": _seconds(own),
        }
        trials.loc[place, list(seen)] = list(seen.values())
    return trials


def show_grid(out: Path, experiment: str, console: Console) -> None:
    """Show a study of a grid.

    Raises:
        LedgerError: There is no such study, or its record cannot be read.
    """
    frame, others = read_contents(out, [experiment])
    study = Ledger(out).study(experiment)
    assert study is not None, "its trials were read"
    settings = _differing_settings(study, pd.concat([frame, others]))
    begun = _begun(out, frame)
    frame["seconds"] = frame["seconds"].fillna(pd.Series(map(_seconds, begun), dtype="float64"))
    title = frame["title"].iloc[0]
    say(console, f"{experiment}: {title}" if title else experiment, "bold")
    for command in complete_commands(frame):
        say(console, command, whole=True)
    groups = frame.groupby(["settings", "arm", "selection"], sort=False)
    print_rows(console, "trials by arm", [_arm_row(cells, settings) for _, cells in groups])
    if study.decisions is None:
        _print_verdicts(out, frame, settings, console)
    else:
        _print_plan(study, frame, console)
    pairs = [(trial, own) for (_, trial), own in zip(frame.iterrows(), begun, strict=True) if own]
    for state in UNENDED:
        rows = [_begun_row(*pair, settings) for pair in pairs if pair[0]["status"] == state]
        print_rows(console, f"{state} trials", rows)
    _print_elsewhere(out, (str(trial["fingerprint"]) for trial, _ in pairs), console)
    _print_best("trials", frame, settings, console)
    rows = [_trial_row(trial, settings) for _, trial in others.iterrows()]
    print_rows(console, "on other versions of the corpus, not averaged in", rows)
    finished = frame[frame["status"] == TrialState.FINISHED]
    _print_caveats(out, finished, console)
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
    print_without_predictions(Ledger(out), finished["fingerprint"], console)
    print_damaged(Ledger(out), frame["fingerprint"], console)


def _print_plan(study: Study, frame: pd.DataFrame, console: Console) -> None:
    """Print what a study with ``--until-decided`` has decided."""
    plan = plan_of(study, frame)
    if plan is None:
        text = "decisions: not shown, because they are on other settings or another corpus version"
        say(console, text)
        return
    print_decisions(study.experiment, study_decisions(frame, plan), console)
    for note in deviations(frame, plan):
        say(console, note, "dim")


def _print_verdicts(
    out: Path, frame: pd.DataFrame, settings: Differences, console: Console
) -> None:
    """Print the verdict on each arm against the reference, as the report has it."""
    finished = frame[frame["status"] == TrialState.FINISHED]
    several = finished.groupby("settings", sort=False)["arm"].nunique() > 1
    if not several.any():
        return
    everything = read_ledger(out)
    for given in several.index[several]:
        own = frame[frame["settings"] == given]
        pool = comparable(everything, own)
        compared = differences_table(StudyData(corpus=own["corpus"].iloc[0], frame=own, pool=pool))
        if compared is None:
            continue
        rows = [
            {"arm": row.label, **settings[given]} | {name: row.cells[name].text for name in _JUDGED}
            for row in compared.rows
        ]
        print_rows(console, compared.title, rows)


def _differing_settings(study: Study, frame: pd.DataFrame) -> Differences:
    """Return what differs between the settings of a frame, by name of the setting."""
    recorded = {canonical_settings(run.settings): run.settings for run in study.trials}
    shown = {text: recorded[text] for text in settings_of(frame)}
    names = sorted({name for settings in shown.values() for name in settings})
    differing = [n for n in names if len({repr(s.get(n)) for s in shown.values()}) > 1]
    return {
        text: {n: _setting_value(n, settings.get(n)) for n in differing}
        for text, settings in shown.items()
    }


def _setting_value(name: str, value: object) -> str:
    if value is None:
        return "random" if name == "vectors" else "default"
    return str(value)


def _print_best(what: str, frame: pd.DataFrame, settings: Differences, console: Console) -> None:
    """Print the finished trials with the best dev F1: those that learned something, if any did."""
    finished = frame[frame["status"] == TrialState.FINISHED]
    learned = finished[finished["caveat"] != Caveat.NOTHING_LEARNED]
    title, listed = f"best {what}", learned
    if learned.empty:
        title, listed = f"finished {what}, none of which learned anything", finished
    best = listed.nlargest(TOP, "dev_f1")
    rows = [_trial_row(trial, settings) for _, trial in best.iterrows()]
    print_rows(console, _title(title, len(rows), len(listed)), rows)


def _title(title: str, shown: int, count: int) -> str:
    return title if shown == count else f"{title} ({shown} of {count} shown)"


def _print_caveats(out: Path, finished: pd.DataFrame, console: Console) -> None:
    ledger = Ledger(out)
    print_caveats(ledger.results(finished["fingerprint"]), console)


def _begun(out: Path, frame: pd.DataFrame) -> list[list[Epoch]]:
    """Return the epochs so far of each trial that has begun and not ended, of others none."""
    ledger = Ledger(out)
    return [
        ledger.run(name).history() if status in UNENDED else []
        for name, status in zip(frame["fingerprint"], frame["status"], strict=True)
    ]


def _print_elsewhere(out: Path, fingerprints: Iterable[str], console: Console) -> None:
    """Name the other machines that train trials: their processes cannot be seen from here."""
    ledger = Ledger(out)
    attempts = (ledger.run(name).attempt() for name in fingerprints)
    hosts = sorted({last.host for last in attempts if last is not None and last.is_elsewhere})
    if hosts:
        text = f"started on {', '.join(hosts)}: cannot check from here whether they still run"
        say(console, text, "dim")


def _seconds(history: Sequence[Epoch]) -> float:
    return sum((row.seconds for row in history), 0.0)


def _begun_row(trial: pd.Series, history: Sequence[Epoch], settings: Differences) -> dict[str, str]:
    on_dev = trial["selection"] == "dev"
    best = max(row.selection_f1 for row in history) if on_dev else math.nan
    return {
        "trial": _name(trial),
        **settings.get(trial["settings"], {}),
        "epochs": str(len(history)),
        "best dev F1": points(100 * best),
        "time": format_duration(_seconds(history)),
        "fingerprint": str(trial["fingerprint"]),
    }


def _name(trial: pd.Series) -> str:
    return f"{arm_label(trial.to_frame().T)}, seed {trial['seed']}"


def _arm_row(cells: pd.DataFrame, settings: Differences) -> dict[str, str]:
    counts = cells["status"].value_counts()
    row = {"arm": arm_label(cells), **settings[cells["settings"].iloc[0]]}
    row |= {state: str(counts[state]) for state in TrialState if state in counts}
    return row | {
        "mean dev F1": points(
            100 * cells.loc[cells["status"] == TrialState.FINISHED, "dev_f1"].mean()
        )
    }


def _trial_row(trial: pd.Series, settings: Differences) -> dict[str, str]:
    mark = f" {Caveat(trial['caveat']).mark}" if trial["caveat"] else ""
    return {
        "trial": f"{_name(trial)}{mark}",
        **settings.get(trial["settings"], {}),
        "dev F1": points(100 * trial["dev_f1"]),
        "test F1": points(100 * trial["test_f1"]),
        "epochs": str(trial["epochs"]),
        "fingerprint": str(trial["fingerprint"]),
    }


def _print_table(console: Console, table: Table) -> None:
    """Print a table without the columns that only a report has room for."""
    rows = [
        {table.head.lower(): row.marked_label}
        | {name: cell.text for name, cell in row.cells.items() if name not in _IN_REPORTS}
        for row in table.rows
    ]
    print_rows(console, table.title, rows)
