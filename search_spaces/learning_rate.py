"""The learning rate of Adam, for each encoder: dev F1 against it, over three decades."""

from optuna.distributions import FloatDistribution

from search_spaces.search import Asha, Parameter, Search
from search_spaces.space import Arm

RATE = Parameter(FloatDistribution(1e-5, 1e-2, log=True))

SPACE = Search(
    name="learning_rate",
    title="Which learning rate does an encoder want, and how sharp is the optimum?",
    arms=(Arm(name="bilstm", label="RIN (GRU, K = 1), BiLSTM encoder"),),
    parameters={"training.learning_rate": RATE},
    asha=Asha(grace_period=8, reduction_factor=3),
    budget=36,
)
