"""Sentences to annotate."""

from __future__ import annotations

from collections.abc import Iterable

from rin_core.data.corpus import Sentence
from rin_core.data.readers.sentences import LONGEST_TEXT, build_sentence, check_length


def unannotated(words: Iterable[str], pos: tuple[str, ...] | None = None) -> Sentence:
    """Return a sentence without entities or triples.

    Raises:
        CorpusError: There are too many words.
    """
    sentence = build_sentence(tuple(words), pos, (), ())
    check_length(sentence.words, LONGEST_TEXT)
    return sentence
