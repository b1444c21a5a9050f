"""Notes on the entity types of a corpus, where tags contain the types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rin_core.data.corpus import Corpus, Sentence
from rin_core.data.vocabulary import Vocabulary

_NAMED = 8  # types that a note lists by name


def type_notes(corpus: Corpus, vocabulary: Vocabulary) -> list[str]:
    """Return one line on the types, and one on the entities of train without one.

    What only dev or test has is among the findings on the corpus.

    Args:
        corpus: Sentences with types.
        vocabulary: Of its training split, with ``data.entity_types``.
    """
    known = vocabulary.entity_types
    if not known:
        return ["entity types: the training split has none; tags are without types"]
    names = [name for name in known if name]
    listed = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    notes = [f"entity types: {len(names)} ({listed})"]
    train = _count(corpus.train)
    if without := train[""]:
        notes.append(
            f"entity types: {without} of {train.total()} entities of train have none: one more type"
        )
    return notes


def _count(sentences: Sequence[Sentence]) -> Counter[str]:
    return Counter(name for s in sentences for name in s.types or ("",) * len(s.entities))
