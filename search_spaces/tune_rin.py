"""Every setting that a user of RIN would tune: how far is the paper's setting from the best?

The scorers concat and biaffine train several times slower than the paper's. ``--set
model.scorer=separable`` removes them from the search.
"""

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from search_spaces.search import Parameter, Search
from search_spaces.space import Arm

MOST_ROUNDS = 5

SPACE = Search(
    name="tune_rin",
    title="How much does it help to tune rounds, cell, scorer, rate, dropout and widths together?",
    arms=(Arm(name="rin", label="RIN"),),
    parameters={
        "model.rounds": Parameter(IntDistribution(0, MOST_ROUNDS)),
        "model.cell": Parameter(
            CategoricalDistribution(["gru", "rnn", "linear"]),
            when={"model.rounds": tuple(range(1, MOST_ROUNDS + 1))},
        ),
        "model.scorer": Parameter(CategoricalDistribution(["separable", "concat", "biaffine"])),
        "training.learning_rate": Parameter(FloatDistribution(1e-4, 1e-2, log=True)),
        "training.batch_size": Parameter(IntDistribution(10, 100, log=True)),
        "training.patience": Parameter(IntDistribution(10, 40, step=5)),
        "encoder.dropout": Parameter(FloatDistribution(0.0, 0.6)),
        "encoder.hidden_size": Parameter(IntDistribution(60, 260, step=4)),
        "model.feature_size": Parameter(IntDistribution(60, 260, step=4)),
    },
    budget=60,
)
