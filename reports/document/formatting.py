"""How numbers and settings are written for a reader; a dash stands for a missing number."""

from __future__ import annotations

import math
import re

from reports.stats.intervals import Estimate
from rin_core.durations import format_clock

DASH = "–"
#: Means of fewer seeds have no interval in tables and figures.
SEEDS_OF_AN_INTERVAL = 3


def points(score: float) -> str:
    """Write a score of 0 to 100 with one decimal."""
    return DASH if math.isnan(score) else f"{score:.1f}".replace("-", "−")


def mean_sd(found: Estimate, sign: str = "") -> str:
    """Write mean ± sd; ``sign="+"`` shows the sign of a difference."""
    if not found.n:
        return DASH
    mean = f"{found.mean:{sign}.1f}".replace("-", "−")
    return mean if math.isnan(found.sd) else f"{mean} ± {found.sd:.1f}"


def signed(value: float) -> str:
    """Write a difference with its sign and one decimal."""
    return DASH if math.isnan(value) else f"{value:+.1f}".replace("-", "−")


def interval(found: Estimate) -> str:
    """Write a confidence interval: ``81.0 to 91.0``."""
    return DASH if math.isnan(found.low) else f"{points(found.low)} to {points(found.high)}"


def shown_interval(found: Estimate) -> str:
    """Write a confidence interval for a table: that of two seeds says too little."""
    hidden = found.n < SEEDS_OF_AN_INTERVAL and not math.isnan(found.low)
    return f"n < {SEEDS_OF_AN_INTERVAL}" if hidden else interval(found)


def drawn_interval(found: Estimate) -> tuple[float, float]:
    """Return both ends of a confidence interval for a figure; NaN if it has too few seeds.

    The interval of two seeds is ± nine standard deviations, and would set the scale of the figure.
    """
    few = found.n < SEEDS_OF_AN_INTERVAL
    return (math.nan, math.nan) if few else (found.low, found.high)


def p_value(p: float) -> str:
    """Write the p of a test with two digits."""
    return f"{p:.2g}" if p >= 0.001 else "<0.001"


def duration(seconds: float) -> str:
    """Write a duration as on a clock: ``7:05``, ``1:07:05``."""
    return DASH if math.isnan(seconds) else format_clock(seconds)


def settings_text(settings: str) -> str:
    """Write the preset and the settings of an experiment as given on its command line."""
    return re.sub(r"\bpreset=", "preset ", settings) or "none"
