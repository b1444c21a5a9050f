"""A search from its record: every trial and its cost.

One row is one trial, pruned and failed trials included. A pruned trial has the scores of its own
epochs only; it is never averaged with finished trials.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reports.frames.outcomes import read_run
from reports.frames.scores import Scores, arm_scores, comparable
from reports.frames.settings import preset_name
from reports.frames.trials import UnknownExperiment, no_trials, read_ledger
from reports.stats.verdicts import RULE, Rule
from rin_core.config import Config, nondefault_settings
from rin_core.suggestions import suggestion
from study.ledger.arms import trial_name
from study.ledger.command import render, without_machine
from study.ledger.commands import recorded_commands
from study.ledger.fields import Options
from study.ledger.importance import ArmImportance
from study.ledger.ledger import Ledger
from study.ledger.origin import GivenCommand
from study.ledger.pareto import front
from study.ledger.presets import recorded_preset
from study.ledger.pruning import GraceEstimate
from study.ledger.schema import SearchTrial
from study.ledger.state import ENDED_WITHOUT_ERROR, TrialState

#: The states of trials, in the order of tables.
STATES = (
    TrialState.FINISHED,
    TrialState.PRUNED,
    TrialState.FAILED,
    TrialState.RUNNING,
    TrialState.INTERRUPTED,
)
#: The outcome of pruned trials that an audit or a study trained further.
RESUMED = "resumed after pruning"
#: Columns of :func:`read_search` and their types; a column for each parameter follows, under its
#: dotted name. ``spent_…`` is what the trial itself trained, beyond the epochs that it inherited,
#: ``end_…`` is the result of its run.
SCHEMA: dict[str, str] = {
    "arm": "object",
    "label": "object",
    "state": "object",
    "fingerprint": "object",
    "reason": "object",
    "caveat": "object",
    "variant": "object",
    "config": "object",
    "trial": "int64",
    "seed": "int64",
    "inherited": "int64",
    "epochs": "int64",
    "spent_epochs": "int64",
    "dev_f1": "float64",
    "seconds": "float64",
    "spent_seconds": "float64",
    "end_dev_f1": "float64",
    "end_epochs": "float64",
    "end_seconds": "float64",
}

#: Column of each cost that a search may minimise. Such a search also has a column ``front``.
COST_COLUMNS: Mapping[str, str] = {"seconds": "seconds", "parameters": "size"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchData:
    """All that reports know of a search."""

    experiment: str
    title: str
    corpus: str
    given: Sequence[GivenCommand]
    """The commands that together make all of it."""
    updated: str
    settings: Mapping[str, Any]
    parameters: Mapping[str, Mapping[str, Any]]
    """Distribution and condition of each, as recorded."""
    budget: int
    trials: pd.DataFrame
    """With :data:`SCHEMA`, then the parameters; scores as fractions."""
    grace: GraceEstimate | None = None
    """How the grace period of ASHA was measured; None if it was given."""
    cost: str | None = None
    """What the search minimises beside dev F1: ``seconds``, ``parameters`` or nothing."""
    importance: Mapping[str, ArmImportance] = field(default_factory=dict)
    """Of the parameters, by arm, as recorded."""
    confirmed: pd.DataFrame | None
    """The confirmation's trials (:func:`reports.frames.trials.read_ledger`), if any."""
    pool: pd.DataFrame | None = None
    """All runs on the corpus with the settings of the confirmation; its trials if None."""
    rule: Rule = RULE
    """Of the verdicts."""

    def scores(self) -> Scores:
        """Return the scores of the confirmed settings."""
        confirmed = no_trials() if self.confirmed is None else self.confirmed
        return arm_scores(confirmed, None, self.pool, self.rule)

    @property
    def cost_column(self) -> str:
        """Return the column of the trials that the search minimises; empty without one."""
        return COST_COLUMNS.get(self.cost or "", "")

    @property
    def commands(self) -> list[str]:
        """Return the commands that together make all of it, as a person types them."""
        return [render(without_machine(command.options)) for command in self.given]

    def options(self, arm: str, number: int) -> Options:
        """Return the options of the command that plans a trial, and resumes it."""
        name = trial_name(arm, number)
        found = (command.options for command in self.given if name in command.makes)
        return next(found, {})

    def runs(self) -> pd.DataFrame:
        """Return fingerprint, label and caveat of every run, those on fresh seeds included."""
        frames = [self.trials] if self.confirmed is None else [self.trials, self.confirmed]
        return pd.concat([frame[["fingerprint", "label", "caveat"]] for frame in frames])

    @property
    def initial_settings(self) -> str:
        """Return what each search started from, in words."""
        return preset_name(recorded_preset(self.corpus, self.settings))

    @property
    def arms(self) -> dict[str, str]:
        """Return the label of each arm."""
        return dict(zip(self.trials["arm"], self.trials["label"], strict=True))


