"""Durations in words."""

from __future__ import annotations

import pytest

from rin_core.durations import format_duration


@pytest.mark.parametrize(
    ("seconds", "text"), [(42, "42 s"), (420, "7 min"), (11_100, "3 h 05 min")]
)
def test_format_duration(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text
