"""What studies have left on disk, compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def results(out: Path) -> dict[str, dict[str, Any]]:
    """Return the results of a study's output folder, by fingerprint."""
    paths = out.glob("units/*/result.json")
    return {path.parent.name: json.loads(path.read_text()) for path in paths}


def numbers(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be equal to the bit: everything but the clock and the machine."""
    clock = ("seconds", "tokens_per_second", "usage")
    history = [{k: v for k, v in row.items() if k not in clock} for row in result["history"]]
    return {"history": history} | {
        k: result[k] for k in ("best_epoch", "end_reason", "selection_scores", "test_scores")
    }
