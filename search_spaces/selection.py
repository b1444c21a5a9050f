"""The released training loop selects the epoch on test: how much does that inflate the score?

Each arm trains once with the epoch and the end of training selected on dev, and once with both
selected on test. On one CPU model the two runs are identical up to there, so only the selection
differs.
"""

import dataclasses

from search_spaces.arms import BILSTM_S, rin
from search_spaces.space import Arm, Grid


def chosen_on_test(arm: Arm) -> Arm:
    """Return an arm whose epoch is selected on test: a measurement, never a result."""
    overrides = {**arm.overrides, "training.selection": "test"}
    return dataclasses.replace(arm, name=f"{arm.name}-on-test", overrides=overrides)


AUDITED = (BILSTM_S, rin(1), rin(3))

SPACE = Grid(
    name="selection",
    title="How much does choosing the epoch on test inflate the score?",
    arms=(*AUDITED, *map(chosen_on_test, AUDITED)),
)
