"""How many trials fit on a node.

The plan of a dry run and the start of a study use it, so that they agree; it needs no Ray.
"""

from __future__ import annotations

from collections.abc import Mapping

_ROUNDING = 1e-9


def trials_that_fit(node: Mapping[str, float], trial: Mapping[str, float]) -> int:
    """Return how many trials a node holds.

    Args:
        node: What it has, by Ray's names.
        trial: What a trial takes. At least one amount is above 0.

    Examples:
        >>> trials_that_fit({"CPU": 8, "GPU": 2}, {"CPU": 1, "GPU": 0.4})
        4
    """
    counts = []
    for name, amount in trial.items():
        available = node.get(name, 0.0)
        if name == "GPU" and 0 < amount < 1:  # a share lies on one card
            counts.append(int(available) * int(1 / amount + _ROUNDING))
        elif amount:
            counts.append(int(available / amount + _ROUNDING))
    return min(counts)
