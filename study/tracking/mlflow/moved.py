"""A ledger that was moved or copied: its MLflow database names files by the folder they were in."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, inspect, text

from study.ledger.databases import sqlite_path

_EXPERIMENT = "experiment_id = (SELECT experiment_id FROM experiments WHERE name = :name)"
_RUN = f"run_id IN (SELECT run_uuid FROM runs WHERE {_EXPERIMENT})"
#: Tables and columns of MLflow that hold addresses of files, and which rows an experiment has.
_ADDRESSES = (
    ("experiments", "artifact_location", _EXPERIMENT),
    ("runs", "artifact_uri", _EXPERIMENT),
    ("logged_models", "artifact_location", _EXPERIMENT),
    ("model_versions", "source", _RUN),
    ("model_versions", "storage_location", _RUN),
)


def update_addresses(uri: str, experiment: str, artifacts: Path) -> None:
    """Make an experiment's addresses those of the folder where its files are now.

    Nothing is done unless the database is SQLite, and the experiment's files were in a folder of
    the same name and are now in this one.

    Args:
        uri: Tracking URI.
        experiment: Its name.
        artifacts: The folder of files beside the database.
    """
    path = sqlite_path(uri)
    if path is None or path.resolve().parent != artifacts.resolve().parent:
        return
    now = artifacts.resolve().as_uri()
    engine = sqlalchemy.create_engine(uri)
    with engine.begin() as connection:
        query = text("SELECT artifact_location FROM experiments WHERE name = :name")
        before = connection.execute(query, {"name": experiment}).scalar()
        if before and before != now and before.rpartition("/")[2] == artifacts.name:
            _replace(connection, f"{before}/", f"{now}/", experiment)
    engine.dispose()


def _replace(connection: Connection, before: str, now: str, experiment: str) -> None:
    tables = inspect(connection).get_table_names()
    for table, column, of_experiment in _ADDRESSES:
        if table in tables:
            # Compared by length: LIKE would read % and _ of a folder's name as patterns.
            connection.execute(
                text(
                    f"UPDATE {table} SET {column} = :now || substr({column}, :length + 1) "
                    f"WHERE substr({column} || '/', 1, :length) = :before AND {of_experiment}"
                ),
                {"now": now, "before": before, "length": len(before), "name": experiment},
            )
