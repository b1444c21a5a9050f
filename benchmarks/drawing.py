"""The figure of the speed benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any


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
