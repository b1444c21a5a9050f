"""Figure 3: F1, precision and recall against the number of updating rounds, for both cells."""

from search_spaces.space import Arm, Grid

CELLS = {"gru": "GRU", "rnn": "RNN"}

BILSTM_S = Arm(name="bilstm-s", label="BiLSTM_s", overrides={"model.rounds": 0})


def rin(rounds: int, cell: str = "gru") -> Arm:
    """Return the arm of RIN with K rounds of a cell."""
    return Arm(
        name=f"{cell}-{rounds}",
        label=f"RIN ({CELLS[cell]}, K = {rounds})",
        overrides={"model.rounds": rounds, "model.cell": cell},
    )


SPACE = Grid(
    name="rounds_curve",
    title="Do more rounds of interaction help, and does the GRU beat the RNN? (Figure 3)",
    arms=(BILSTM_S, *(rin(rounds, cell) for cell in CELLS for rounds in range(1, 7))),
)
