"""How many trials the nodes of a cluster hold, and how much memory each of them may ask for.

A trial lies on one node, so nothing here goes by sums over nodes. A node's resources, and what a
trial takes of them, are named as Ray names them: ``CPU``, ``GPU`` and ``memory`` in bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

Amounts = Mapping[str, float]
MEMORY_STEP = 2**31


def slots(nodes: Iterable[Amounts], trial: Amounts) -> int:
    """Return how many trials fit at once."""
    return sum(_on_one(node, trial) for node in nodes)


def _on_one(node: Amounts, trial: Amounts) -> int:
    wanted = {name: amount for name, amount in trial.items() if amount}
    return min(_shares(name, node.get(name, 0), amount) for name, amount in wanted.items())


def _shares(name: str, there: float, amount: float) -> int:
    if name == "GPU" and amount < 1:  # a share lies on one card
        return int(there) * int(1 / amount + 1e-9)
    return int(there / amount + 1e-9)


def memory_limits(nodes: Iterable[Amounts], trial: Amounts) -> tuple[float, float]:
    """Return the bytes of a trial's slot where that is smallest, and the most that one node has.

    Both are without bound while no node has room: what the nodes to come have is not known.
    """
    roomy = [(node.get("memory", 0.0), count) for node in nodes if (count := _on_one(node, trial))]
    if not roomy:
        return math.inf, math.inf
    return min(memory / count for memory, count in roomy), max(memory for memory, _ in roomy)


def asked_memory(needed: float, share: float) -> float:
    """Return the bytes that a trial asks for: what it needs, rounded up within its slot's share.

    Ray gives a worker to the next trial only if that asks for exactly the same; a new one
    imports torch and loads kernels, which takes longer than an epoch.
    """
    rounded = MEMORY_STEP * math.ceil(needed / MEMORY_STEP)
    return max(needed, min(rounded, share))
