"""What a line of the benchmark measured: kept on disk from the first number on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every line is given."""

    device: str
    """``cuda``, or ``cpu`` for the lines that run anywhere and for a rehearsal."""
    data: str
    """Corpus."""
    data_root: Path | None
    """Folder of corpora."""
    embeddings: Path | None
    """Word vectors."""
    encoder: str | None
    """Folder of a pretrained encoder; None where there is none."""
    small: bool
    """Take few steps: a check of the benchmark itself, or of a CPU."""


@dataclass(slots=True)
class Record:
    """Measurements of one line, written to a file with every change.

    A line that is cut off by its time limit keeps what it has measured.
    """

    path: Path
    values: dict[str, Any] = field(default_factory=dict)

    def __setitem__(self, name: str, value: Any) -> None:
        self.values[name] = value
        self.path.write_text(json.dumps(self.values))

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a line concludes."""

    holds: bool
    text: str


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the least, the middle and the largest of several measurements."""
    return {"min": min(values), "median": median(values), "max": max(values)}


def shown(values: Sequence[float], digits: int = 2) -> str:
    """Write several measurements as a median with its range."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
