"""Finished units as JSON lines: to split a study over machines, or to keep its record in git.

One line a unit: configuration, every epoch's scores, test scores and predictions, provenance;
no weights. Another ledger takes the lines it lacks, so that a study started there runs only
what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rin_core.checkpoint import write_atomically
from rin_core.config import Config, ConfigError
from study.ledger import Ledger, Unit

FORMAT = 1
NUMBERS = ("history", "best_epoch", "stopped", "dev", "test")
TIMES = ("seconds", "tokens_per_second")


@dataclass(slots=True)
class Merged:
    """What an import came to, by fingerprint."""

    added: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    conflicts: dict[str, str] = field(default_factory=dict)
    """Units that both have with other numbers, and where those differ first; ours are kept."""


def export_units(ledger: Ledger, path: Path, corpora: Iterable[str] = ()) -> int:
    """Write every finished unit, ordered by fingerprint, and return how many.

    Args:
        ledger: Where from.
        path: File to write; replaced in one step.
        corpora: Only units on these corpora; none means all.
    """
    wanted = set(corpora)
    lines = [
        json.dumps(_packed(unit, result), allow_nan=False, separators=(",", ":"))
        for unit in ledger.units()
        if (result := unit.result()) is not None
        and (not wanted or result["corpus"]["name"] in wanted)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())
    return len(lines)


def import_units(ledger: Ledger, path: Path) -> Merged:
    """Add the units of a file that a ledger lacks; what it has is never overwritten.

    Raises:
        ValueError: A line that is no unit, or whose fingerprint is not that of its
            configuration and data: names file and line. Nothing of the file is then added.
    """
    units = list(_read(path))
    merged = Merged()
    for result, predictions in units:
        unit = ledger.unit(result["fingerprint"])
        ours = unit.result()
        if ours is None:
            unit.adopt(result, predictions)
            merged.added.append(unit.fingerprint)
        elif (difference := first_difference(ours, result)) is None:
            merged.known.append(unit.fingerprint)
        else:
            merged.conflicts[unit.fingerprint] = difference
    return merged


def first_difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str | None:
    """Say where two results of one fingerprint first differ to the bit; None if nowhere.

    Times are no result: they differ from run to run.
    """
    for name in NUMBERS:
        a, b = ours[name], theirs[name]
        if name != "history":
            if a != b:
                return f"{name} is {_shown(a)} here and {_shown(b)} there"
            continue
        for row, other in zip(a, b, strict=False):
            for key in row.keys() - set(TIMES):
                if row[key] != other.get(key):
                    return (
                        f"epoch {row['epoch']:.0f}: {key} is {row[key]!r} here and "
                        f"{other.get(key)!r} there"
                    )
        if len(a) != len(b):
            return f"{len(a)} epochs here and {len(b)} there"
    return None


def _shown(value: Any) -> str:
    return f"F1 {value['f1']!r}" if isinstance(value, Mapping) else repr(value)


def _packed(unit: Unit, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a unit as one object; epochs by column, which names each score once."""
    history = result["history"]
    columns = {key: [row[key] for row in history] for key in history[0]}
    return {"format": FORMAT, **result, "history": columns, "predictions": unit.predictions()}


def _read(path: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield _unpacked(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(
                    f"{path}, line {number}: is no exported unit ({_reason(error)}); "
                    "export the file again"
                ) from error


def _unpacked(record: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    if record.pop("format") != FORMAT:
        raise ValueError("another format")
    predictions = record.pop("predictions")
    columns = record["history"]
    rows = zip(*columns.values(), strict=True)
    record["history"] = [dict(zip(columns, row, strict=True)) for row in rows]
    expected = Config.from_flat(record["config"]).fingerprint(record["corpus"]["digest"])
    if record["fingerprint"] != expected:
        raise ValueError(f"its configuration and data have fingerprint {expected}")
    return record, predictions


def _reason(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return str(error)
    return f"{error} is missing" if isinstance(error, KeyError) else str(error).splitlines()[0]
