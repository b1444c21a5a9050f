"""The table of all lines, for a terminal and as files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table


def write(found: dict[str, Any], stem: Path) -> None:
    """Write the measurements as JSON, and the table with them as Markdown."""
    stem.with_name(f"{stem.name}.json").write_text(json.dumps(found, indent=1) + "\n")
    machine = found["machine"]
    text = [
        f"# GPU benchmark: {machine.get('card', 'no GPU')}",
        "",
        f"Python {machine['python']}, torch {machine['torch']}, {machine['processors']} CPUs; "
        f"corpus {machine['setting']['data']}. Made by `python -m benchmarks.gpu`.",
        "",
        "| line | what | verdict | measured | seconds |",
        "|---:|---|---|---|---:|",
    ]
    for number, line in found["lines"].items():
        cells = (number, line["line"], line["state"], line["verdict"], f"{line['seconds']:.0f}")
        text.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    for number, line in found["lines"].items():
        if line.get("measured"):
            text += ["", f"## {number}. {line['line']}", "", "| measured | value |", "|---|---|"]
            text += [
                f"| {name.replace('|', '/')} | {value.replace('|', '/')} |"
                for name, value in _rows(line["measured"])
            ]
    stem.with_name(f"{stem.name}.md").write_text("\n".join(text) + "\n")


def table_of(found: dict[str, Any]) -> Table:
    """Return the table for a terminal."""
    table = Table("line", "what", "verdict", "measured", "s", box=None)
    for number, line in found["lines"].items():
        table.add_row(
            number, line["line"], line["state"], line["verdict"], f"{line['seconds']:.0f}"
        )
    return table


def _rows(values: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Flatten nested measurements to rows of a table: dotted name, value."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _rows(value, f"{name} / {key}" if name else str(key))
    elif isinstance(values, float):
        yield name, f"{values:.4g}"
    elif isinstance(values, list) and values and all(isinstance(v, float) for v in values):
        yield name, ", ".join(f"{v:.4g}" for v in values)
    elif isinstance(values, list):
        yield name, "; ".join(str(value) for value in values)
    else:
        yield name, str(values)
