"""Errors of the ledger, and its JSON files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rin_core.errors import RinError
from rin_core.train.checkpoint import write_atomically


class StudyError(RinError):
    """Something outside failed that a study needs; a subclass says what and how to go on."""


class LedgerError(StudyError):
    """The record cannot be read or written: names the file and the way out."""


def write_json(path: Path, content: Mapping[str, Any], indent: int | None = 1) -> None:
    """Replace a JSON file in one step."""
    write_atomically(path, json.dumps(content, indent=indent, allow_nan=False).encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """Return a JSON file's content, or None without the file; LedgerError if it is damaged."""
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LedgerError(f"{path}: is damaged ({error}); delete it to go on") from error
    return content
