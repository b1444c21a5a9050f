"""What is told of a search, row by row, as texts: for its page and for the terminal."""

from __future__ import annotations

import math

import pandas as pd

from reports.document.formatting import points
from reports.frames.searches import SearchData, audited, outcomes, ranked, to_end

TOP = 10


def top_rows(data: SearchData, count: int = TOP) -> list[dict[str, str]]:
    """Return the best finished trials with their parameters, as texts."""
    return [_trial_row(data, row) for _, row in ranked(data.trials).head(count).iterrows()]


def running_rows(data: SearchData) -> list[dict[str, str]]:
    """Return the trials under way with their parameters, as texts."""
    running = data.trials[data.trials["state"] == "running"]
    return [
        {**_trial_row(data, row), "fingerprint": str(row["fingerprint"])}
        for _, row in running.iterrows()
    ]


def _trial_row(data: SearchData, trial: pd.Series) -> dict[str, str]:
    row = {"trial": f"{trial['arm']} #{trial['trial']}", "dev F1": points(100 * trial["dev_f1"])}
    row["epochs"] = str(trial["epochs"])
    return row | {name.rpartition(".")[2]: _value(trial[name]) for name in data.parameters}


def outcome_rows(data: SearchData) -> list[dict[str, str]]:
    """Return :func:`~reports.frames.searches.outcomes` as texts."""
    return [
        {
            "outcome": str(state),
            "trials": str(int(row["trials"])),
            "epochs": str(int(row["spent_epochs"])),
            "hours": f"{row['spent_seconds'] / 3600:.2f}",
        }
        for state, row in outcomes(data).iterrows()
    ]


def saving(data: SearchData) -> str:
    """Say what stopping early saved, and how much of that is an estimate."""
    found = to_end(data.trials)
    if not found.known + found.estimated or math.isnan(found.share):
        return "No trial was stopped early."
    basis = f"the mean epochs of the ended trials of their arm for {found.estimated} (an estimate)"
    if found.known:
        exact = f"known ends for {found.known} stopped trials"
        basis = f"{exact}, {basis}" if found.estimated else exact
    return (
        f"All trials to their end would have taken {found.to_end / 3600:.2f} h of training; "
        f"as far as they went, with epochs of earlier runs, they are {found.spent / 3600:.2f} h, "
        f"{100 * found.share:.0f} % of it. "
        f"Taken for that: {basis}."
    )


def audit_rows(data: SearchData) -> list[dict[str, str]]:
    """Return the stopped trials whose end is known, as texts."""
    return [
        {
            "trial": f"{row['arm']} #{row['trial']}",
            "stopped after": f"epoch {row['epochs']}",
            "dev F1 then": points(100 * row["dev_f1"]),
            "dev F1 at its end": points(100 * row["end_dev_f1"]),
            "best of its arm": points(100 * row["best"]),
        }
        for _, row in audited(data.trials).iterrows()
    ]


def audit_verdict(data: SearchData) -> str:
    """Say whether stopping early cost an arm its best trial, as far as is known."""
    table = audited(data.trials)
    if table["best"].isna().any():
        return "Of an arm that has no finished trial nothing can be said."
    killed = table[table["would_have_won"]]
    if killed.empty:
        return f"None of these {len(table)} would have been its arm's best."
    worst = (killed["end_dev_f1"] - killed["best"]).max()
    names = ", ".join(f"{row['arm']} #{row['trial']}" for _, row in killed.iterrows())
    return f"**ASHA stopped a winner**: {names}, by up to {100 * worst:.1f} points of dev F1."


def notes(data: SearchData) -> list[str]:
    """Return what a reader must know of a search's numbers, a sentence or two each."""
    counts = data.trials.groupby("arm").size().to_dict()
    budgets = ", ".join(f"{arm} {count}" for arm, count in counts.items())
    found = [
        "The best trial is chosen on dev alone, among finished trials; stopped trials have the "
        "scores of the epochs they got, and are averaged with nothing.",
        f"Trials by arm: {budgets}, of {data.budget} each.",
        "Expected best: of n trials drawn from those found, with replacement (Dodge et al. 2019), "
        "stopped trials with the best dev F1 they had reached.",
    ]
    if data.confirmed is not None:
        found.append(
            "Fresh seeds are none that the search chose on; test was scored once each; "
            "± is one standard deviation over seeds (n − 1)."
        )
        found += [f"{label}: {origin}." for label, origin in origins(data).items()]
    settings = ", ".join(f"{k}={v}" for k, v in data.settings.items()) or "none"
    return [*found, f"Settings given: {settings}.", f"Made by `{data.command}`."]


def origins(data: SearchData) -> dict[str, str]:
    """Return, for each label of the confirmation, which trial's settings were run again."""
    if data.confirmed is None:
        return {}
    trials = data.trials.drop_duplicates("variant").set_index("variant")
    cells = data.confirmed.drop_duplicates("arm")
    return {
        str(cell["label"]): f"{trial['arm']} #{trial['trial']}, {_settings(data, trial)}"
        for _, cell in cells[cells["variant"].isin(trials.index)].iterrows()
        for trial in [trials.loc[cell["variant"]]]
    }


def _settings(data: SearchData, trial: pd.Series) -> str:
    given = {name.rpartition(".")[2]: _value(trial[name]) for name in data.parameters}
    if given.get("rounds") == "0":
        given["rounds"] = "0 (no interaction)"
    return ", ".join(f"{name} {value}" for name, value in given.items() if value != "–")


def _value(value: object) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.3g}"
    return str(value)
