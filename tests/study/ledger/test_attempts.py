"""Whether the process of an attempt is gone."""

import os
from pathlib import Path

import psutil
import pytest

from study.ledger.attempts import Attempt


@pytest.mark.skipif(not psutil.LINUX, reason="the clock is set by a copy of Linux's /proc/stat")
@pytest.mark.parametrize("days", [-1, 1])
def test_a_process_is_running_though_the_clock_was_set(
    days: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux gives the boot by the clock of today, and the start of a process by the boot."""
    attempt = Attempt.of_this_process("t")
    before = psutil.boot_time()
    as_read = Path("/proc/stat").read_text()
    was, now = f"btime {before:.0f}", f"btime {before + days * 86400:.0f}"
    assert was in as_read
    tmp_path.joinpath("stat").write_text(as_read.replace(was, now))
    tmp_path.joinpath(str(os.getpid())).symlink_to(f"/proc/{os.getpid()}")
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    assert psutil.boot_time() == before + days * 86400
    assert not attempt.has_ended


def test_a_later_process_with_the_same_number_is_another_one() -> None:
    attempt = Attempt.of_this_process("t")
    assert not attempt.has_ended
    assert attempt.after_boot is not None
    assert attempt.model_copy(update={"after_boot": attempt.after_boot + 9}).has_ended
