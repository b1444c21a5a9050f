"""The databases of MLflow and Optuna in an output folder: all that they hold is in the ledger.

So a database that cannot be read is moved away, and made again from the records.
"""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from pathlib import Path

OPTUNA = "optuna.db"
MLFLOW = "mlflow.db"
_BESIDE = ("-journal", "-wal", "-shm")
"""Endings of the files that SQLite keeps beside a database; each belongs to that database alone."""


def is_whole(path: Path) -> bool:
    """Tell whether a file is an SQLite database without damage."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as opened:
            return bool(opened.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    except sqlite3.DatabaseError as error:
        return "locked" in str(error)


def move_away(path: Path) -> Path:
    """Rename a database, with the files beside it, to a name that is free, and return that."""
    names = (path.with_name(f"{path.name}.{number}") for number in itertools.count(1))
    free = next(name for name in names if not name.exists())
    path.rename(free)
    for ending in _BESIDE:
        beside = path.with_name(path.name + ending)
        if beside.exists():
            beside.rename(f"{free}{ending}")
    return free
