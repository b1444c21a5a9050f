"""The paper's claims as one study: the arms that its five primary contrasts compare.

``rounds_curve``, ``main_results`` and ``ablation`` make the paper's figures and tables. This space
has the fewest of their arms that decide each contrast, so that one plan bounds the error over all
five: ``--space claims --until-decided``. K = 1, 3 and 5 give the slope in K most leverage; the RNN
has the two K that the cells are compared at.
"""

from search_spaces.ablation import SPACE as ABLATION
from search_spaces.arms import BILSTM_S, EQUAL_CAPACITY, rin
from search_spaces.space import Grid

_PARTS = tuple(arm for arm in ABLATION.arms if arm.name.startswith("no-") or arm.name == "linear")

SPACE = Grid(
    name="claims",
    title="What helps: interaction, more rounds, the cell, its parts, or only more parameters?",
    arms=(
        BILSTM_S,
        EQUAL_CAPACITY,
        *(rin(rounds) for rounds in (1, 3, 5)),
        *(rin(rounds, "rnn") for rounds in (1, 3)),
        *_PARTS,
    ),
)
