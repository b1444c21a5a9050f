"""Sentences to annotate: the words and tags of a record, without its gold annotation."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rin_core.data.corpus import CorpusError, Sentence, shown
from rin_core.data.readers.fields import field, items, read_pos, text_of
from rin_core.data.readers.sentences import LONGEST_TEXT, build_sentence


def read_unannotated(record: object, tokenize: Callable[[str], Iterable[str]]) -> Sentence:
    """Read only the words and tags of a record, for a model to annotate.

    Args:
        record: In any of the formats; its annotation is not looked at. No words are legal.
        tokenize: Splits ``text`` that comes without tags; ``text`` with tags, one a word, and
            ``sentText`` are split at spaces.

    Raises:
        CorpusError: Names the field that is wrong.
    """
    if not isinstance(record, dict):
        raise CorpusError(f"found {shown(record)}, expected an object with fields")
    if "tokens" in record:
        words = tuple(text_of(word, at) for at, word in items(record, "tokens"))
    else:
        key = next((key for key in ("text", "sentText") if key in record), None)
        if key is None:
            raise CorpusError(f"found the fields {shown(list(record))}, expected text or tokens")
        text = field(record, key, str)
        split = tokenize if key == "text" and record.get("pos") is None else str.split
        words = tuple(split(text_of(text, key))) if text.strip() else ()
    return unannotated(words, read_pos(record, words))


def unannotated(words: Iterable[str], pos: tuple[str, ...] | None = None) -> Sentence:
    """Return a sentence without entities or triples."""
    return build_sentence(tuple(words), pos, (), (), (), LONGEST_TEXT)
