"""Notes on the entity types of a corpus, where tags contain the types."""

from __future__ import annotations

from rin_core.data.corpus import Corpus
from rin_core.data.vocabulary import Vocabulary

#: Most types that a note lists by name.
_NAMED = 8


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
    types = [name for sentence in corpus.train for name in sentence.entity_types]
    if without := types.count(""):
        notes.append(
            f"entity types: {without} of {len(types)} entities of train have none: one more type"
        )
    return notes
