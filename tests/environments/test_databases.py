"""Databases on a full disk, in a read-only folder, or locked by another program."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest
import sqlalchemy
from optuna.exceptions import StorageInternalError

from study.ledger.databases import REMEDIES, create_once, explanation, is_whole
from study.tracking.base import ExperimentSpec, TrackingError
from study.tracking.open import open_tracker
from tests.ledgers import Ledger
from tests.records import DAMAGE, damage

ROOT = Path(__file__).parents[2]


def full(path: Path) -> None:
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA max_page_count = 2")
        opened.execute("CREATE TABLE t (a)")
        opened.execute("INSERT INTO t VALUES (zeroblob(100000))")


def read_only(path: Path) -> None:
    sqlite3.connect(path).close()
    path.touch()
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as opened:
        opened.execute("CREATE TABLE t (a)")


def locked(path: Path) -> None:
    with closing(sqlite3.connect(path)) as holder, closing(sqlite3.connect(path, 0)) as other:
        holder.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE t (a)")


def missing_folder(path: Path) -> None:
    sqlite3.connect(path / "no" / "such").close()


@pytest.mark.parametrize(
    ("cause", "written"),
    [
        (full, "disk is full"),
        (read_only, "readonly database"),
        (locked, "database is locked"),
        (missing_folder, "unable to open database file"),
    ],
)
def test_a_wrapped_sqlite_error_names_its_remedy(
    cause: Callable[[Path], None], written: str, tmp_path: Path
) -> None:
    path = tmp_path / "some.db"
    with pytest.raises(sqlite3.Error) as raised:
        cause(path)
    wrapped = sqlalchemy.exc.OperationalError("INSERT", None, raised.value)
    wrapped.__cause__ = raised.value
    told = StorageInternalError("An exception is raised during the commit.")
    told.__cause__ = wrapped
    for error in (raised.value, wrapped, told):
        line = explanation(path, error)
        assert line is not None
        assert line.startswith(f"{path}: ")
        assert line.endswith(REMEDIES[written])
        assert "\n" not in line


def test_other_errors_get_no_remedy(tmp_path: Path) -> None:
    assert explanation(tmp_path / "some.db", ValueError("disk is full")) is None
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    assert not is_whole(damaged)


@pytest.mark.parametrize("kind", DAMAGE)
def test_sync_rebuilds_a_damaged_mlflow_database(
    tmp_path: Path, mlflow_db: Path, kind: str
) -> None:
    """Nobody named it, so that no option is at fault."""
    mlflow_db.write_bytes(damage(mlflow_db.read_bytes(), kind))
    with pytest.raises(TrackingError, match=rf"^{mlflow_db}: ") as raised:
        open_tracker(f"sqlite:///{mlflow_db}", experiment(tmp_path))
    assert f"`rin-study sync --runs {tmp_path}` renames it" in str(raised.value)
    assert "option" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_error_names_a_folder_in_place_of_the_database(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.mkdir()
    with pytest.raises(TrackingError, match=rf"^{path}: must be a database, not a folder; move"):
        open_tracker(f"sqlite:///{path}", experiment(tmp_path))


def experiment(folder: Path) -> ExperimentSpec:
    return ExperimentSpec(
        name="x", description="", runs={}, tags={}, artifacts=folder / "artifacts", corpus=None
    )


def test_mlflow_names_the_remedy_and_does_not_suggest_sync(
    tmp_path: Path, mlflow_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        read_only(tmp_path / "other.db")

    monkeypatch.setattr("study.tracking.mlflow.sender.MlflowRuns", refused)
    with pytest.raises(TrackingError) as raised:
        open_tracker(f"sqlite:///{mlflow_db}", experiment(tmp_path))
    assert REMEDIES["readonly database"] in str(raised.value)
    assert "rin-study sync" not in str(raised.value)


FULL = 'mount -t tmpfs -o size=100k none "$0" && cp -r "$1"/. "$0" && cd "$2" && exec "$3" '
FULL += 'study/run.py sync --runs "$0"'


@pytest.mark.slow
def test_a_full_disk_ends_a_command_with_one_line(tmp_path: Path) -> None:
    made = Ledger(tmp_path / "made")
    made.finish(made.plan("gru-1", 0), 0.5)
    made.save()
    place = tmp_path / "full"
    place.mkdir()
    arguments = [str(place), str(made.runs), str(ROOT), sys.executable]
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-c", FULL, *arguments],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in ran.stderr or "mount" in ran.stderr:
        pytest.skip(f"no mount namespaces here: {ran.stderr.strip()}")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert ran.stderr.startswith("error: ")
    assert len(ran.stderr.splitlines()) == 1
    assert REMEDIES["disk is full"] in ran.stderr


def writes(text: str) -> Callable[[Path], None]:
    def create(fresh: Path) -> None:
        fresh.write_text(text)

    return create


def test_a_database_that_another_process_creates_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "some.db"

    def create(fresh: Path) -> None:
        path.write_text("of another process")
        fresh.write_text("ours")

    create_once(path, create)
    create_once(path, writes("too late"))
    assert path.read_text() == "of another process"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_system_without_hard_links_gets_a_database_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "hardlink_to", Mock(side_effect=PermissionError))
    create_once(tmp_path / "some.db", writes("ours"))
    assert (tmp_path / "some.db").read_text() == "ours"
