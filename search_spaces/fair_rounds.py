"""Rounds compared fairly: each K with a learning rate and a dropout tuned for it."""

import dataclasses

from optuna.distributions import FloatDistribution

from search_spaces.arms import EQUAL_CAPACITY
from search_spaces.learning_rate import RATE
from search_spaces.search import Parameter, Search
from search_spaces.space import Arm

LABELS = {0: "BiLSTM_s", 1: "RIN (GRU, K = 1)", 3: "RIN (GRU, K = 3)"}

SPACE = Search(
    name="fair_rounds",
    title="Do more rounds help when every K is tuned with the same budget?",
    arms=(
        *(
            Arm(name=f"k-{rounds}", label=label, overrides={"model.rounds": rounds})
            for rounds, label in LABELS.items()
        ),
        # Is it the interaction, or the parameters that it adds?
        dataclasses.replace(EQUAL_CAPACITY, name="k-0-wide"),
    ),
    parameters={
        "training.learning_rate": RATE,
        "encoder.dropout": Parameter(FloatDistribution(0.0, 0.6)),
    },
    budget=16,
)
