"""The databases of MLflow and Optuna in an output folder: all that they hold is in the ledger.

So a database that cannot be read is moved away, and made again from the records.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

OPTUNA = "optuna.db"
MLFLOW = "mlflow.db"
SQLITE, SQLITE_WITH_DRIVER = "sqlite:///", "sqlite+pysqlite:///"
_BESIDE = ("-journal", "-wal", "-shm")
"""Endings of the files that SQLite keeps beside a database; each belongs to that database alone."""

_WRITABLE = "make the file and its folder writable, or name another folder by --runs"
# SQLite reports some errors of a full quota or a network file system as errors of the disk.
_SPACE = "free space on the disk, or in your quota"
REMEDIES = {
    "disk is full": _SPACE,
    "disk I/O error": _SPACE,
    "readonly database": _WRITABLE,
    "unable to open database file": _WRITABLE,
    "database is locked": "end the other program that uses it; if there is none, the file system "
    "has no locks: name a folder on a local disk by --runs",
}
"""What to do about an error, by what SQLite writes of it."""


def sqlite_uri(path: Path) -> str:
    """Return the address of an SQLite database as SQLAlchemy, MLflow and Optuna read it."""
    escaped = str(path).replace("%", "%25").replace("?", "%3F")
    # From a plain address, MLflow would make a folder of the escaped name.
    return f"{SQLITE if escaped == str(path) else SQLITE_WITH_DRIVER}{escaped}"


def sqlite_path(uri: str) -> Path | None:
    """Return the file that an address names, None if it is not that of an SQLite database."""
    for prefix in (SQLITE, SQLITE_WITH_DRIVER):
        if uri.startswith(prefix):
            return Path(unquote(uri.removeprefix(prefix).partition("?")[0]))
    return None


def explanation(path: Path, error: BaseException) -> str | None:
    """Return one line for an error of a database: the file, what SQLite writes, what to do.

    Args:
        path: The database.
        error: SQLite's own error, or one of SQLAlchemy, Optuna or MLflow around it.

    Returns:
        None if SQLite is not the cause, or the database itself is damaged.
    """
    if path.is_dir():
        return f"{path}: must be a database, not a folder; move the folder away"
    causes = list[BaseException]()
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    for found in causes:
        text = str(found)
        remedy = next((r for written, r in REMEDIES.items() if written in text), None)
        if isinstance(found, sqlite3.Error) and remedy is not None:
            return f"{path}: {text}; {remedy}"
    return None


def create_once(path: Path, create: Callable[[Path], None]) -> None:
    """Create a database, complete or not at all; one that exists by then stays as it is.

    A kill in the middle would leave half a schema, and two processes that migrate one file at the
    same time break it. So each creates its own, and the first that is complete gets the name.

    Args:
        path: The database; its folder is made if it is missing.
        create: Creates a database at the path that it is given.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        fresh, whole = Path(folder, path.name), Path(folder, "whole")
        create(fresh)
        shutil.copyfile(fresh, whole)  # a library may still have the other one open
        with whole.open("rb") as file:
            os.fsync(file.fileno())
        try:
            path.hardlink_to(whole)  # a rename would replace the database of another process
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            whole.replace(path)


def is_whole(path: Path) -> bool:
    """Tell whether a file is an SQLite database without damage.

    One that cannot be read now, because it is locked or the disk has an error, is not damaged.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as opened:
            return bool(opened.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    except sqlite3.DatabaseError as error:
        return any(written in str(error) for written in ("locked", "disk"))


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
