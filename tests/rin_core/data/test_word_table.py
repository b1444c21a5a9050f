"""All words of a file of vectors, beside a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rin_core.data.vectors import VectorsError
from rin_core.data.word_table import load_word_table, save_word_table


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
