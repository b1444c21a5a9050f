"""Table 1's two encoders: the BiLSTM against a pretrained transformer, at K = 0, 1 and 2."""

from search_spaces.arms import BILSTM_S, rin, transformer
from search_spaces.space import Grid

SPACE = Grid(
    name="encoder",
    title="What does a pretrained encoder add, and do rounds still help it? (Table 1, BERT rows)",
    arms=(
        BILSTM_S,
        rin(1),
        rin(2),
        *(transformer(rounds, "transformer", "transformer") for rounds in range(3)),
    ),
)
