"""The tables of a search: best trials, tuning, compute and the audit of pruned trials."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd

from reports.document.formatting import points, settings_text
from reports.document.table import Cell, Row, Table, words
from reports.frames.races import confirmed_trial
from reports.frames.searches import RESUMED, SearchData, audited, outcomes, ranked, to_end
from reports.tables.cells import score_cell
from rin_core.durations import format_duration
from rin_core.plural import plural
from study.ledger.arms import CANDIDATES
from study.ledger.state import TrialState

#: Rows of the table of best trials.
TOP = 10


def best_trials(data: SearchData, *, fingerprint: bool = False) -> Table:
    """Return the best finished trials with their parameters, and with their fingerprints."""
    trials = ranked(data.trials).head(TOP)
    return Table(
        name="best_trials",
        in_reproduction=True,
        title=f"Best trials, by dev F1 on {data.corpus}, in points",
        head="Trial",
        rows=tuple(
            _trial_row(data, trial, fingerprint=fingerprint) for _, trial in trials.iterrows()
        ),
        notes=tuple(search_notes(data)),
    )


def unlearned_trials(data: SearchData) -> Table:
    """Return finished trials with their fingerprints, for a search without a best trial."""
    trials = data.trials[data.trials["state"] == TrialState.FINISHED].head(TOP)
    return Table(
        name="unlearned_trials",
        title="Finished trials, none of which learned anything",
        head="Trial",
        rows=tuple(_trial_row(data, trial, fingerprint=True) for _, trial in trials.iterrows()),
    )


def front(data: SearchData) -> Table:
    """Return the front of each arm in a search with two objectives, with scores on fresh seeds."""
    trials = data.trials[data.trials["front"]] if data.cost is not None else data.trials.iloc[:0]
    order = trials.assign(place=trials["arm"].map(list(data.arms).index))
    rows = []
    for _, trial in order.sort_values(["place", "dev_f1"], ascending=[True, False]).iterrows():
        row = _trial_row(data, trial)
        cost = Cell(text=f"{trial[data.cost_column]:,.0f}", fingerprints=(trial["fingerprint"],))
        cells = {"dev F1": row.cells["dev F1"], str(data.cost): cost}
        cells |= {name: cell for name, cell in row.cells.items() if name not in cells}
        if data.confirmed is not None:
            fresh = confirmed_trial(data.confirmed, str(trial["arm"]), int(trial["trial"]))
            for name in ("dev_f1", "test_f1"):
                title = f"{name.replace('_f1', ' F1')}, fresh seeds"
                cells[title] = score_cell(fresh, name)
        rows.append(replace(row, cells=cells))
    counts = trials.groupby("arm").size().to_dict()
    several = ", ".join(f"{label} {counts.get(arm, 0)}" for arm, label in data.arms.items())
    return Table(
        name="front",
        in_reproduction=True,
        title=f"Pareto front of dev F1 and {data.cost}",
        head="Trial",
        rows=tuple(rows),
        notes=(
            "No other trial of the arm is as good in both objectives and better in one. "
            f"Settings on the front: {several}.",
            f"The initial settings of each arm and at most {CANDIDATES} others ran on fresh seeds, "
            "the same number for every arm: settings spread evenly over its front, then from the "
            "front of the remaining trials.",
            *(["Training times depend on the machine and its load."] * (data.cost == "seconds")),
        ),
    )


def unended_trials(data: SearchData, state: TrialState) -> Table:
    """Return the running or the interrupted trials with their parameters."""
    trials = data.trials[data.trials["state"] == state]
    return Table(
        name=f"{state}_trials",
        title=f"{state.capitalize()} trials",
        head="Trial",
        rows=tuple(_trial_row(data, trial, fingerprint=True) for _, trial in trials.iterrows()),
    )


def _trial_row(data: SearchData, trial: pd.Series, *, fingerprint: bool = False) -> Row:
    runs, name = (str(trial["fingerprint"]),), _trial_name(trial)
    cells = {
        "dev F1": Cell(text=points(100 * trial["dev_f1"]), fingerprints=runs),
        "epochs": Cell(text=str(trial["epochs"]), fingerprints=runs),
    }
    for parameter, value in _parameters(data, trial).items():
        cells[parameter] = Cell(text=value, fingerprints=runs)
    if fingerprint:
        cells["fingerprint"] = words(runs[0], runs)
    return Row(key=name, label=name, cells=cells)


def grace(data: SearchData) -> Table:
    """Return how well dev F1 at an epoch ranks settings: some epochs, the first rung among them."""
    found = data.grace
    measured = [] if found is None else found.correlations
    ends = {measured[0].epoch, measured[-1].epoch} if measured else set()
    rows = []
    for at in measured:
        if found is None or (at.epoch % 5 and at.epoch not in ends | {found.epoch}):
            continue
        cells = {
            "correlation": Cell(text=f"{at.spearman:.2f}"),
            "95 % CI": Cell(text=f"{at.low:.2f} to {at.high:.2f}"),
            "runs": Cell(text=str(at.settings)),
        }
        rows.append(Row(key=str(at.epoch), label=f"epoch {at.epoch}", cells=cells))
    return Table(
        name="grace",
        title="Correlation of dev F1 at an epoch with dev F1 at the end, when the search started",
        head="Epoch",
        rows=tuple(rows),
        notes=(
            f"{found}.",
            "Spearman's correlation of the best dev F1 up to the epoch with the best of the whole "
            "run, over finished runs with different settings. Runs that ended before the epoch are "
            "left out. The 95 % CI is Bonett and Wright's.",
            "Pruned settings are not among the runs, so the correlation over all settings may be "
            "higher.",
        ),
    )


def compute(data: SearchData) -> Table:
    """Return trials, epochs and training time by outcome."""
    rows = []
    for outcome, spent in outcomes(data).iterrows():
        runs = _runs_of(data, str(outcome))
        cells = {
            "trials": Cell(text=str(int(spent["trials"])), fingerprints=runs),
            "epochs": Cell(text=str(int(spent["spent_epochs"])), fingerprints=runs),
            "time": Cell(text=format_duration(spent["spent_seconds"]), fingerprints=runs),
        }
        rows.append(Row(key=str(outcome), label=str(outcome), cells=cells))
    return Table(
        name="compute",
        in_reproduction=True,
        title="Compute by outcome",
        head="Outcome",
        rows=tuple(rows),
        notes=(saving(data),),
    )


def audit(data: SearchData) -> Table:
    """Return the pruned trials that were trained to their end afterwards."""
    names = data.trials.set_index(["arm", "trial"])["fingerprint"]
    rows = []
    for _, trial in audited(data.trials).iterrows():
        runs = (str(names[trial["arm"], trial["trial"]]),)
        cells = {
            "pruned after": Cell(text=f"epoch {trial['epochs']}", fingerprints=runs),
            "dev F1 when pruned": Cell(text=points(100 * trial["dev_f1"]), fingerprints=runs),
            "dev F1 at the end": Cell(text=points(100 * trial["end_dev_f1"]), fingerprints=runs),
            "best of its arm": Cell(text=points(100 * trial["best"]), fingerprints=runs),
        }
        rows.append(Row(key=_trial_name(trial), label=_trial_name(trial), cells=cells))
    return Table(
        name="audit",
        in_reproduction=True,
        title="Pruned trials that were trained to the end",
        head="Trial",
        rows=tuple(rows),
        notes=(audit_verdict(data),),
    )


def _runs_of(data: SearchData, outcome: str) -> tuple[str, ...]:
    """Return the runs of an outcome, see :func:`~reports.frames.searches.outcomes`."""
    trials = data.trials
    if outcome == "confirmed" and data.confirmed is not None:
        chosen = data.confirmed[data.confirmed["status"] == TrialState.FINISHED]
    elif outcome == RESUMED:
        chosen = trials[(trials["state"] == TrialState.PRUNED) & trials["end_epochs"].notna()]
    else:
        chosen = trials[trials["state"] == outcome]
    return tuple(chosen["fingerprint"])


def saving(data: SearchData) -> str:
    """Return how much compute pruning saved, and how much of that is an estimate."""
    found = to_end(data.trials)
    if not found.known + found.estimated or math.isnan(found.share):
        return "No trial was pruned."
    basis = []
    if found.known:
        were = "was" if found.known == 1 else "were"
        basis.append(f"{plural(found.known, 'pruned trial')} {were} trained to the end")
    if found.estimated:
        basis.append(
            f"for {plural(found.estimated, 'pruned trial')}, the estimate is the mean number of "
            "epochs of the arm's finished trials"
        )
    return (
        f"Pruning saved about {100 - 100 * found.share:.0f} % of the compute: training took "
        f"{format_duration(found.spent)}, and would have taken {format_duration(found.to_end)} "
        f"with every trial trained to the end. Basis: {'; '.join(basis)}."
    )


def audit_verdict(data: SearchData) -> str:
    """Return whether pruning lost an arm's best trial, as far as the audited trials show."""
    table = audited(data.trials)
    if table["best"].isna().any():
        return "No conclusion: an arm has no finished trial to compare with."
    lost = table[table["would_have_won"]]
    if lost.empty:
        if len(table) == 1:
            return "This trial would not have been the best of its arm."
        return f"None of these {len(table)} trials would have been the best of its arm."
    most = (lost["end_dev_f1"] - lost["best"]).max()
    names = ", ".join(_trial_name(row) for _, row in lost.iterrows())
    return f"**ASHA pruned a winner**: {names}, by up to {100 * most:.1f} points of dev F1."


