"""The released training loop chooses the epoch on test: how much does that flatter?

Each arm trains once as everywhere here and once with the epoch, and the end of its training, chosen
on test. On one kind of processor both are the same run up to there, so that the difference is the
choice alone.
"""

import dataclasses

from search_spaces.arms import BILSTM_S, rin
from search_spaces.space import Arm, Grid


def chosen_on_test(arm: Arm) -> Arm:
    """Return an arm whose epoch is chosen on test; never a result, only a measurement."""
    overrides = {**arm.overrides, "training.selection": "test"}
    return dataclasses.replace(arm, name=f"{arm.name}-on-test", overrides=overrides)


AUDITED = (BILSTM_S, rin(1), rin(3))

SPACE = Grid(
    name="selection",
    title="How much does choosing the epoch on test flatter?",
    arms=(*AUDITED, *map(chosen_on_test, AUDITED)),
)
