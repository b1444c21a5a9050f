"""What a search optimises: dev F1, and beside it at most one cost that it minimises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from search_spaces.space import SpaceError

DEV_F1 = "dev_f1"
#: Costs by the name that a space gives, and in words.
COSTS: Mapping[str, str] = {
    "seconds": "training time in seconds",
    "parameters": "trained parameters of the model",
}


def check_objectives(objectives: Sequence[str], *, prunes: bool) -> None:
    """Check the objectives of a search.

    Args:
        objectives: By name.
        prunes: Whether ASHA prunes.

    Raises:
        SpaceError: They are not dev F1 and at most one cost, or ASHA prunes beside a cost.
    """
    allowed = [[DEV_F1], *([DEV_F1, cost] for cost in COSTS)]
    if list(objectives) not in allowed:
        texts = [str(one).replace("'", '"') for one in allowed]
        raise SpaceError(f"objectives = {list(objectives)!r}: must be {' or '.join(texts)}")
    if len(objectives) > 1 and prunes:
        raise SpaceError(
            f"asha: ASHA prunes by dev F1 alone, and would prune cheap trials on the front "
            f"of dev F1 and {objectives[1]}; omit asha, or set asha = false"
        )
