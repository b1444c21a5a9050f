"""Words as they are spelled: characters and case, for encoders that read them.

A split has many words and few distinct forms, so the characters of a form are stored once.

Shapes: S words of a split · F distinct forms of it · C characters, padded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rin_core.data.vocabulary import PAD, Vocabulary

Array = NDArray[Any]
#: Kinds of words by their case, after one for padding.
CASES = ("<pad>", "lower", "title", "upper", "mixed", "digits", "other")
#: Most characters of a form; of a longer one, the first and the last half are read.
LONGEST_FORM = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """The forms of a split."""

    forms_S: Array
    """The number of each word's form, one sentence after the other; 0 stands for padding."""
    characters_FC: Array
    """The numbers of a form's characters."""
    cases_F: Array
    """The place of a form's case in :data:`CASES`."""


def spell(sentences: Sequence[Sequence[str]], vocabulary: Vocabulary) -> Spelling:
    """Number the forms of sentences, given as words as written.

    Args:
        sentences: At least one.
        vocabulary: Its characters.
    """
    numbers: dict[str, int] = {"": 0}
    forms = [numbers.setdefault(word, len(numbers)) for words in sentences for word in words]
    characters_FC = np.full((len(numbers), LONGEST_FORM), PAD, np.int32)
    for word, form in numbers.items():
        half = LONGEST_FORM // 2
        read = word if len(word) <= LONGEST_FORM else word[:half] + word[-half:]
        characters_FC[form, : len(read)] = vocabulary.character_ids(read)
    return Spelling(
        forms_S=np.array(forms, np.int32),
        characters_FC=characters_FC,
        cases_F=np.array([CASES.index(case_of(word)) for word in numbers], np.int32),
    )


def case_of(word: str) -> str:
    """Return the kind of a word by its case, one of :data:`CASES`.

    Examples:
        >>> [case_of(word) for word in ("of", "Oslo", "NASA", "McCoy", "1999", "--")]
        ['lower', 'title', 'upper', 'mixed', 'digits', 'other']
    """
    letters = [character for character in word if character.isalpha()]
    if not letters:
        digits = any(character.isdigit() for character in word)
        return "digits" if digits else "other" if word else CASES[0]
    upper = sum(character.isupper() for character in letters)
    if upper == 0:
        return "lower"
    if upper == 1 and letters[0].isupper():
        return "title"
    return "upper" if upper == len(letters) else "mixed"
