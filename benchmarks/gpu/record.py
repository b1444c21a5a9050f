"""The measurements of a line of the benchmark, written to disk with each number."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every line gets."""

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
    """Whether to take a few steps only: on a CPU, or to check the benchmark itself."""


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
