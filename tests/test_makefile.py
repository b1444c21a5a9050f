"""`make install` with a Python that installs nothing: what it says, and that a failure ends it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = """#!/bin/sh
[ "$1" = -c ] && exit 0
mkdir -p .venv/bin
cat > .venv/bin/pip <<'END'
#!/bin/sh
case "$*" in *requirements.lock*) ;; *) echo "pip $*"; exit 0;; esac
for number in $(seq 30); do echo "Collecting package-$number==1"; echo "  Downloading it"; done
[ -z "$FAILS" ] || { echo "ERROR: no matching distribution" >&2; exit 1; }
echo "Installing collected packages: all"
END
chmod +x .venv/bin/pip
"""
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")


def install(folder: Path, fails: str) -> subprocess.CompletedProcess[str]:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    python = folder / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return subprocess.run(
        ["make", "install", f"PYTHON={python}"],
        cwd=folder,
        env=os.environ | {"FAILS": fails},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_step_and_every_tenth_package_is_a_line(tmp_path: Path) -> None:
    ended = install(tmp_path, "")
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    steps = [line.split(":")[0] for line in lines if " of 3: " in line]
    assert steps == ["1 of 3", "2 of 3", "3 of 3"]
    locked = (ROOT / "requirements.lock").read_text().count("==")
    (second,) = (line for line in lines if line.startswith("2 of 3"))
    assert int(second.split()[3]) <= locked
    counts = [int(line.split()[0]) for line in lines if " downloaded" in line]
    assert counts == [10, 20, 30, 30]
    assert (tmp_path / ".venv" / "installed").exists()


def test_a_failure_of_pip_is_one_of_make(tmp_path: Path) -> None:
    ended = install(tmp_path, "1")
    assert ended.returncode != 0
    assert "no matching distribution" in ended.stderr
    assert not (tmp_path / ".venv" / "installed").exists()
