"""Lines of an exported ledger, checked whole before anything of a file is written.

A file comes from anyone. What passes here can be read by studies, searches, ``rerun`` and reports.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rin_core.config import Config
from rin_core.problems import short
from study.ledger.fields import Record
from study.ledger.files import InvalidRecord, check_record, parse_object
from study.ledger.schema import (
    VERSION,
    PlannedRun,
    Predictions,
    Result,
    Search,
    SearchTrial,
    Study,
)

FORMAT = VERSION
OLDEST_FORMAT = 2
PACKED = ".xz"
"""Ending of a packed file: a ledger is a fifteenth of its size then."""
LARGEST_FILE = 2**31  # bytes, unpacked; a packed file of a megabyte may hold a terabyte
MOST_PACKED = 500
"""Bytes that a packed one may stand for; exported ledgers have 10 to 30."""
ALWAYS_READ = 2**26  # bytes, unpacked, whatever the ratio
LONGEST_LINE = 2**26  # bytes; a packed file may hold a line that fits in no memory
MOST_EPOCHS = 100_000  # of a run, as training.max_epochs
_PARQUET = b"PAR1"
"""The first bytes of a Parquet file."""
KINDS = ("run", "study", "search")
SELECTION = "selection_"
"""Begins the columns of scores on the split that selects the epoch."""


@dataclass(frozen=True, slots=True)
class ExportedRun:
    """A finished run, without its weights."""

    result: Result
    predictions: Predictions | None


Exported = ExportedRun | Study | Search


class Line(Record):
    """One line of a file; the kind of record decides how its content is read."""

    record: str
    format: int
    content: dict[str, Any]


def read_exported(path: Path) -> list[Exported]:
    """Return the records of a file.

    Args:
        path: JSON lines, packed if the name ends in ``.xz``.

    Raises:
        ValueError: A line is not a record, or one that the ledger could not use: names file,
            line and field. A packed file is not whole.
    """
    try:
        records = list(_read(path))
    except (lzma.LZMAError, EOFError) as error:
        raise ValueError(f"{path}: cannot be unpacked ({error}); is the file whole?") from error
    if not records:
        raise ValueError(f"{path}: has no record; export it again")
    return records


def _read(path: Path) -> Iterator[Exported]:
    packed, size = path.stat().st_size, 0
    with path.open("rb") as file:
        if file.read(len(_PARQUET)) == _PARQUET:
            raise ValueError(
                f"{path}: is a Parquet table, which export writes for other tools; import reads "
                "the JSON lines of 'rin-study export ledger.jsonl.xz'"
            )
    with lzma.open(path) if path.suffix == PACKED else path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), start=1):
            size += len(line)
            if size > LARGEST_FILE:
                limit = f"{LARGEST_FILE / 2**30:.3g} GiB"
                raise ValueError(
                    f"{path}: more than {limit} unpacked; export it in parts, by --data"
                )
            if size > max(ALWAYS_READ, MOST_PACKED * packed):
                raise ValueError(
                    f"{path}: more than {MOST_PACKED} times its size unpacked; export writes no "
                    "such file"
                )
            try:
                yield _record(parse_object(line))
            except ValueError as error:
                raise ValueError(
                    f"{path}, line {number}: not an exported record ({error}); export it again"
                ) from error


def _record(content: dict[str, Any]) -> Exported:
    line = check_record(content, Line)
    if not OLDEST_FORMAT <= line.format <= FORMAT:
        raise InvalidRecord(f"format = {short(line.format)}: must be {OLDEST_FORMAT} to {FORMAT}")
    kind = "run" if line.record == "unit" else line.record  # its name in format 2
    if kind == "run":
        return _run(line.content)
    if kind == "study":
        study = check_record(line.content, Study)
        _check_configs(study.trials)
        return study
    if kind == "search":
        search = check_record(line.content, Search)
        _check_configs(search.trials)
        return search
    raise InvalidRecord(f"record = {short(line.record)}: must be one of {', '.join(KINDS)}")


def _run(content: dict[str, Any]) -> ExportedRun:
    """Return a run: epochs by row again, and its predictions."""
    if "predictions" not in content:
        raise InvalidRecord("predictions is missing")
    predictions = content.pop("predictions")
    content["history"] = _rows(content.get("history"))
    result = check_record(content, Result, numbers=True)
    expected = Config.from_flat(result.config).fingerprint(result.corpus.digest)
    if result.fingerprint != expected:
        raise InvalidRecord(
            f"fingerprint = {result.fingerprint}: its configuration and data have fingerprint "
            f"{expected}"
        )
    if predictions is None:
        return ExportedRun(result, None)
    if not isinstance(predictions, dict):
        raise InvalidRecord(f"predictions = {short(predictions)}: must be an object")
    try:
        return ExportedRun(result, check_record(predictions, Predictions))
    except InvalidRecord as error:
        raise InvalidRecord(f"predictions: {error}") from error


def _rows(columns: Any) -> list[dict[str, Any]]:
    """Return epochs by row; a file has them by column, which names each score once."""
    if not isinstance(columns, dict) or not all(isinstance(c, list) for c in columns.values()):
        raise InvalidRecord(f"history = {short(columns)}: must be an object of lists")
    epochs = len(columns.get("epoch", []))
    if epochs > MOST_EPOCHS:  # a packed file of 14 kB may hold 30 million
        raise InvalidRecord(f"history.epoch has {epochs} values: must be at most {MOST_EPOCHS}")
    for name, column in columns.items():
        if len(column) != epochs:
            raise InvalidRecord(f"history.{name} has {len(column)} values: must be {epochs}")
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [_with_scores(row) for row in rows]


def _with_scores(row: dict[str, Any]) -> dict[str, Any]:
    scores = {name: value for name, value in row.items() if name.startswith(SELECTION)}
    if not scores:  # format 2, which the upgrade reads
        return row
    others = {name: value for name, value in row.items() if name not in scores}
    return {**others, "selection_scores": {k.removeprefix(SELECTION): scores[k] for k in scores}}


def _check_configs(trials: Sequence[PlannedRun | SearchTrial]) -> None:
    for number, trial in enumerate(trials):
        try:
            Config.from_flat(trial.config)
        except ValueError as error:
            raise InvalidRecord(f"trials[{number}].config: {error}") from error
