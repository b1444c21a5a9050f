"""The learning rate of Adam, for each encoder: dev F1 against it, over three decades.

The transformer requires a pretrained model, so it is searched only on request:
``--arms transformer-1 --set encoder.model=NAME_OR_FOLDER``. Two rates are searched, that of the
pretrained weights and that of all others.
"""

import dataclasses

from optuna.distributions import FloatDistribution

from search_spaces.arms import transformer
from search_spaces.search import Parameter, Search
from search_spaces.space import Arm

RATE = Parameter(FloatDistribution(1e-5, 1e-2, log=True))

SPACE = Search(
    name="learning_rate",
    title="Which learning rate is best for an encoder, and how narrow is the optimum?",
    arms=(Arm(name="bilstm", label="RIN (GRU, K = 1), BiLSTM encoder"),),
    on_request=(transformer(1, "transformer"),),
    parameters={
        "training.learning_rate": RATE,
        "training.encoder_learning_rate": dataclasses.replace(
            RATE, when={"encoder.kind": ("transformer",)}
        ),
    },
    budget=36,
)
