"""Quotation marks, brackets and dots as a corpus writes them.

Corpora write ``"`` as it is, or as `` and '', and a bracket as it is, or as -LRB-. A model knows
the marks of its training split alone, so a text's marks are replaced by those. A mark that the
training split has stays as it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rin_core.data.vocabulary import UNKNOWN, Vocabulary

_OPENING = ("``", '"', "“", "''")
_CLOSING = ("''", '"', "”", "``")
_EQUAL = (
    ("‘", "`", "'"), ("`", "‘", "'"), ("’", "'"), ("'", "’"), ("…", "..."), ("...", "…"),
    ("(", "-LRB-"), (")", "-RRB-"), ("[", "-LSB-"), ("]", "-RSB-"), ("{", "-LCB-"), ("}", "-RCB-"),
    ("-LRB-", "("), ("-RRB-", ")"), ("-LSB-", "["), ("-RSB-", "]"), ("-LCB-", "{"), ("-RCB-", "}"),
)  # fmt: skip
_VARIANTS = {
    **{mark: (mark, *_OPENING) for mark in ("``", "“", "„")},
    **{mark: (mark, *_CLOSING) for mark in ("''", "”")},
    **{variants[0]: variants for variants in _EQUAL},
}


def in_training_spelling(
    text: str, offsets: Sequence[tuple[int, int]], vocabulary: Vocabulary
) -> tuple[str, ...]:
    """Return the words of a text with the marks that the training split has.

    Args:
        text: The text.
        offsets: Where its words are.
        vocabulary: Words of the training split.

    Examples:
        >>> from rin_core.data.vocabulary import SPECIAL
        >>> words = (*SPECIAL, "hi", "``", "''", "-LRB-")
        >>> vocabulary = Vocabulary(words=words, pos=(), relations=(), lowercase=False)
        >>> in_training_spelling('"hi" (', [(0, 1), (1, 3), (3, 4), (5, 6)], vocabulary)
        ('``', 'hi', "''", '-LRB-')
    """
    return tuple(_best(variants, vocabulary) for variants in _variants(text, offsets))


def _variants(text: str, offsets: Sequence[tuple[int, int]]) -> Iterator[tuple[str, ...]]:
    """Yield what each word may be written as, first as it is."""
    is_open = False
    for start, end in offsets:
        word = text[start:end]
        if word == '"':
            # A mark with space on both sides ends the quotation that is open.
            before, after = text[max(start - 1, 0) : start], text[end : end + 1]
            after_space = not before.strip() or before in "([{`-“„‘"
            before_space = not after.strip()
            is_open = after_space and not (before_space and is_open)
            yield ('"', *(_OPENING if is_open else _CLOSING))
        elif word in _VARIANTS:
            yield _VARIANTS[word]
        elif "’" in word or "'" in word:
            yield word, word.replace("’", "'"), word.replace("'", "’")
        else:
            yield (word,)


def _best(variants: tuple[str, ...], vocabulary: Vocabulary) -> str:
    """Return the first variant of the training split, or else the first with a number."""
    if len(variants) == 1:
        return variants[0]
    numbers = vocabulary.word_ids(variants)
    in_training = [vocabulary.is_in_training(number) for number in numbers]
    known = in_training if any(in_training) else [number != UNKNOWN for number in numbers]
    return variants[known.index(True)] if any(known) else variants[0]
