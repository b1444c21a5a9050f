"""Words as sub-word pieces, in windows of a length that a pretrained encoder can read.

The features of a word are those of its first piece. A sentence with more pieces than fit is read
in windows that overlap by half. Each word is read in the window with most context around it, so no
word is cut off and no gold triple is lost.

Shapes: N sentences · S their words · Q pieces of the split.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rin_core.problems import short

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A split as a transformer reads it."""

    pieces_Q: Array
    """The pieces of all windows, special ones included, one window after the other."""
    window_starts: Array
    """Where each window starts in ``pieces_Q``, and the end of the last."""
    sentence_starts: Array
    """The first window of each sentence, and the number of all windows [N + 1]."""
    window_S: Array
    """Which of its sentence's windows a word is read in; words one sentence after the other."""
    place_S: Array
    """The place of a word's first piece in that window."""
    pad: int
    """The padding piece."""

    @property
    def windowed(self) -> int:
        """How many sentences take more than one window."""
        return int((np.diff(self.sentence_starts) > 1).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceTokenizer:
    """A fast tokenizer in plain values, as they travel with a model."""

    text: str = field(repr=False)
    """The tokenizer as the ``tokenizers`` library writes it: JSON."""
    before: tuple[int, ...]
    """Special pieces that open a window, such as BERT's [CLS]."""
    after: tuple[int, ...]
    """Special pieces that close it."""
    pad: int
    """The padding piece."""
    unknown: int
    """The piece of a word for which the tokenizer has none, such as a zero-width space."""
    limit: int
    """Most pieces of a window, special ones included."""

    def to_json(self) -> dict[str, Any]:
        """Return the tokenizer in JSON's types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PieceTokenizer:
        """Rebuild a tokenizer from :meth:`to_json`; ``ValueError`` where it is something else."""
        for name in ("before", "after"):
            pieces = data[name]
            if not isinstance(pieces, list | tuple) or not all(map(_is_piece, pieces)):
                raise ValueError(f"tokenizer.{name}: must be a list of pieces")
        for name in ("pad", "unknown", "limit"):
            if not _is_piece(data[name]):
                raise ValueError(f"tokenizer.{name} = {short(data[name])}: must be a count")
        # Windows advance by half of what is left of the limit.
        if data["limit"] < len(data["before"]) + len(data["after"]) + 2:
            raise ValueError(f"tokenizer.limit = {data['limit']}: leaves no room for a text")
        try:
            _tokenizer(data["text"])
        except Exception as error:  # the library raises plain ones
            raise ValueError(f"tokenizer.text: cannot be read ({error})") from error
        return cls(**{**data, "before": tuple(data["before"]), "after": tuple(data["after"])})

    def encode(self, sentences: Sequence[Sequence[str]]) -> Pieces:
        """Cut sentences, given as words in their original case, into pieces and windows."""
        tokenizer = _tokenizer(self.text)
        starts = np.cumsum([0, *map(len, sentences)])
        window_S, place_S = (np.empty(starts[-1], np.int32) for _ in range(2))
        room = self.limit - len(self.before) - len(self.after)
        windows: list[list[int]] = []
        sentence_starts = [0]
        for n, words in enumerate(sentences):
            pieces, first = self._first_pieces(tokenizer, words)
            last = max(0, len(pieces) - room)
            begins = np.array([*range(0, last, room // 2), last])  # the last window is full
            windows += [
                [*self.before, *pieces[begin : begin + room], *self.after] for begin in begins
            ]
            sentence_starts.append(len(windows))
            # Each word is read in the window whose middle is nearest to its first piece.
            window = np.abs(first[:, None] - (begins + room / 2)).argmin(axis=1)
            own = slice(starts[n], starts[n + 1])
            window_S[own], place_S[own] = window, len(self.before) + first - begins[window]
        return Pieces(
            pieces_Q=np.array(list(chain.from_iterable(windows)), np.int32),
            window_starts=np.cumsum([0, *map(len, windows)]),
            sentence_starts=np.array(sentence_starts),
            window_S=window_S,
            place_S=place_S,
            pad=self.pad,
        )

    def _first_pieces(self, tokenizer: Any, words: Sequence[str]) -> tuple[list[int], Array]:
        """Return the pieces of a sentence, and where each word's first one is."""
        encoding = tokenizer.encode(list(words), is_pretokenized=True, add_special_tokens=False)
        by_word: list[list[int]] = [[] for _ in words]
        for piece, word in zip(encoding.ids, encoding.word_ids, strict=True):
            by_word[word].append(piece)
        by_word = [pieces or [self.unknown] for pieces in by_word]
        first = np.cumsum([0, *map(len, by_word[:-1])])
        return list(chain.from_iterable(by_word)), first


def _is_piece(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**31


@functools.lru_cache(maxsize=4)
def _tokenizer(text: str) -> Any:
    """Read a tokenizer once: that takes as long as hundreds of sentences."""
    from tokenizers import Tokenizer

    return Tokenizer.from_str(text)