def read_search(
    runs: Path, experiment: str, everything: pd.DataFrame | None = None, rule: Rule = RULE
) -> SearchData:
    """Read a search's record with the results of its runs and of its confirmation.

    Args:
        runs: A study's output folder.
        experiment: Its name.
        everything: All runs of the ledger's studies; read from it if ``None``.
        rule: Of the verdicts.

    Raises:
        UnknownExperiment: There is no such search.
        LedgerError: Its record cannot be read.
    """
    ledger = Ledger(runs)
    record = ledger.search(experiment)
    if record is None:
        hint = suggestion(experiment, ledger.search_names(), "'rin-study show' lists them")
        raise UnknownExperiment(f"{experiment}: no such search in {runs}; {hint}")
    rows = [_row(trial, record.labels, ledger) for trial in record.trials]
    schema = dict(SCHEMA)
    if record.cost is not None:
        schema |= {COST_COLUMNS.get(record.cost, "size"): "float64", "front": "bool"}
        best = {
            (trial.arm, trial.number)
            for arm in record.identities
            for trial in front((t for t in record.trials if t.arm == arm), record.cost)
        }
        for row in rows:
            row["front"] = (row["arm"], row["trial"]) in best
    # As objects: where some trials have no value of a parameter, pandas would make 100 of it 100.0.
    columns = [*schema, *record.parameters]
    frame = pd.DataFrame(rows, columns=columns, dtype=object).astype(schema)
    confirmed = pool = None
    if record.confirmed in ledger.study_names():
        confirmed = read_ledger(runs, [record.confirmed])
        pool = comparable(read_ledger(runs) if everything is None else everything, confirmed)
    return SearchData(
        experiment=record.experiment,
        title=record.title,
        corpus=record.corpus,
        given=recorded_commands(record),
        updated=record.updated,
        settings=record.settings,
        parameters={path: p.to_json() for path, p in record.parameters.items()},
        budget=record.budget,
        grace=record.grace,
        cost=record.cost,
        importance=record.importance,
        trials=frame.sort_values(["arm", "trial"], ignore_index=True),
        confirmed=confirmed,
        pool=pool,
        rule=rule,
    )


def _row(trial: SearchTrial, labels: Mapping[str, str], ledger: Ledger) -> dict[str, Any]:
    own = trial.seconds[trial.inherited :]
    run = read_run(ledger, trial.fingerprint)
    finished = trial.state is TrialState.FINISHED  # a pruned trial has not the result of its run
    return {
        "arm": trial.arm,
        "state": _state(trial, ledger),
        "fingerprint": trial.fingerprint,
        "reason": trial.reason,
        "caveat": str(run.result.caveat or "") if finished and run.result else "",
        "label": labels.get(trial.arm, trial.arm),
        "variant": nondefault_settings(trial.config),
        "config": {**Config().flat(), **trial.config},
        "trial": trial.number,
        "size": math.nan if trial.size is None else float(trial.size),
        "seed": int(trial.config.get("training.seed", 0)),
        "inherited": trial.inherited,
        "dev_f1": max(trial.dev_f1, default=math.nan),
        "epochs": len(trial.dev_f1),
        "seconds": float(sum(trial.seconds)),
        "spent_epochs": len(own),
        "spent_seconds": float(sum(own)),
        # A pruned trial has these only if a study or an audit resumed its run.
        "end_dev_f1": run.score("dev", "f1"),
        "end_epochs": len(run.result.history) if run.result else math.nan,
        "end_seconds": run.result.seconds if run.result else math.nan,
        **trial.parameters,
    }


def _state(trial: SearchTrial, ledger: Ledger) -> TrialState:
    """Return the state as recorded; a trial that was cut off has no end in the record."""
    found = ledger.run(trial.fingerprint).state() if trial.state is TrialState.RUNNING else None
    return TrialState.INTERRUPTED if found is TrialState.INTERRUPTED else trial.state


def importance_frame(data: SearchData) -> pd.DataFrame:
    """Return the importance of each parameter: a row for each arm and parameter."""
    rows = [
        {
            "arm": arm,
            "parameter": path,
            "share": one.share,
            "chance": one.chance,
            "trials": found.trials,
            "best_trials": found.best,
        }
        for arm, found in data.importance.items()
        for path, one in found.parameters.items()
    ]
    return pd.DataFrame(rows)


def judged_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the finished and the pruned trials that have a score."""
    ended = trials[trials["state"].isin(ENDED_WITHOUT_ERROR)]
    return ended[ended["dev_f1"].notna()]


def ranked(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the finished trials, the best dev F1 first and the earliest among equals.

    Trials that learned nothing, with a dev F1 of 0, are left out.
    """
    learned = trials[(trials["state"] == TrialState.FINISHED) & (trials["dev_f1"] > 0)]
    return learned.sort_values(["dev_f1", "trial"], ascending=[False, True])


