"""The page of damaged and hostile input is current, and names tests that exist."""

from __future__ import annotations

from tests.docs.hostile import DOCUMENT, exists, named, page


def test_the_page_is_current() -> None:
    """If not: ``python -m tests.docs.hostile``."""
    assert DOCUMENT.read_text(encoding="utf-8") == page()


def test_every_input_has_a_test() -> None:
    assert [test for test in named() if not exists(test)] == []
    assert not exists("docs/test_hostile.py::test_that_was_deleted")
