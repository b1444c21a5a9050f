"""Parquet and Arrow files that are damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from rin_core.data.corpus import CorpusError
from rin_core.data.readers.split import read_split


def test_a_text_that_ends_outside_the_file_is_refused(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    records = [{"text": "a" * length, "triple_list": []} for length in (1234, 5678)]
    table = pyarrow.Table.from_pylist(records)
    stream = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    content = stream.getvalue().to_pybytes()
    # Where the texts end: Arrow alone would read there, and the process would die.
    first, second, beyond = (n.to_bytes(4, "little") for n in (1234, 1234 + 5678, 2**30))
    assert content.count(first + second) == 1
    path = tmp_path / "train.arrow"
    path.write_bytes(content.replace(first + second, first + beyond))
    with pytest.raises(CorpusError, match=r"train\.arrow: pyarrow cannot read it") as caught:
        read_split(path)
    assert "\n" not in str(caught.value)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    value = pyarrow.StructArray.from_arrays([pyarrow.array([1])] * 2, names=["a", "a"])
    table = pyarrow.Table.from_arrays([pyarrow.array(["Ann ."]), value], names=["text", "b"])
    path = tmp_path / "train.arrow"
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_file(file, table.schema) as out:
        out.write_table(table)
    with pytest.raises(CorpusError, match=r"train\.arrow: pyarrow cannot read it .*duplicate"):
        read_split(path)


def test_a_day_that_no_calendar_has_is_refused(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    days = pyarrow.array([2**31 - 1], pyarrow.int32()).cast(pyarrow.date32())
    table = pyarrow.Table.from_arrays([pyarrow.array(["Ann ."]), days], names=["text", "day"])
    parquet.write_table(table, tmp_path / "train.parquet")
    with pytest.raises(CorpusError, match=r"train\.parquet: pyarrow cannot read it"):
        read_split(tmp_path / "train.parquet")


def test_a_decimal_that_python_cannot_write_is_refused(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    number = pyarrow.py_buffer((12345).to_bytes(16, "little"))
    prices = pyarrow.Array.from_buffers(pyarrow.decimal128(3, 514), 1, [None, number])
    table = pyarrow.Table.from_arrays([pyarrow.array(["Ann ."]), prices], names=["text", "price"])
    path = tmp_path / "train.arrow"
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_file(file, table.schema) as out:
        out.write_table(table)
    with pytest.raises(CorpusError, match=r"train\.arrow: pyarrow cannot read it \(.*decimal"):
        read_split(path)


def test_a_size_that_no_memory_has_is_refused(tmp_path: Path) -> None:
    """Each number of the description of a batch in turn becomes a huge one."""
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.Table.from_pylist([{"text": "Ann met Bob .", "triple_list": []}])
    stream = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    content, path = stream.getvalue().to_pybytes(), tmp_path / "train.arrow"
    messages = []
    for place in range(8, len(content) - 8, 4):
        path.write_bytes(content[:place] + (2**62).to_bytes(8, "little") + content[place + 8 :])
        try:
            read_split(path)
        except CorpusError as error:
            messages.append(str(error))
    assert [text for text in messages if "it asks for more memory than there is" in text]
    assert not [text for text in messages if "\n" in text or not text.startswith(str(path))]


@pytest.mark.parametrize("kind", ["absent", "repeated"])
def test_more_rows_than_bytes_are_refused(tmp_path: Path, kind: str) -> None:
    """A table of 2 KB that says it has billions of rows took all memory."""
    pyarrow = pytest.importorskip("pyarrow")
    rows = 2**31 - 1
    if kind == "absent":
        column = pyarrow.nulls(rows)
    else:
        column = pyarrow.RunEndEncodedArray.from_arrays(
            pyarrow.array([rows], pyarrow.int64()), pyarrow.array(["Ann met Bob ."])
        )
    table = pyarrow.Table.from_arrays([column], names=["text"])
    path = tmp_path / "train.arrow"
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_file(file, table.schema) as out:
        out.write_table(table)
    with pytest.raises(CorpusError, match=r"train\.arrow: has 2,147,483,647 rows in \d+ bytes"):
        read_split(path)


def test_rows_of_several_batches_are_read(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    records = [{"text": f"Ann met Bob {n} .", "triple_list": []} for n in range(2500)]
    table = pyarrow.Table.from_pylist(records)
    path = tmp_path / "train.arrow"
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_file(file, table.schema) as out:
        out.write_table(table, max_chunksize=1500)
    words = [sentence.words[3] for sentence in read_split(path)]
    assert words == [str(n) for n in range(2500)]
