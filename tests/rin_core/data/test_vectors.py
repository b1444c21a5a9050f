"""Files of word vectors: which rows are read, what identifies them, and what is refused."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rin_core.data.vectors import VectorsError, load_vectors, read_every_vector
from tests.rin_core.data.test_vocabulary import vocabulary

ROWS = b"the 1 2 3\nparis -1 0.5 2e-1\nof 4 5 6\n"


def write(path: Path, content: bytes) -> Path:
    if path.suffix == ".gz":
        content = gzip.compress(content)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("rows.txt", content)
    else:
        path.write_bytes(content)
    return path


class TestVectors:
    @pytest.mark.parametrize("name", ["x.txt", "x.txt.gz", "x.zip"])
    def test_rows_come_to_their_words(self, tmp_path: Path, name: str) -> None:
        path = write(tmp_path / name, ROWS)
        vectors = load_vectors(path, vocabulary("paris", "new", "the"), 3)
        wanted = [[0, 0, 0], [0, 0, 0], [-1, 0.5, 0.2], [0, 0, 0], [1, 2, 3]]
        np.testing.assert_array_equal(vectors.matrix, np.array(wanted, np.float32))
        assert vectors.matrix.dtype == np.float32
        assert vectors.found.tolist() == [False, False, True, False, True]
        assert vectors.name == name

    @pytest.mark.parametrize("rows", [b"Rome 1 1\nrome 2 2\n", b"rome 2 2\nRome 1 1\n"])
    def test_own_form_before_lower_case(self, tmp_path: Path, rows: bytes) -> None:
        words = vocabulary("Rome", "ROME", "rome", lowercase=False)
        vectors = load_vectors(write(tmp_path / "x", rows), words, 2)
        assert vectors.matrix[2:, 0].tolist() == [1, 2, 2]

    def test_the_first_of_two_equal_rows_counts(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x", b"a 1\na 2\n")
        assert load_vectors(path, vocabulary("a"), 1).matrix[2, 0] == 1

    def test_the_digest_is_of_the_content(self, tmp_path: Path) -> None:
        plain = load_vectors(write(tmp_path / "x", ROWS), vocabulary("of", "new"), 3)
        packed = load_vectors(write(tmp_path / "y.gz", ROWS + b"z 0 0 0"), vocabulary("of", "z"), 3)
        assert len(plain.digest) == 16
        other = load_vectors(write(tmp_path / "z.gz", ROWS), vocabulary("of", "new"), 3)
        assert other.digest == plain.digest
        # The matrices are equal: z has a vector, which happens to be zero.
        assert (packed.matrix == plain.matrix).all()
        assert packed.digest != plain.digest

    @pytest.mark.parametrize(
        "rows",
        [
            b"2 3\n" + ROWS,
            ROWS.replace(b"\n", b" \r\n"),
            ROWS + b"\n",
            ROWS.replace(b"of", b"at name@domain.com"),
            ROWS.replace(b"of", b"\xff\xfe"),
        ],
        ids=["header", "line ends", "blank end", "phrase", "not UTF-8"],
    )
    def test_habits_of_real_files(self, tmp_path: Path, rows: bytes) -> None:
        vectors = load_vectors(write(tmp_path / "x", rows), vocabulary("the", "paris"), 3)
        assert vectors.matrix[2].tolist() == [1, 2, 3]
        assert vectors.found.tolist() == [False, False, True, True]

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            (ROWS + b"cut 1 2", r"x:4: found 2 values, expected 3; the row is cut short"),
            (ROWS + b"run 1 2 3to 1 2 3", r"x:4: found 6 values, expected 3; the row is too long"),
            (ROWS.replace(b"0.5", b"0.x"), r"x:2: could not convert.*'0\.x'.*expected numbers"),
            (ROWS.replace(b"0.5", b""), r"x:2: could not convert.*expected numbers"),
            (ROWS.replace(b"0.5", b"nan"), r"x:2: has a value that is not finite"),
            (ROWS.replace(b"0.5", b"1e39"), r"x:2: has a value that is not finite"),
            (ROWS.replace(b"paris", b"rome"), r"x: has no vector for any of the 1 words"),
            (b"", r"x: has no vector for any of the 1 words"),
            (b"a 1 2\nb 1 2\n", r"x:1: found 2 values, expected 3; .*--set encoder\.word_dim=2"),
            (b"2 3\nparis \0\0\x80?\0", r"x:2: .*binary format: convert it to text"),
            (b"9 2\na 1 2\n", r"x:2: found 2 values, expected 3; .*--set encoder\.word_dim=2"),
        ],
    )
    def test_broken_rows(self, tmp_path: Path, rows: bytes, message: str) -> None:
        with pytest.raises(VectorsError, match=message):
            load_vectors(write(tmp_path / "x", rows), vocabulary("paris"), 3)

    def test_further_words_are_looked_up(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x", b"2 3\n" + ROWS)
        vectors = load_vectors(path, vocabulary("paris"), 3, check={"of", "The", "new"})
        assert (vectors.checked, vectors.has_header) == (frozenset({"of", "The"}), True)
        assert not load_vectors(write(tmp_path / "y", ROWS), vocabulary("of"), 3).has_header

    def test_with_one_value_a_first_row_of_numbers_is_no_header(self, tmp_path: Path) -> None:
        vectors = load_vectors(write(tmp_path / "x", b"7 1\na 2\n"), vocabulary("7", "a"), 1)
        assert (vectors.matrix[2:, 0].tolist(), vectors.has_header) == ([1, 2], False)

    def test_unused_rows_are_counted_but_not_parsed(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x", ROWS.replace(b"4 5", b"four five"))
        assert load_vectors(path, vocabulary("paris"), 3).found.sum() == 1

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(VectorsError, match="gone: no such file"):
            load_vectors(tmp_path / "gone", vocabulary("a"), 3)

    def test_broken_packing(self, tmp_path: Path) -> None:
        whole = gzip.compress(ROWS * 500)
        flipped = bytearray(whole)
        flipped[20] ^= 255
        for name, content in {
            "cut.gz": whole[: len(whole) // 2],
            "flipped.gz": bytes(flipped),
            "plain.gz": ROWS,
            "plain.zip": ROWS,
        }.items():
            (tmp_path / name).write_bytes(content)
            with pytest.raises(
                VectorsError, match=rf"{name}: cannot be read \(.*check that the file is complete"
            ):
                load_vectors(tmp_path / name, vocabulary("paris"), 3)

    def test_a_zip_of_several_files(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x.zip", ROWS)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("other.txt", ROWS)
        with pytest.raises(
            VectorsError, match=r"contains rows\.txt, other\.txt; expected one file"
        ):
            load_vectors(path, vocabulary("paris"), 3)

    def test_an_archive_with_a_name_that_is_not_utf8_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "vectors.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("vektören.txt", "ann 1 2\n")
        name = "ö".encode()
        assert path.read_bytes().count(name) == 2
        path.write_bytes(path.read_bytes().replace(name, b"\xe6n"))
        with pytest.raises(VectorsError, match=r"vectors\.zip: cannot be read"):
            read_every_vector(path, 2)


OSLO = vocabulary("oslo")


@pytest.fixture
def oslo_file(tmp_path: Path) -> Path:
    return write(tmp_path / "vectors.txt", b"oslo 1 2\nOslo 3 4\nberlin 5 6\noslo 9 9\n, 7 8\n")


class TestOthers:
    def test_are_looked_up_as_written(self, oslo_file: Path) -> None:
        loaded = load_vectors(oslo_file, OSLO, 2, {"Oslo", "Berlin", "berlin", "rome"})
        assert loaded.other_words == ("Oslo", "berlin")
        assert loaded.other_matrix is not None
        assert loaded.other_matrix.tolist() == [[3, 4], [5, 6]]
        assert loaded.matrix[2].tolist() == [1, 2]

    def test_decide_the_identity_only_where_they_are_asked_for(self, oslo_file: Path) -> None:
        plain = load_vectors(oslo_file, OSLO, 2)
        none, one, two = (
            load_vectors(oslo_file, OSLO, 2, others) for others in ((), {"berlin"}, {"berlin", ","})
        )
        assert plain.digest == none.digest
        assert len({plain.digest, one.digest, two.digest}) == 3
        assert plain.file_digest == "" != one.file_digest == two.file_digest


def test_every_vector(oslo_file: Path) -> None:
    words, matrix = read_every_vector(oslo_file, 2)
    assert words == ["oslo", "Oslo", "berlin", ","]
    assert matrix.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
