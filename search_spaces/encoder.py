"""Table 1's two encoders: the BiLSTM against a pretrained transformer, at K = 0, 1 and 2."""

from search_spaces.rounds_curve import BILSTM_S, rin
from search_spaces.space import Arm, Grid


def transformer(rounds: int) -> Arm:
    """Return the arm of RIN over a transformer, with the step size of the paper (§5.1)."""
    return Arm(
        name=f"transformer-{rounds}",
        label=f"RIN (transformer, K = {rounds})",
        overrides={
            "encoder.kind": "transformer",
            "model.rounds": rounds,
            "training.learning_rate": 2e-4,
            "training.encoder_learning_rate": 2e-4,
        },
    )


SPACE = Grid(
    name="encoder",
    title="What does a pretrained encoder add, and do rounds still help it? (Table 1, BERT rows)",
    arms=(BILSTM_S, rin(1), rin(2), *(transformer(rounds) for rounds in range(3))),
)
