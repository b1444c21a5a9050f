"""Which settings of a search won its race on fresh seeds."""

from __future__ import annotations

import pandas as pd

from reports.frames.scores import primary_endpoint
from reports.frames.select import of_arm
from study.ledger.arms import CANDIDATE, START, TUNED, searched_arm
from study.ledger.state import TrialState


def raced(confirmed: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Return the trials of an arm's candidates on fresh seeds, without those of its start."""
    searched = confirmed["arm"].map(searched_arm) == arm
    return confirmed[searched & confirmed["arm"].str.contains(rf"{CANDIDATE}\d+$", regex=True)]


def race_is_open(confirmed: pd.DataFrame, arm: str) -> bool:
    """Tell whether a run of an arm's race has not finished."""
    own = raced(confirmed, arm)
    return bool((own["status"] != TrialState.FINISHED).any())


def tuned_arm(confirmed: pd.DataFrame, arm: str) -> str | None:
    """Return the name of an arm's tuned settings on fresh seeds; None if there are none.

    The winner is the candidate of highest mean dev F1 among those with the most finished seeds,
    and the earliest trial among equals. The dev F1 is that of the weights that the verdicts are
    about, see :func:`~reports.frames.scores.primary_endpoint`. There is none if no candidate
    learned anything on fresh seeds. Searches before the race confirmed one setting only.
    """
    own = raced(confirmed, arm)
    if own.empty:
        name = f"{arm}{TUNED}"
        return name if len(of_arm(confirmed, name)) else None
    done = own[own["status"] == TrialState.FINISHED]
    if done.empty:
        return str(own["arm"].iloc[0])
    dev_f1 = primary_endpoint(confirmed).dev_column
    scores = done.groupby("arm")[dev_f1].agg(["size", "mean"]).reset_index()
    scores["number"] = scores["arm"].str.rpartition(CANDIDATE)[2].astype(int)
    longest = scores[scores["size"] == scores["size"].max()]
    if longest["mean"].max() == 0 and not race_is_open(confirmed, arm):
        return None
    ordered = longest.sort_values(["mean", "number"], ascending=[False, True])
    return str(ordered["arm"].iloc[0])


def outcome_arms(confirmed: pd.DataFrame, arm: str) -> list[str]:
    """Return the names of an arm's tuned settings and of its start, as far as they ran."""
    names = [tuned_arm(confirmed, arm), f"{arm}{START}"]
    return [name for name in names if name is not None and len(of_arm(confirmed, name))]


def confirmed_trial(confirmed: pd.DataFrame, arm: str, number: int) -> pd.DataFrame:
    """Return the finished runs on fresh seeds of the settings of a trial; 0 is the start."""
    name = f"{arm}{CANDIDATE}{number}" if number else f"{arm}{START}"
    found = of_arm(confirmed, name)
    return found[found["status"] == TrialState.FINISHED]
