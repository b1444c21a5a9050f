"""The best settings of a search, as options that give them again."""

from __future__ import annotations

import json
import shlex

from reports.frames.races import raced, tuned_arm
from reports.frames.searches import SearchData, ranked
from reports.frames.select import of_arm
from rin_core.config import Config
from search_spaces.presets import PRESETS
from study.ledger.presets import recorded_preset


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
