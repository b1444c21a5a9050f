"""Ranges of numbers that are tried in steps."""

from __future__ import annotations

import math

MOST_STEPS = 10**6
_ROUNDING = 1e-6


def step_divides(low: float, high: float, step: float) -> bool:
    """Tell whether a step divides a range into equal steps, at most :data:`MOST_STEPS`.

    Examples:
        >>> [step_divides(0, 1, step) for step in (0.25, 0.3, 1e-300, 1e300)]
        [True, False, False, False]
    """
    steps = (high - low) / step
    if not steps <= MOST_STEPS or (low < high and steps < 0.5):
        return False
    return abs(steps - round(steps)) <= _ROUNDING


def is_on_step(value: float, low: float, step: float) -> bool:
    """Tell whether a whole number of steps leads from the low end of a range to a value.

    Examples:
        >>> is_on_step(0.5, 0, 0.25), is_on_step(0.6, 0, 0.25), is_on_step(0.5, 0, 5e-324)
        (True, False, False)
    """
    steps = (value - low) / step
    return math.isfinite(steps) and abs(steps - round(steps)) < 1e-9
