"""Read-only code, and a home folder that cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rin_core import cache
from rin_core.cache import cache_folder
from study.execution import provenance

ROOT = Path(__file__).parents[2]
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" "$0" && exec "$@"'


def read_only(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command where the project's folder cannot be written and HOME cannot either."""
    unset = {"RIN_CACHE", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"}
    inherited = {k: v for k, v in os.environ.items() if k not in unset}
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", READ_ONLY, str(ROOT), *command],
        cwd=ROOT,
        env={**inherited, "HOME": "/proc", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def needs_namespaces() -> None:
    probe = read_only("touch", str(ROOT / ".probe"))
    if "Read-only" not in probe.stderr:
        pytest.skip(f"no mount namespaces here: {probe.stderr.strip()}")


def test_kernels_compile_with_read_only_code(tmp_path: Path) -> None:
    needs_namespaces()
    code = "from rin_core.loss import pair_loss; import numba; print(numba.config.CACHE_DIR)"
    ran = read_only(sys.executable, "-c", code, TMPDIR=str(tmp_path))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert Path(ran.stdout.strip()).is_relative_to(tmp_path)
    given = tmp_path / "given"
    ran = read_only(sys.executable, "-c", code, RIN_CACHE=str(given))
    assert Path(ran.stdout.strip()).is_relative_to(given)


def test_help_works_without_a_writable_folder() -> None:
    needs_namespaces()
    ran = read_only(sys.executable, "study/run.py", "--help", TMPDIR="/proc")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_without_a_home_the_cache_is_a_temporary_folder_of_this_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("RIN_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "rin-study"
    monkeypatch.setenv("HOME", "/proc/none")
    assert str(os.getuid()) in cache_folder().name


@pytest.mark.parametrize(("mode", "is_taken"), [(0o700, True), (0o755, True), (0o777, False)])
def test_a_temporary_folder_that_others_can_write_is_not_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: int, is_taken: bool
) -> None:
    """Numba runs what it finds there."""
    monkeypatch.delenv("RIN_CACHE", raising=False)
    monkeypatch.setenv("HOME", "/proc/none")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    usual = tmp_path / f"rin-study-{os.getuid()}"
    usual.mkdir()
    usual.chmod(mode)
    cache._temporary.cache_clear()
    found = cache_folder()
    assert (found == usual) == is_taken
    assert found.stat().st_mode & 0o022 == 0
    assert cache_folder() == found
    cache._temporary.cache_clear()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a folder to another user")
def test_the_commit_is_known_in_a_checkout_of_another_owner(tmp_path: Path) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path)]
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run([*git, *arguments], check=True)
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, 54321, 54321)
    refused = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, check=False)
    assert refused.returncode != 0
    assert len(provenance._git(tmp_path, "rev-parse", "HEAD")) == 40
