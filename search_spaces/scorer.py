"""Beyond the paper: relation scorers at equal settings, K = 1.

The paper's scorer is the sum of a subject part and an object part, so it cannot express some sets
of triples. The other two scorers see the pair.
"""

from search_spaces.arms import rin
from search_spaces.space import Arm, Grid

SEPARABLE = rin(1)


def scored_by(scorer: str) -> Arm:
    """Return RIN at K = 1 with another scorer."""
    return Arm(
        name=scorer,
        label=f"RIN (GRU, K = 1), {scorer}",
        overrides={**SEPARABLE.overrides, "model.scorer": scorer},
    )


SPACE = Grid(
    name="scorer",
    title="Does a scorer that sees word pairs find what the paper's separable one cannot?",
    arms=(SEPARABLE, scored_by("concat"), scored_by("biaffine")),
)
