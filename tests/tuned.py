"""A search whose trials are known: only the learning rate decides."""

from __future__ import annotations

import random

from study.ledger.schema import Search, SearchTrial
from tests.records import a_search, a_trial

RATE, DROPOUT = "training.learning_rate", "encoder.dropout"
ROUNDS, CELL = "model.rounds", "model.cell"
PARAMETERS = {
    RATE: {
        "name": "FloatDistribution",
        "attributes": {"low": 1e-5, "high": 1e-1, "log": True, "step": None},
    },
    DROPOUT: {
        "name": "FloatDistribution",
        "attributes": {"low": 0.0, "high": 0.5, "log": False, "step": None},
    },
    ROUNDS: {
        "name": "IntDistribution",
        "attributes": {"low": 0, "high": 3, "log": False, "step": 1},
    },
    CELL: {
        "name": "CategoricalDistribution",
        "attributes": {"choices": ["gru", "rnn"]},
        "when": {ROUNDS: [1, 2, 3]},
    },
}


def searched(count: int, **changes: object) -> Search:
    """Return a search of which about half of the trials are pruned."""
    drawn = random.Random(1)
    trials: list[SearchTrial] = []
    for number in range(count):
        exponent = drawn.uniform(-5, -1)
        rounds = drawn.randint(0, 3)
        parameters = {
            RATE: 10**exponent,
            DROPOUT: drawn.uniform(0, 0.5),
            ROUNDS: rounds,
            **({CELL: drawn.choice(["gru", "rnn"])} if rounds else {}),
        }
        f1 = 1 - abs(exponent + 3) / 3
        state = "finished" if f1 > 0.6 else "pruned"
        trials.append(a_trial(number, f1, parameters=parameters, state=state))
    return a_search({"a": {}}, trials, "tune", **{"parameters": PARAMETERS, **changes})
