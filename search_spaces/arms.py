"""Arms that several spaces share, so that a model has one name and one configuration.

Their names are the keys of the published numbers. A space reuses the finished runs of an arm that
another space has too.
"""

from search_spaces.space import ENCODER, Arm

#: The cells that the paper compares in Figure 3; a cell that is added stays out of these curves.
PAPER_CELLS = ("gru", "rnn")

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
        label=f"RIN ({cell.upper()}, K = {rounds})",
        overrides={"model.rounds": rounds, "model.cell": cell},
    )


#: Pretrained encoders that ``make encoders`` installs, by the start of their arms' names.
INSTALLED = {"minilm": "all-MiniLM-L6-v2", "mpnet": "all-mpnet-base-v2"}


def transformer(rounds: int, name: str) -> Arm:
    """Return RIN with K rounds over a pretrained transformer, with the paper's rate (§5.1).

    Args:
        rounds: K.
        name: A key of :data:`INSTALLED`; with any other name ``encoder.model`` is the user's
            choice, and the label is filled in with the encoder that is read.
    """
    model = INSTALLED.get(name)
    chosen = {} if model is None else {"encoder.model": model}
    return Arm(
        name=f"{name}-{rounds}",
        label=f"RIN ({ENCODER if model is None else model}, K = {rounds})",
        overrides={
            "encoder.kind": "transformer",
            **chosen,
            "encoder.packed": True,
            "model.rounds": rounds,
            "training.learning_rate": 2e-4,
            "training.encoder_learning_rate": 2e-4,
        },
    )
