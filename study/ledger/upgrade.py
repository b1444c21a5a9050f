"""Records of earlier versions, brought to the present form.

Version 3 records carry their version. Everything before has none and is called version 2 here:

- A result had ``dev``, which held scores of test where ``training.selection`` was ``test``,
  ``test`` and ``stopped``; its epochs had a column ``dev_f1`` and the like.
- A study and a search had their command as a text, ``command``.
- A trial pruned by ASHA had the state ``stopped``, and its run a file ``stopped.json``.
- The epochs of an unfinished run were in its checkpoint, and ``usage.jsonl`` had what each took of
  the machine.

An upgrade renames and moves. It does not check: what it cannot understand it leaves as it is, and
the schema refuses it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors

from study.ledger import command
from study.ledger.fields import SCORES, Record
from study.ledger.schema import VERSION, Epoch, Result, Search, Study

_DEV = tuple(f"dev_{name}" for name in SCORES)


def upgrade_result(old: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result of version 2 in the present form."""
    new = {key: value for key, value in old.items() if key not in ("dev", "test", "stopped")}
    config = old.get("config")
    split = config.get("training.selection", "dev") if isinstance(config, dict) else "dev"
    new |= {"version": VERSION, "selection_split": split}
    renamed = {"dev": "selection_scores", "test": "test_scores", "stopped": "end_reason"}
    new |= {now: old[before] for before, now in renamed.items() if before in old}
    if isinstance(history := old.get("history"), list):
        new["history"] = [upgrade_epoch(row) for row in history]
    return new


def upgrade_epoch(old: Any) -> Any:
    """Return an epoch of version 2 in the present form: its dev scores in one object."""
    if not isinstance(old, dict) or "selection_scores" in old:
        return old
    new = {key: value for key, value in old.items() if key not in _DEV}
    return {**new, "selection_scores": {k[4:]: old[k] for k in _DEV if k in old}}


def upgrade_study(old: Mapping[str, Any]) -> dict[str, Any]:
    """Return a study of version 2 in the present form: the options of its command as data."""
    new = {"version": VERSION, **{k: v for k, v in old.items() if k != "command"}}
    if "command" in old:
        new["options"] = text = old["command"]
        with suppress(ValueError):  # a quote that is not closed
            new["options"] = command.from_text(text) if isinstance(text, str) else text
    return new


def upgrade_search(old: Mapping[str, Any]) -> dict[str, Any]:
    """Return a search of version 2 in the present form."""
    new = upgrade_study(old)
    if isinstance(trials := old.get("trials"), list):
        new["trials"] = [_upgrade_trial(trial) for trial in trials]
    return new


def _upgrade_trial(old: Any) -> Any:
    if isinstance(old, dict) and old.get("state") == "stopped":
        return {**old, "state": "pruned"}
    return old


#: How a record of version 2 is brought to the present form; other kinds of records have changed
#: in ways that the schema allows for.
UPGRADES: Mapping[type[Record], Callable[[dict[str, Any]], dict[str, Any]]] = {
    Result: upgrade_result,
    Study: upgrade_study,
    Search: upgrade_search,
}


def epochs_of_checkpoint(path: Path) -> list[Epoch]:
    """Return the epochs that a checkpoint of version 2 records; none where it cannot be read."""
    try:
        return [
            Epoch(**{k: v for k, v in row.items() if k != "dev"}, selection_scores=row["dev"])
            for row in history_of_checkpoint(path)
        ]
    except (KeyError, TypeError, ValueError, AttributeError):
        return []


def history_of_checkpoint(path: Path) -> list[Any]:
    """Return the epochs of a checkpoint as it has them; none where it cannot be read."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            rows = json.loads((file.metadata() or {})["rin"])["history"]
    except (
        safetensors.SafetensorError,
        OSError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
    ):
        return []
    return rows if isinstance(rows, list) else []


def usage_of_lines(text: str) -> dict[int, dict[str, float]]:
    """Return what epochs took of the machine, from ``usage.jsonl`` of version 2."""
    found: dict[int, dict[str, float]] = {}
    for line in text.splitlines():
        try:
            row = json.loads(line)
            epoch, usage = int(row.pop("epoch")), {name: float(row[name]) for name in row}
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            continue  # a kill may have cut a line
        if all(map(math.isfinite, usage.values())):
            found[epoch] = usage
    return found
