"""The five entity tags of the paper (BIESO), written from spans and read back as spans.

Shapes: N sentences · L tokens, padded · E spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rin_core.data.corpus import Span

TAGS = ("B", "I", "E", "S", "O")
B_TAG, I_TAG, E_TAG, S_TAG, O_TAG = range(len(TAGS))


def span_tags(spans: Sequence[Span], length: int) -> list[int]:
    """Write spans as BIESO tags; where two overlap the longer one is kept."""
    tags = [O_TAG] * length
    for start, end in sorted(spans, key=lambda s: (s.start - s.end, s.start)):
        if any(tag != O_TAG for tag in tags[start:end]):
            continue
        if end - start == 1:
            tags[start] = S_TAG
        else:
            tags[start:end] = [B_TAG, *[I_TAG] * (end - start - 2), E_TAG]
    return tags


def decode_spans(tags_NL: NDArray[Any]) -> NDArray[Any]:
    """Read entity spans off BIESO tags: S alone, or B, any number of I, E.

    Args:
        tags_NL: Tags [N, L]; padding is negative.

    Returns:
        Rows sentence, start, end (exclusive) [3, E]. Unfinished spans are left out.

    Examples:
        >>> decode_spans(np.array([[TAGS.index(tag) for tag in "BESO"]])).T.tolist()
        [[0, 2, 3], [0, 0, 2]]
    """
    single = np.stack(np.nonzero(tags_NL == S_TAG))
    place = np.arange(tags_NL.shape[1])
    # Walking left from an E over I's ends at the last tag that is not I: it must be a B.
    last_other = np.maximum.accumulate(np.where(tags_NL == I_TAG, -1, place), axis=1)
    n, end = np.nonzero(tags_NL[:, 1:] == E_TAG)
    start = last_other[n, end]
    opens = (start >= 0) & (tags_NL[n, np.maximum(start, 0)] == B_TAG)
    singles = np.stack([single[0], single[1], single[1] + 1])
    return np.concatenate([singles, np.stack([n, start, end + 2])[:, opens]], axis=1)
