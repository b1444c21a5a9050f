"""A user without a name and without a home, as a container may have."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UID = "54321"
# Python itself must be readable for the user: root's home gets a view that others may enter.
ENTER = """
set -e
home=$(getent passwd 0 | cut -d: -f6)
base=$1; view=$2; shift 2
case "$base" in "$home"/*)
  mount --bind "$base" "$view"
  mount -t tmpfs -o mode=755 none "$home"
  mkdir -p "$base"
  mount --bind "$view" "$base"
esac
exec setpriv --reuid UID --regid UID --clear-groups "$@"
""".replace("UID", UID)
FAST = ["encoder.hidden_size=16", "encoder.word_dim=16", "model.feature_size=16"]


def as_nobody(base: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user without a name, whose home cannot be written."""
    unset = {"RIN_CACHE", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "USER", "LOGNAME"}
    view = base / "view"
    view.mkdir(exist_ok=True)
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", ENTER, "sh", sys.base_prefix, str(view), *command],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k not in unset} | {"HOME": "/"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder that any user may enter. Each start of pytest closes its own folders to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def writable(base: Path) -> Path:
    """A folder that any user may write."""
    if os.getuid() != 0:
        pytest.skip("only root may become another user")
    ran = as_nobody(base, sys.executable, "-c", "import os; print(os.getuid())")
    if ran.stdout.strip() != UID:
        pytest.skip(f"no other user here: {ran.stderr.strip()}")
    folder = base / "writable"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.mark.slow
def test_matplotlib_caches_its_fonts_elsewhere_without_a_message(
    base: Path, writable: Path
) -> None:
    code = "import reports.document.style, os; print(os.environ['MPLCONFIGDIR'])"
    ran = as_nobody(base, sys.executable, "-c", code)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert UID in ran.stdout


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_study_runs(base: Path, writable: Path) -> None:
    runs = writable / "a b?c#d%20e"
    options = ["--data", "demo", "--arms", "gru-1", "--seeds", "1", "--max-epochs", "1"]
    options += ["--max-concurrent", "1", "--runs", str(runs)]
    options += [word for setting in FAST for word in ("--set", setting)]
    ran = as_nobody(base, sys.executable, "study/run.py", *options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr == ""
    assert len(list(runs.glob("units/*/result.json"))) == 1
    assert (runs / "reports" / "index.html").is_file()
    assert [entry.name for entry in writable.iterdir()] == [runs.name]
