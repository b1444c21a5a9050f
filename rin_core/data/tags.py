"""Entity tags, written from spans and read back as spans with types.

Without entity types there are the paper's five tags (BIESO). With types there are B, I, E and S of
each type, and O. The tags of the first type and O have the numbers of the five, the other types
follow: O has the same number whatever the types.

Shapes: N sentences · L tokens, padded · T tags · X entity types, 1 without types · E spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rin_core.data.corpus import Span

TAGS = ("B", "I", "E", "S", "O")
B_TAG, I_TAG, E_TAG, S_TAG, O_TAG = range(len(TAGS))


def tag_names(entity_types: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the tags by number; those of the empty type are bare letters.

    Examples:
        >>> tag_names(("PER", "ORG"))
        ('B-PER', 'I-PER', 'E-PER', 'S-PER', 'O', 'B-ORG', 'I-ORG', 'E-ORG', 'S-ORG')
    """
    typed = [
        f"{letter}-{name}" if name else letter
        for name in entity_types or ("",)
        for letter in TAGS[:O_TAG]
    ]
    return (*typed[:O_TAG], "O", *typed[O_TAG:])


def span_tags(spans: Sequence[Span], length: int, types: Sequence[int] = ()) -> list[int]:
    """Write spans as tags; where two overlap the longer one is kept.

    Args:
        spans: Half-open ranges of words.
        length: Words of the sentence.
        types: The number of each span's type; without them all have type 0.
    """
    tags = [O_TAG] * length
    typed = zip(spans, types or (0,) * len(spans), strict=True)
    for (start, end), number in sorted(typed, key=lambda s: (s[0].start - s[0].end, s[0].start)):
        if any(tag != O_TAG for tag in tags[start:end]):
            continue
        first = first_tag(number)
        if end - start == 1:
            tags[start] = first + S_TAG
        else:
            inner = [first + I_TAG] * (end - start - 2)
            tags[start:end] = [first + B_TAG, *inner, first + E_TAG]
    return tags


def best_tags(logits_NLT: NDArray[Any], lengths_N: NDArray[Any]) -> NDArray[Any]:
    """Return the most probable tags [N, L], in which a span has one type; padding is -1.

    With types, each word first takes the letter whose probability, summed over the types, is
    highest. Letters alone decide the spans. A span then takes the type with the highest product of
    its words' probabilities: the most probable tags that have these letters and one type a span.

    Args:
        logits_NLT: What :class:`rin_core.model.heads.EntityTagger` returns.
        lengths_N: Words of each sentence.
    """
    N, L, T = logits_NLT.shape
    padding_NL = np.arange(L) >= lengths_N[:, None]
    if len(TAGS) == T:
        return np.where(padding_NL, -1, logits_NLT.argmax(-1))
    logits_NLT = logits_NLT.astype(np.float64)
    shares_NLT = np.exp(logits_NLT - logits_NLT.max(-1, keepdims=True))
    by_letter = np.delete(shares_NLT, O_TAG, -1).reshape(N, L, -1, O_TAG).sum(2)
    letters_NL = np.concatenate([by_letter, shares_NLT[..., O_TAG, None]], -1).argmax(-1)
    letters_NL = np.where(padding_NL, -1, letters_NL)
    # Logarithms of probabilities, apart from a term of the word that is the same for all types.
    typed_NLX4 = np.delete(logits_NLT, O_TAG, -1).reshape(N, L, -1, O_TAG)
    letter_NL11 = np.clip(letters_NL, 0, O_TAG - 1)[..., None, None]
    scores_NLX = np.take_along_axis(typed_NLX4, letter_NL11, -1)[..., 0]
    types_NL = scores_NLX.argmax(-1)
    for n, start, end, _ in decode_spans(letters_NL).T:
        types_NL[n, start:end] = scores_NLX[n, start:end].sum(0).argmax()
    inside_NL = (letters_NL >= 0) & (letters_NL != O_TAG)
    return np.where(inside_NL, first_tag(types_NL) + letters_NL, letters_NL)


def decode_spans(tags_NL: NDArray[Any]) -> NDArray[Any]:
    """Read entity spans off tags: S alone, or B, any number of I, E, all of one type.

    Args:
        tags_NL: Tags [N, L]; padding is negative.

    Returns:
        Rows sentence, start, end (exclusive), type [4, E]. Unfinished spans are left out.

    Examples:
        >>> decode_spans(np.array([[TAGS.index(tag) for tag in "BESO"]])).T.tolist()
        [[0, 2, 3, 0], [0, 0, 2, 0]]
    """
    types_NL = np.where(tags_NL > O_TAG, (tags_NL - 1) // O_TAG, 0)
    letters_NL = np.where(tags_NL > O_TAG, (tags_NL - 1) % O_TAG, tags_NL)
    n_single, single = np.nonzero(letters_NL == S_TAG)
    place = np.arange(tags_NL.shape[1])
    # Walking left from an E over I's ends at the last tag that is not I: it must be a B.
    last_other = np.maximum.accumulate(np.where(letters_NL == I_TAG, -1, place), axis=1)
    # Walking left over words of one type ends at the last word of another.
    changes_NL = np.diff(types_NL, axis=1, prepend=0) != 0
    type_start = np.maximum.accumulate(np.where(changes_NL, place, 0), axis=1)
    n, end = np.nonzero(letters_NL[:, 1:] == E_TAG)
    start = last_other[n, end]
    opens = (start >= 0) & (letters_NL[n, np.maximum(start, 0)] == B_TAG)
    n, start, end = (row[opens & (type_start[n, end + 1] <= start)] for row in (n, start, end + 1))
    singles = np.stack([n_single, single, single + 1, types_NL[n_single, single]])
    longer = np.stack([n, start, end + 1, types_NL[n, start]])
    return np.concatenate([singles, longer], axis=1)


def first_tag(types: Any) -> Any:
    """Return the number of B of a type, or of each of an array of types."""
    return (O_TAG * types + 1) * (types > 0)
