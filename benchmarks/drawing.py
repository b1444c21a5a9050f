"""The table and the figure of the speed benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.formulations import ORDERS
from benchmarks.timing import spread_text


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw the cost against K, L and R."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    curves = (
        ("rounds K", "seconds an epoch", found["seconds an epoch by rounds"]),
        (
            "tokens L (R = 171)",
            "ns a pair·relation",
            [(x, v) for x, _, v in found["kernel, by length"]],
        ),
        (
            "relations R (L = 24)",
            "ns a pair·relation",
            [(x, v) for _, x, v in found["kernel, by relations"]],
        ),
    )
    for axis, (across, up, points) in zip(axes, curves, strict=True):
        axis.plot(*zip(*points, strict=True), marker="o", color="#0072B2")
        highest = max(value for _, value in points)
        axis.set(xlabel=across, ylabel=up, ylim=(0, 1.08 * highest))
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=160)


def table_of(found: dict[str, Any], rounds: int) -> list[list[str]]:
    """Return the rows of the comparison; each ratio is of two times of one repetition.

    Args:
        found: The measurements.
        rounds: K of the product that a row without K is compared with.
    """
    seconds, memory = found["seconds an epoch"], found["MiB of a step"]
    rows = []
    for name, values in seconds.items():
        what, _, k = name.partition(", ")
        where = next((text for text in ORDERS.values() if text and what.endswith(text)), "")
        product = f"product{where}, {k or f'K = {rounds}'}"
        ratios = [a / b for a, b in zip(values, seconds[product], strict=True)]
        size = f"{memory[name]:.0f}" if name in memory else ""
        rows.append([name, spread_text(values), spread_text(ratios), size])
    return rows


HEADER = [
    "formulation",
    "seconds an epoch",
    "times the product on the same batches",
    "MiB of a step",
]
