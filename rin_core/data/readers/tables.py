"""Records of Parquet and Arrow files, which need pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import InvalidOperation
from pathlib import Path
from typing import Any

from rin_core.data.corpus import CorpusError
from rin_core.data.readers.class_labels import features_beside, features_in, with_names

#: Rows that are Python objects at once.
_ROWS = 1000
_PARQUET, _ARROW_FILE, _ARROW_STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"
#: Bytes at the start of a file that tell whether it is a table.
MARK = 6


def is_table(start: bytes) -> bool:
    """Return whether a file with these first :data:`MARK` bytes is Parquet or Arrow."""
    return start.startswith((_PARQUET, _ARROW_FILE, _ARROW_STREAM))


def table_records(path: Path) -> Iterator[tuple[str, object]]:
    """Yield each row as a record, after its place.

    Raises:
        CorpusError: pyarrow is not installed, or cannot read the file.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise CorpusError(
            f"{path}: Parquet and Arrow require pyarrow: pip install pyarrow"
        ) from None
    number = 0
    try:
        for batch in _batches(path, pyarrow):
            _check_rows(path, number + batch.num_rows)
            batch.validate(full=True)  # of a damaged file Arrow would read outside its memory
            features = features_in(batch.schema.metadata) or features_beside(path)
            for row in _rows(batch):
                number += 1
                named = with_names(row, features)
                yield f"{path}: row {number}", {k: _as_list(v) for k, v in named.items()}
    except CorpusError:
        raise
    except (pyarrow.ArrowException, MemoryError, ArithmeticError, ValueError) as error:
        # Values raise too: a year that Python's dates do not have, a decimal without digits. Some
        # texts have several lines.
        reason = " ".join(str(error).split())[:200]
        if isinstance(error, InvalidOperation):
            reason = "a decimal number that Python cannot write"
        if isinstance(error, MemoryError):
            reason = "it asks for more memory than there is: damaged, or too large"
        raise CorpusError(f"{path}: pyarrow cannot read it ({reason})") from None


def _check_rows(path: Path, rows: int) -> None:
    """Refuse more rows than bytes: 2 KB without a column can say that they are 8 billion rows."""
    size = path.stat().st_size
    if rows > size:
        raise CorpusError(f"{path}: has {rows:,} rows in {size:,} bytes, so it is damaged")


def _rows(batch: Any) -> Iterator[Any]:
    for start in range(0, batch.num_rows, _ROWS):
        yield from batch.slice(start, _ROWS).to_pylist()


def _batches(path: Path, pyarrow: Any) -> Iterator[Any]:
    with path.open("rb") as file:
        start = file.read(MARK)
        file.seek(0)
        if start.startswith(_PARQUET):
            yield from pyarrow.parquet.ParquetFile(file).iter_batches(batch_size=_ROWS)
        elif start == _ARROW_FILE:
            reader = pyarrow.ipc.open_file(file)
            yield from (reader.get_batch(k) for k in range(reader.num_record_batches))
        else:
            yield from pyarrow.ipc.open_stream(file)


def _as_list(value: object) -> object:
    """Return a struct of lists, as Hugging Face stores a list of objects, as the list."""
    if not (isinstance(value, dict) and all(isinstance(v, list) for v in value.values())):
        return value
    if len({len(v) for v in value.values()}) == 1:
        return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
    return value