def outcomes(data: SearchData) -> pd.DataFrame:
    """Return trials, epochs and seconds spent by what came of them.

    Beside the states of trials: ``resumed after pruning``, what an audit or a study added to
    pruned ones, and ``confirmed``, the runs on fresh seeds.
    """
    groups = data.trials.groupby("state")[["spent_epochs", "spent_seconds"]]
    table = groups.sum().join(data.trials.groupby("state").size().rename("trials"))
    table = table.reindex([state for state in STATES if state in table.index])
    on = data.trials[
        (data.trials["state"] == TrialState.PRUNED) & data.trials["end_epochs"].notna()
    ]
    if not on.empty:
        epochs = float((on["end_epochs"] - on["epochs"]).sum())
        seconds = float((on["end_seconds"] - on["seconds"]).sum())
        table.loc[RESUMED] = [epochs, seconds, len(on)]
    if data.confirmed is not None:
        done = data.confirmed[data.confirmed["status"] == TrialState.FINISHED]
        spent = [float(done["epochs"].sum()), float(done["seconds"].sum()), len(done)]
        table.loc["confirmed"] = spent
    return table.astype({"trials": int, "spent_epochs": int})


@dataclass(frozen=True, slots=True, kw_only=True)
class ToEnd:
    """What stopping early saved."""

    spent: float
    """Seconds of all finished and pruned trials."""
    to_end: float
    """Seconds with every one of them at its end."""
    known: int
    """Stopped trials whose end is known, because an audit or a grid went there."""
    estimated: int
    """Stopped trials taken to need the mean epochs of their arm's trials that ended."""

    @property
    def share(self) -> float:
        """Return the share of the compute that was needed."""
        return self.spent / self.to_end if self.to_end else math.nan


def to_end(trials: pd.DataFrame) -> ToEnd:
    """Compare a search with running all its trials to their end.

    A pruned trial's other epochs are assumed to cost what its own epochs cost. Trials that survive
    train longer than most, so the estimate is high; an audit replaces it with measurements.
    """
    judged = trials[trials["state"].isin(ENDED_WITHOUT_ERROR)]
    pruned = judged[judged["state"] == TrialState.PRUNED]
    means = judged["arm"].map(_mean_epochs(judged)).astype("float64")
    needed = judged["end_epochs"].fillna(means)
    needed = needed.fillna(judged["epochs"]).clip(lower=judged["epochs"])
    per_epoch = judged["seconds"] / judged["epochs"]
    whole = judged["end_seconds"].fillna(needed * per_epoch)
    known = int(pruned["end_epochs"].notna().sum())
    return ToEnd(
        spent=float(judged["seconds"].sum()),
        to_end=float(whole.sum()),
        known=known,
        estimated=len(pruned) - known,
    )


def _mean_epochs(judged: pd.DataFrame) -> dict[str, float]:
    every = float(judged["end_epochs"].mean())
    means = judged.groupby("arm")["end_epochs"].mean().fillna(every)
    return {str(arm): float(mean) for arm, mean in means.items()}


def audited(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the pruned trials whose end is known, next to the best finished trial of their arm.

    Returns:
        Columns ``arm``, ``trial``, ``epochs``, ``dev_f1``, ``end_epochs``, ``end_dev_f1``,
        ``best`` and ``would_have_won``.
    """
    known = trials[(trials["state"] == TrialState.PRUNED) & trials["end_dev_f1"].notna()]
    best = ranked(trials).groupby("arm")["dev_f1"].max()
    table = known[["arm", "trial", "epochs", "dev_f1", "end_epochs", "end_dev_f1"]].copy()
    table["best"] = table["arm"].map(best).astype("float64")
    table["would_have_won"] = table["end_dev_f1"] > table["best"]
    return table


def expected_best(values: Sequence[float], most: int | None = None) -> np.ndarray[Any, Any]:
    """Return the expected highest of n values, for every n from 1.

    With the empirical distribution of the N values found, drawn with replacement,
    E[max of n] = Σ_v v · (P(V ≤ v)^n − P(V < v)^n).

    Args:
        values: Dev F1 of trials; of pruned trials the best so far.
        most: Largest n; N when ``None``.

    Returns:
        Expectation by n, from n = 1.

    References:
        Dodge et al. (2019), "Show Your Work: Improved Reporting of Experimental Results",
        Eq. 1 and §3.1.
    """
    sample = np.sort(np.asarray(values, dtype=float))
    count = len(sample)
    n = np.arange(1, (most or count) + 1)[:, None]
    at_most = np.arange(1, count + 1) / count
    below = np.arange(count) / count
    expected: np.ndarray[Any, Any] = ((at_most**n - below**n) * sample).sum(axis=1)
    return expected
