"""Table 5: RIN at K = 1, and without each of its parts."""

from search_spaces.arms import BILSTM_S, rin
from search_spaces.space import Arm, Grid

FULL = rin(1)


def without_input(name: str, symbol: str) -> Arm:
    """Return the full model whose INT does not see one of its three inputs."""
    return Arm(
        name=f"no-{name}-input",
        label=f"RIN −{symbol}",
        overrides={**FULL.overrides, f"model.{name}_input": False},
    )


SPACE = Grid(
    name="ablation",
    title="Which parts of the interaction matter? (Table 5)",
    arms=(
        FULL,
        without_input("relation", "ŷ"),
        without_input("entity", "ȳ"),
        without_input("shared", "H"),
        BILSTM_S,  # −INT
        Arm(
            name="linear",
            label="RIN −γ (linear maps)",
            overrides={"model.rounds": 1, "model.cell": "linear"},
        ),
    ),
)
