"""Search spaces: which configurations a study compares, as frozen Python values."""

import difflib

from search_spaces import ablation, encoder, main_results, rounds_curve, scorer, tasks, version
from search_spaces.space import Grid, SpaceError

SPACES: dict[str, Grid] = {
    module.SPACE.name: module.SPACE
    for module in (rounds_curve, main_results, ablation, tasks, encoder, scorer, version)
}


def find_space(name: str) -> Grid:
    """Return a space by name.

    Raises:
        SpaceError: No such space; says which there are.
    """
    if name not in SPACES:
        close = difflib.get_close_matches(name, SPACES, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(SPACES)}"
        raise SpaceError(f"--space {name}: no such space; {hint}")
    return SPACES[name]


__all__ = ["SPACES", "Grid", "SpaceError", "find_space"]
