"""Figure 3: F1, precision and recall against the number of updating rounds, for both cells."""

from search_spaces.arms import BILSTM_S, EQUAL_CAPACITY, PAPER_CELLS, rin
from search_spaces.space import Grid

SPACE = Grid(
    name="rounds_curve",
    title="Do more rounds of interaction help, and does the GRU beat the RNN? (Figure 3)",
    arms=(BILSTM_S, *(rin(rounds, cell) for cell in PAPER_CELLS for rounds in range(1, 7))),
    on_request=(EQUAL_CAPACITY,),
)