def search_notes(data: SearchData) -> list[str]:
    """Return what a reader must know about the numbers of a search."""
    counts = data.trials.groupby("arm").size().to_dict()
    budgets = ", ".join(f"{arm} {count}" for arm, count in counts.items())
    notes = [
        "The best trial is chosen on dev, among finished trials. A pruned trial has its best dev "
        "F1 before it was pruned. No mean includes it.",
        f"Trials by arm: {budgets}, of {data.budget} each.",
        "Expected best: of n trials drawn with replacement from all trials (Dodge et al. 2019). "
        "Pruned trials count with their best dev F1.",
    ]
    if data.confirmed is not None:
        notes.append(
            "Fresh seeds were not used in the search. Test was scored once for each seed. ± is one "
            "standard deviation over seeds (n − 1)."
        )
        notes += [f"{label}: {origin}." for label, origin in origins(data).items()]
    settings = settings_text(", ".join(f"{k}={v}" for k, v in data.settings.items()))
    made = (f"Made by `{command}`." for command in data.commands)
    return [*notes, f"Settings of all trials: {settings}.", *made]


def origins(data: SearchData) -> dict[str, str]:
    """Return, by label of the settings on fresh seeds, the trial that they come from."""
    if data.confirmed is None:
        return {}
    trials = data.trials.drop_duplicates("variant").set_index("variant", drop=False)
    found = {}
    for _, confirmed in data.confirmed.drop_duplicates("arm").iterrows():
        if confirmed["variant"] in trials.index:
            trial = trials.loc[confirmed["variant"]]
            given = _parameters(data, trial)
            if given.get("rounds") == "0":
                given["rounds"] = "0 (no interaction)"
            settings = [f"{name} {value}" for name, value in given.items() if value != "–"]
            found[str(confirmed["label"])] = ", ".join([_trial_name(trial), *settings])
    return found


def _parameters(data: SearchData, trial: pd.Series) -> dict[str, str]:
    """Return the values of a trial's parameters by their short names."""
    found = {}
    for name in data.parameters:
        value = trial[name]
        text = f"{value:.3g}" if isinstance(value, float) else str(value)
        found[name.rpartition(".")[2]] = "–" if pd.isna(value) else text
    return found


def _trial_name(trial: pd.Series) -> str:
    return f"{trial['arm']} #{trial['trial']}"
