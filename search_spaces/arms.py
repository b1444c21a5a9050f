"""Arms that several spaces share, so that a model has one name and one configuration.

Their names are the keys of the published numbers. A space reuses the finished runs of an arm that
another space has too.
"""

from search_spaces.space import Arm

CELLS = {"gru": "GRU", "rnn": "RNN"}

BILSTM = Arm(
    name="bilstm",
    label="BiLSTM",
    overrides={"model.rounds": 0, "model.task_features": False},
)
BILSTM_S = Arm(name="bilstm-s", label="BiLSTM_s", overrides={"model.rounds": 0})
#: The control for capacity. The plan computes its ``model.feature_size``, because the number of
#: parameters depends on the corpus's relations.
EQUAL_CAPACITY = Arm(
    name="bilstm-s-wide",
    label="BiLSTM_s, as many parameters as K = 1",
    overrides={"model.rounds": 0},
    capacity_of={"model.rounds": 1, "model.cell": "gru"},
)


def rin(rounds: int, cell: str = "gru") -> Arm:
    """Return the arm of RIN with K rounds of a cell."""
    return Arm(
        name=f"{cell}-{rounds}",
        label=f"RIN ({CELLS[cell]}, K = {rounds})",
        overrides={"model.rounds": rounds, "model.cell": cell},
    )


def transformer(rounds: int, name: str, label: str) -> Arm:
    """Return RIN with K rounds over a pretrained transformer, with the paper's rate (§5.1)."""
    return Arm(
        name=f"{name}-{rounds}",
        label=f"RIN ({label}, K = {rounds})",
        overrides={
            "encoder.kind": "transformer",
            "model.rounds": rounds,
            "training.learning_rate": 2e-4,
            "training.encoder_learning_rate": 2e-4,
        },
    )
