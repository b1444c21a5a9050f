"""Pretrained word vectors in GloVe's text format.

Training needs the vectors of a vocabulary's words; a trained model can read any word of the file.
:func:`load_vectors` reads the first, :func:`read_every_vector` the second.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import struct
import zipfile
import zlib
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rin_core.data.vocabulary import SPECIAL, Vocabulary

#: What a damaged archive raises: its content, or the name or the place of a file in it.
_UNREADABLE = (
    OSError,
    EOFError,
    RuntimeError,
    OverflowError,
    UnicodeDecodeError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    struct.error,
)


class VectorsError(ValueError):
    """Word vectors that cannot be used. The message names file, line, problem and remedy."""


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
    other_words: tuple[str, ...] = ()
    """Words outside the vocabulary that were asked for and have a vector."""
    other_matrix: npt.NDArray[np.float32] | None = None
    """Their rows, [X, dim]; None if none were asked for."""
    file_digest: str = ""
    """Identity of the whole file, 16 hexadecimal digits; empty if no other words were asked for."""
    checked: frozenset[str] = frozenset()
    """Which of the words that were only checked have a vector."""
    has_header: bool = False
    """Whether the first line is word2vec's: how many words, and how many values."""

    def has(self, number: int) -> bool:
        """Return whether the word of a number has a vector: of the vocabulary, or after it."""
        return number >= len(self.found) or bool(self.found[number])


def load_vectors(
    path: Path,
    vocabulary: Vocabulary,
    dim: int,
    others: Collection[str] | None = None,
    check: Collection[str] = (),
) -> WordVectors:
    """Load vectors in GloVe's text format, plain, ``.gz`` or ``.zip``.

    Every row's number of columns is checked, numbers only in the rows that are used. A word
    that the file does not have as written is looked up in lower case.

    Args:
        path: The file. A first line with two whole numbers, as word2vec writes, is skipped.
        vocabulary: The words to load vectors for.
        dim: How wide the vectors must be.
        others: Words outside the vocabulary that also get a vector, looked up as written.
        check: Words for which it is only found out whether the file has them.

    Raises:
        VectorsError: The file cannot be read, has a broken row or vectors of another width,
            or knows no word of the vocabulary.
    """
    table = _Table(vocabulary, dim)
    wanted = {word.encode() for word in others or ()}
    other_rows = dict[str, npt.NDArray[np.float32]]()
    forms = defaultdict[bytes, list[str]](list)
    for word in check:
        for form in {word, word.lower()}:
            forms[form.encode()].append(word)
    checked = set[str]()
    with _read(path) as file:
        lines = iter(file)
        first = next(lines, b"")
        for row in _rows(chain((first,), lines), path, dim):
            table.add(row, path)
            if row.word in wanted:
                other_rows.setdefault(row.word.decode(), _vector(row, path))
            checked.update(forms.get(row.word, ()))
    matrix, found = table.matrix, table.found
    if not found.any():
        words = len(vocabulary.words) - len(SPECIAL)
        raise VectorsError(
            f"{path}: has no vector for any of the {words} words of the training split"
        )
    content = hashlib.sha256(matrix.tobytes() + found.tobytes())
    vectors = WordVectors(
        name=path.name,
        matrix=matrix,
        found=found,
        digest=content.hexdigest()[:16],
        checked=frozenset(checked),
        has_header=dim > 1 and _is_header(first),  # with one value, it is a row
    )
    if others is None:
        return vectors
    other_words = tuple(sorted(other_rows))
    other_matrix = np.zeros((len(other_words), dim), np.float32)
    for place, word in enumerate(other_words):
        other_matrix[place] = other_rows[word]
    content.update("\n".join(other_words).encode() + other_matrix.tobytes())
    with path.open("rb") as file_bytes:
        file_digest = hashlib.file_digest(file_bytes, "sha256").hexdigest()[:16]
    return replace(
        vectors,
        digest=content.hexdigest()[:16],
        other_words=other_words,
        other_matrix=other_matrix,
        file_digest=file_digest,
    )


