"""Durations as people read them."""

from __future__ import annotations

#: With one digit, fewer would be 0.0 or 0.1.
_FEW_HOURS = 0.1


def format_duration(seconds: float) -> str:
    """Return a duration as people say it: ``42 s``, ``7 min``, ``3 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def format_clock(seconds: float) -> str:
    """Return a duration as on a clock: ``0:42``, ``1:03:07``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def core_time(hours: float) -> str:
    """Return core-hours, or core-minutes where hours would be 0.0.

    Examples:
        >>> core_time(0.3), core_time(0.02), core_time(0)
        ('0.3 core-hours', '1.2 core-minutes', '0.0 core-hours')
    """
    if not 0 < hours < _FEW_HOURS:
        return f"{hours:.1f} core-hours"
    return f"{60 * hours:.1f} core-minutes"
