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
