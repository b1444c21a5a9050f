"""The page of environments is that of the tests."""

from __future__ import annotations

from tests.environments.table import DOCUMENT, HERE, page


def test_the_page_is_current() -> None:
    """If not: ``python -m tests.environments.table``."""
    assert DOCUMENT.read_text(encoding="utf-8") == page()


def test_every_test_has_a_row() -> None:
    written = sum(
        path.read_text(encoding="utf-8").count("\ndef test_") for path in HERE.glob("test_*.py")
    )
    lines = [line for line in page().splitlines() if line.startswith("| ")]
    assert len(lines) == written + 1
