"""What a person calls a study."""

from __future__ import annotations

from reports.page.titles import QUESTIONS
from search_spaces import SPACES


def test_questions_are_those_of_the_spaces() -> None:
    assert {name: space.title for name, space in SPACES.items()} == QUESTIONS
