"""Terminals that cannot show every character, and locales that are not UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "gbk"])
def test_output_is_printed_in_every_encoding(encoding: str) -> None:
    ran = subprocess.run(
        [sys.executable, "study/run.py", "settings"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"model.rounds" in ran.stdout
    ran.stdout.decode(encoding)
