"""Records of files in columns: the rows of a sentence, between blank lines or comments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rin_core.data.readers.text_files import read_text

#: Marks the records of this module: no JSON record has it.
ROWS = object()
#: Columns of a row that is a relation of the sentence before it.
_RELATION_COLUMNS = 3


def looks_like_rows(first: bytes) -> bool:
    """Return whether the first line of a file is that of a file in columns."""
    return first.startswith(b"#doc") or (b"\t" in first and first[:1] not in (b"{", b"["))


def row_records(path: Path) -> Iterator[tuple[str, object]]:
    """Yield ``rows`` of each sentence, and ``relations`` that follow, after its place.

    Raises:
        CorpusError: The file is not text.
    """
    lines = read_text(path).removeprefix("\ufeff").split("\n")
    waiting: tuple[str, dict[str, Any]] | None = None
    for number, rows in _blocks(lines):
        if waiting and all(len(row) == _RELATION_COLUMNS for row in rows):
            waiting[1].setdefault("relations", []).extend(rows)
            continue
        if waiting:
            yield waiting
        waiting = (f"{path}:{number}", {"rows": rows, "source": ROWS})
    if waiting:
        yield waiting


def _blocks(lines: list[str]) -> Iterator[tuple[int, list[list[str]]]]:
    """Yield consecutive rows, with the number of their first line."""
    rows: list[list[str]] = []
    for number, line in enumerate([*lines, ""], 1):
        if line.strip() and not line.startswith("#doc"):
            rows.append([cell.strip() for cell in line.strip().split("\t")])
        elif rows:
            yield number - len(rows), rows
            rows = []
