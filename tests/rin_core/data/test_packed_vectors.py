"""Packed files of word vectors that are damaged."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from rin_core.data.vectors import VectorsError, read_every_vector


def test_an_archive_with_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vectors.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("vektören.txt", "ann 1 2\n")
    name = "ö".encode()
    assert path.read_bytes().count(name) == 2
    path.write_bytes(path.read_bytes().replace(name, b"\xe6n"))
    with pytest.raises(VectorsError, match=r"vectors\.zip: cannot be read"):
        read_every_vector(path, 2)
