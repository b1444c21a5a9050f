"""Choose rows of a frame of trials: an arm's, those at the same seeds."""

from __future__ import annotations

import pandas as pd

from study.ledger.state import TrialState


def of_arm(frame: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Return the trials of one arm; none where it is not planned."""
    return frame[frame["arm"] == arm]


def arm_label(trials: pd.DataFrame) -> str:
    """Return the arm's label, marked where test chose the epoch."""
    label = str(trials["label"].iloc[0])
    return f"{label} (epoch chosen on test)" if (trials["selection"] == "test").any() else label


def by_seed(trials: pd.DataFrame, column: str) -> dict[int, float]:
    """Return a score of each finished seed that has it, in points."""
    # Only two columns are selected: a copy of all columns takes ten times as long.
    done = ((trials["status"] == TrialState.FINISHED) & trials[column].notna()).to_numpy()
    seeds, values = (trials[name].to_numpy()[done] for name in ("seed", column))
    return {int(seed): 100 * float(value) for seed, value in zip(seeds, values, strict=True)}


def fingerprints(trials: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the finished trials."""
    return tuple(trials.loc[trials["status"] == TrialState.FINISHED, "fingerprint"])
