"""All words of a file of vectors, beside a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rin_core.data.vectors import VectorsError, load_vectors, read_every_vector
from rin_core.data.vocabulary import UNKNOWN, Vocabulary
from rin_core.data.word_table import load_word_table, save_word_table

ROWS = b"oslo 1 2\nOslo 3 4\nberlin 5 6\noslo 9 9\n, 7 8\n"
KNOWN = Vocabulary(words=("<pad>", "<unk>", "oslo"), pos=(), relations=("r",), lowercase=True)


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.txt"
    path.write_bytes(ROWS)
    return path


def test_every_vector(vectors: Path) -> None:
    words, matrix = read_every_vector(vectors, 2)
    assert words == ["oslo", "Oslo", "berlin", ","]
    assert matrix.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]


def test_round_trip(tmp_path: Path) -> None:
    matrix = np.array([[1.5, 2], [3, 4]], np.float32)
    save_word_table(tmp_path / "x" / "table", ("é", "b"), matrix)
    words, read = load_word_table(tmp_path / "x" / "table")
    assert words == ("é", "b")
    assert (read == matrix).all()


@pytest.mark.parametrize("at", [20, -3])
def test_a_damaged_table(tmp_path: Path, at: int) -> None:
    path = tmp_path / "table"
    save_word_table(path, ("a", "b"), np.ones((2, 3), np.float32))
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(VectorsError, match="table"):
        load_word_table(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [(b'"matrix"', b'"matriy"'), (b'"words"', b'"wordz"'), (b"F32", b"I32"), (b"[2,3]", b"[6]  ")],
)
def test_a_table_with_other_tensors(tmp_path: Path, before: bytes, after: bytes) -> None:
    path = tmp_path / "table"
    save_word_table(path, ("a", "b"), np.ones((2, 3), np.float32))
    assert path.read_bytes().count(before) == 1
    path.write_bytes(path.read_bytes().replace(before, after))
    with pytest.raises(VectorsError, match="table"):
        load_word_table(path)


class TestOthers:
    def test_are_looked_up_as_written(self, vectors: Path) -> None:
        loaded = load_vectors(vectors, KNOWN, 2, {"Oslo", "Berlin", "berlin", "rome"})
        assert loaded.other_words == ("Oslo", "berlin")
        assert loaded.other_matrix is not None
        assert loaded.other_matrix.tolist() == [[3, 4], [5, 6]]
        assert loaded.matrix[2].tolist() == [1, 2]

    def test_decide_the_identity_only_where_they_are_asked_for(self, vectors: Path) -> None:
        plain = load_vectors(vectors, KNOWN, 2)
        none, one, two = (
            load_vectors(vectors, KNOWN, 2, others) for others in ((), {"berlin"}, {"berlin", ","})
        )
        assert plain.digest == none.digest
        assert len({plain.digest, one.digest, two.digest}) == 3
        assert plain.file_digest == "" != one.file_digest == two.file_digest

    def test_follow_the_vocabulary(self) -> None:
        lowered = Vocabulary(
            words=KNOWN.words, pos=(), relations=("r",), lowercase=True, vector_words=("rome",)
        )
        assert lowered.word_ids(["Oslo", "ROME", "bonn"]) == [2, 3, UNKNOWN]
        assert [lowered.is_in_training(k) for k in (0, UNKNOWN, 2, 3)] == [
            False,
            False,
            True,
            False,
        ]

    def test_in_a_cased_vocabulary(self) -> None:
        cased = Vocabulary(
            words=("<pad>", "<unk>", "Oslo", "the"),
            pos=(),
            relations=("r",),
            lowercase=False,
            vector_words=("oslo", "rome"),
        )
        assert cased.word_ids(["Oslo", "OSLO", "The", "Rome", "Bonn"]) == [2, 4, 3, 5, UNKNOWN]
        assert "vector_words" not in cased.to_json()