def read_every_vector(path: Path, dim: int) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Read all words of a file, and their rows [X, dim]; of equal words the first counts.

    Rows whose word is not UTF-8 are left out: no text can have it.

    Raises:
        VectorsError: As :func:`load_vectors`.
    """
    words, values = dict[str, None](), array("f")  # one block: millions of arrays take more
    with _read(path) as file:
        for row in _rows(file, path, dim):
            word = row.word.decode(errors="ignore")
            if word.encode() == row.word and word not in words:
                words[word] = None
                values.frombytes(_vector(row, path).tobytes())
    return list(words), np.frombuffer(values, np.float32).reshape(-1, dim)


@contextmanager
def _read(path: Path) -> Iterator[Iterable[bytes]]:
    """Open a file of rows; what goes wrong while it is read becomes one clear error."""
    if not path.is_file():
        raise VectorsError(f"{path}: no such file; expected word vectors in GloVe's text format")
    try:
        with _open(path) as file:
            yield file
    except _UNREADABLE as error:
        raise VectorsError(
            f"{path}: cannot be read ({error}); check that the file is complete"
        ) from None


@contextmanager
def _open(path: Path) -> Iterator[Iterable[bytes]]:
    """Open a file of rows, whatever it is packed in."""
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            yield file
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if not name.endswith("/")]
            if len(members) != 1:
                names = ", ".join(members) or "nothing"
                raise VectorsError(f"{path}: contains {names}; expected one file: unpack it")
            with archive.open(members[0]) as file:
                yield file
    else:
        with path.open("rb") as file:
            yield file


class _Row(NamedTuple):
    line: int
    word: bytes
    values: bytes


def _is_header(line: bytes) -> bool:
    """Return whether a line is word2vec's first: how many words, how many values."""
    parts = line.split()
    return len(parts) == 2 and all(part.isdigit() for part in parts)


def _rows(lines: Iterable[bytes], path: Path, dim: int) -> Iterator[_Row]:
    """Yield the rows of a file, each checked to have ``dim`` values, none of them parsed."""
    first = True
    for number, line in enumerate(lines, 1):
        text = line.rstrip()
        found = text.count(b" ")
        if found == dim:
            word, _, values = text.partition(b" ")
            yield _Row(number, word, values)
        elif not text or (number == 1 and _is_header(line)):
            continue
        elif not _is_phrase(text, dim):
            remedy = f"the row is {'cut short' if found < dim else 'too long'}"
            if first:
                remedy = f"for vectors of this width, --set encoder.word_dim={found}"
            if b"\0" in line:
                remedy = "this looks like word2vec's binary format: convert it to text"
            raise VectorsError(f"{path}:{number}: found {found} values, expected {dim}; {remedy}")
        else:
            continue
        first = False


def _is_phrase(text: bytes, dim: int) -> bool:
    """Return whether a row is for several words, as in some GloVe files; no vocabulary has it."""
    if text.count(b" ") > dim:
        try:
            float(text.split(b" ", 2)[1])
        except ValueError:
            return True
    return False


class _Table:
    """The vectors of a vocabulary's words, filled row by row; of equal rows the first counts."""

    def __init__(self, vocabulary: Vocabulary, dim: int) -> None:
        size = len(vocabulary.words)
        self.matrix, self.found = np.zeros((size, dim), np.float32), np.zeros(size, np.bool_)
        self._as_written = dict[bytes, int]()
        self._lowered = defaultdict[bytes, list[int]](list)
        for place, word in enumerate(vocabulary.words):
            if place >= len(SPECIAL):
                self._as_written[word.encode()] = place
                self._lowered[word.lower().encode()].append(place)

    def add(self, row: _Row, path: Path) -> None:
        """Put a row where its word is in the vocabulary."""
        # The form as written may follow the lower-case one, and then takes its place.
        places = {place for place in self._lowered.pop(row.word, ()) if not self.found[place]}
        if row.word in self._as_written:
            places.add(self._as_written.pop(row.word))
        if places:
            vector = _vector(row, path)
            for place in places:
                self.matrix[place], self.found[place] = vector, True


def _vector(row: _Row, path: Path) -> npt.NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            vector = np.array([float(value) for value in row.values.split(b" ")], np.float32)
    except ValueError as error:
        raise VectorsError(f"{path}:{row.line}: {error}; expected numbers only") from None
    if not np.isfinite(vector).all():
        raise VectorsError(f"{path}:{row.line}: has a value that is not finite; remove the row")
    return vector
