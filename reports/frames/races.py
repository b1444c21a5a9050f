"""Which settings of a search won its race on fresh seeds, and how to use them again."""

from __future__ import annotations

import json
import shlex

import pandas as pd

from reports.frames.scores import primary_endpoint
from reports.frames.searches import SearchData, ranked
from reports.frames.select import of_arm
from rin_core.config import Config
from search_spaces.presets import PRESETS
from study.ledger.arms import CANDIDATE, START, TUNED, searched_arm
from study.ledger.presets import recorded_preset
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


def best_settings(data: SearchData) -> dict[str, str]:
    """Return the options that give the best settings of each arm again, by label.

    These are the settings that lead or won the race. Before the race, they are those of the trial
    with the best dev F1. An arm that learned nothing has none.
    """
    name = recorded_preset(data.corpus, data.settings)
    preset = PRESETS.get(name, PRESETS["paper"])  # a preset of a later version is written out
    start = Config().with_overrides(preset.settings).flat()
    found = {}
    for arm, label in data.arms.items():
        if data.confirmed is not None and len(raced(data.confirmed, arm)):
            best = of_arm(data.confirmed, tuned_arm(data.confirmed, arm) or "")
            labels = best["label"]
        else:
            best = ranked(of_arm(data.trials, arm))
            labels = label + ", trial " + best["trial"].astype(str)
        if len(best):
            config = best["config"].iloc[0] | {"training.seed": start["training.seed"]}
            found[str(labels.iloc[0])] = " ".join(
                [f"--preset {preset.name}"]
                + [
                    f"--set {shlex.quote(f'{path}={_text(value)}')}"
                    for path, value in config.items()
                    if value != start.get(path)
                ]
            )
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
