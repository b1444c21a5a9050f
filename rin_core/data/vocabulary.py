"""Words, tags and relations as numbers, and pretrained vectors for the words.

Everything is counted on the training split alone. A word, tag or relation that only dev or
test knows has no number of its own: a word or tag becomes ``<unk>``, a relation is a miss.
"""

from __future__ import annotations

import gzip
import hashlib
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rin_core.data.corpus import Sentence

PAD, UNKNOWN = 0, 1

_SPECIAL = ("<pad>", "<unk>")


class VectorsError(ValueError):
    """Word vectors that cannot be used: names the file, the line, what is wrong and the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What the training split contains, numbered by position."""

    words: tuple[str, ...]
    """Words, after ``<pad>`` and ``<unk>``."""
    pos: tuple[str, ...]
    """Tags, after ``<pad>`` and ``<unk>``; empty where the corpus has none."""
    relations: tuple[str, ...]
    """Relations, without padding."""
    lowercase: bool
    """Whether words are lower-cased before they are looked up."""
    usual_pos: tuple[tuple[str, int], ...] = ()
    """Each word as written with the number of the tag it has most often, for text without tags;
    ``<unk>`` stands for words seen once. Empty without tags, or in files that predate it."""
    _words: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _pos: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _relations: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _usual_pos: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, entries in (("words", self.words), ("pos", self.pos or _SPECIAL)):
            if entries[: len(_SPECIAL)] != _SPECIAL:
                raise ValueError(f"{name} = {entries[:2]}…: must begin with {_SPECIAL}")
        # A word of a text that happens to read "<pad>" must never become padding.
        for name, entries, start in (
            ("_words", self.words, len(_SPECIAL)),
            ("_pos", self.pos, len(_SPECIAL)),
            ("_relations", self.relations, 0),
        ):
            index = {entry: number for number, entry in enumerate(entries) if number >= start}
            object.__setattr__(self, name, index)
        object.__setattr__(self, "_usual_pos", dict(self.usual_pos))

    @property
    def relation_ids(self) -> Mapping[str, int]:
        """The number of each relation."""
        return self._relations

    def word_ids(self, words: Iterable[str]) -> list[int]:
        """Return the number of each word, :data:`UNKNOWN` for one not in the vocabulary."""
        number = self._words.get
        if self.lowercase:
            return [number(word.lower(), UNKNOWN) for word in words]
        return [number(word, UNKNOWN) for word in words]

    def pos_ids(self, tags: Iterable[str]) -> list[int]:
        """Return the number of each tag, :data:`UNKNOWN` for one not in the vocabulary."""
        return [self._pos.get(tag, UNKNOWN) for tag in tags]

    def usual_tags(self, words: Iterable[str]) -> tuple[str, ...]:
        """Return the tag each word has most often in the training split, whatever its context.

        A form that the split lacks is looked up in lower case: a capital may open a sentence.
        """
        usual, unknown = self._usual_pos, self._usual_pos[_SPECIAL[UNKNOWN]]
        numbers = (usual.get(word, usual.get(word.lower(), unknown)) for word in words)
        return tuple(self.pos[number] for number in numbers)

    def to_json(self) -> dict[str, Any]:
        """Return the vocabulary in JSON's types."""
        return {
            "words": list(self.words),
            "pos": list(self.pos),
            "relations": list(self.relations),
            "lowercase": self.lowercase,
            "usual_pos": dict(self.usual_pos),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Vocabulary:
        """Rebuild a vocabulary from :meth:`to_json`."""
        return cls(
            words=tuple(data["words"]),
            pos=tuple(data["pos"]),
            relations=tuple(data["relations"]),
            lowercase=data["lowercase"],
            usual_pos=tuple(data.get("usual_pos", {}).items()),
        )


def build_vocabulary(train: Sequence[Sentence], *, lowercase: bool, use_pos: bool) -> Vocabulary:
    """Number the words, tags and relations of the training split.

    Args:
        train: Sentences of the training split.
        lowercase: Take words that differ only in case for one.
        use_pos: Number the tags too; there are none if a sentence has none.

    Returns:
        The vocabulary, the most frequent entry first, equals in alphabetical order.
    """
    words = Counter(word.lower() if lowercase else word for s in train for word in s.words)
    tagged = use_pos and all(s.pos is not None for s in train)
    tags = Counter(tag for s in train for tag in s.pos or ())
    relations = Counter(triple.relation for s in train for triple in s.triples)
    vocabulary = Vocabulary(
        words=_after_special(words),
        pos=_after_special(tags) if tagged else (),
        relations=tuple(_by_frequency(relations)),
        lowercase=lowercase,
    )
    return replace(vocabulary, usual_pos=_usual_pos(train, vocabulary)) if tagged else vocabulary


def _usual_pos(train: Sequence[Sentence], vocabulary: Vocabulary) -> tuple[tuple[str, int], ...]:
    """Return each word's most frequent tag; of equally frequent ones the lower number."""
    counts: dict[str, Counter[int]] = {}
    for sentence in train:
        for word, tag in zip(sentence.words, vocabulary.pos_ids(sentence.pos or ()), strict=True):
            counts.setdefault(word, Counter())[tag] += 1
    # A word the training split lacks behaves as those it has once: most are names.
    once = (tag for count in counts.values() if count.total() == 1 for tag in count)
    counts[_SPECIAL[UNKNOWN]] = Counter(once)
    return tuple((word, _most_frequent(count)) for word, count in sorted(counts.items()))


def _most_frequent(count: Counter[int]) -> int:
    return min(count, key=lambda number: (-count[number], number), default=UNKNOWN)


def _after_special(counts: Counter[str]) -> tuple[str, ...]:
    """Return the entries after those for padding and the unknown, whose names they cannot take."""
    return (*_SPECIAL, *(entry for entry in _by_frequency(counts) if entry not in _SPECIAL))


def _by_frequency(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda entry: (-counts[entry], entry))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WordVectors:
    """Pretrained vectors for the words of a vocabulary."""

    name: str
    """The file they come from; no part of their identity."""
    matrix: npt.NDArray[np.float32]
    """One row a word, [V, dim]; zeros where the file has no vector."""
    found: npt.NDArray[np.bool_]
    """Which words have a vector, [V]."""
    digest: str
    """Identity of the content, 16 hexadecimal digits."""


def load_vectors(path: Path, vocabulary: Vocabulary, dim: int) -> WordVectors:
    """Load vectors in GloVe's text format, plain, ``.gz`` or ``.zip``.

    Every row's number of columns is checked, numbers only in the rows that are used. A word
    that the file does not have as written is looked up in lower case.

    Args:
        path: The file. A first line with two whole numbers, as word2vec writes, is skipped.
        vocabulary: The words to load vectors for.
        dim: How wide the vectors must be.

    Raises:
        VectorsError: The file cannot be read, has a broken row or vectors of another width,
            or knows no word of the vocabulary.
    """
    if not path.is_file():
        raise VectorsError(f"{path}: no such file; wanted word vectors in GloVe's text format")
    try:
        with _open(path) as file:
            matrix, found = _place(_rows(file, path, dim), path, vocabulary, dim)
    except _UNREADABLE as error:
        raise VectorsError(f"{path}: cannot be read ({error}); is the file whole?") from None
    if not found.any():
        words = len(vocabulary.words) - len(_SPECIAL)
        raise VectorsError(f"{path}: has none of the {words} words of the training split")
    digest = hashlib.sha256(matrix.tobytes() + found.tobytes()).hexdigest()[:16]
    return WordVectors(name=path.name, matrix=matrix, found=found, digest=digest)


_UNREADABLE = (OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile)


@contextmanager
def _open(path: Path) -> Iterator[Iterable[bytes]]:
    """Open a file of rows, whatever it is packed in."""
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            yield file
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(_only_member(path, archive)) as file:
            yield file
    else:
        with path.open("rb") as file:
            yield file


def _only_member(path: Path, archive: zipfile.ZipFile) -> str:
    members = [name for name in archive.namelist() if not name.endswith("/")]
    if len(members) != 1:
        names = ", ".join(members) or "nothing"
        raise VectorsError(f"{path}: holds {names}; wanted one file: unpack it and name that")
    return members[0]


class _Row(NamedTuple):
    line: int
    word: bytes
    values: bytes


def _rows(lines: Iterable[bytes], path: Path, dim: int) -> Iterator[_Row]:
    """Yield the rows of a file, each checked to have ``dim`` values, none of them parsed."""
    first = True
    for number, line in enumerate(lines, 1):
        text = line.rstrip()
        if text.count(b" ") == dim:
            word, _, values = text.partition(b" ")
            yield _Row(number, word, values)
        elif text and not (number == 1 and _is_header(text)) and not _is_phrase(text, dim):
            raise _wrong_width(f"{path}:{number}", text.count(b" "), dim, first)
        else:
            continue
        first = False


def _is_header(text: bytes) -> bool:
    """Tell word2vec's first line: how many words, how many values."""
    return [part.isdigit() for part in text.split(b" ")] == [True, True]


def _is_phrase(text: bytes, dim: int) -> bool:
    """Tell a row for several words, as some of GloVe's files have; no word of ours is one."""
    return text.count(b" ") > dim and not _is_number(text.split(b" ", 2)[1])


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _wrong_width(place: str, found: int, wanted: int, first: bool) -> VectorsError:
    message = f"{place}: found {found} values, wanted {wanted}"
    if first:
        return VectorsError(f"{message}; for vectors of this width, --set encoder.word_dim={found}")
    return VectorsError(f"{message}; the row is {'cut short' if found < wanted else 'too long'}")


def _place(
    rows: Iterable[_Row], path: Path, vocabulary: Vocabulary, dim: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Put each row where the vocabulary wants it; of equal rows the first counts."""
    size = len(vocabulary.words)
    matrix, found = np.zeros((size, dim), np.float32), np.zeros(size, np.bool_)
    as_written, lowered = _wanted(vocabulary)
    for row in rows:
        # The form as written may follow the lower-case one, and then takes its place.
        places = {place for place in lowered.pop(row.word, ()) if not found[place]}
        places |= {as_written.pop(row.word)} if row.word in as_written else set()
        if places:
            vector = _vector(row, path)
            for place in places:
                matrix[place], found[place] = vector, True
    return matrix, found


def _wanted(vocabulary: Vocabulary) -> tuple[dict[bytes, int], dict[bytes, list[int]]]:
    """Return the place of each word as written, and the places of each lower-case form."""
    as_written: dict[bytes, int] = {}
    lowered: dict[bytes, list[int]] = {}
    for place, word in enumerate(vocabulary.words):
        if place >= len(_SPECIAL):
            as_written[word.encode()] = place
            lowered.setdefault(word.lower().encode(), []).append(place)
    return as_written, lowered


def _vector(row: _Row, path: Path) -> npt.NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            vector = np.array([float(value) for value in row.values.split(b" ")], np.float32)
    except ValueError as error:
        raise VectorsError(f"{path}:{row.line}: {error}; wanted numbers only") from None
    if not np.isfinite(vector).all():
        raise VectorsError(f"{path}:{row.line}: holds a value that is not finite")
    return vector
