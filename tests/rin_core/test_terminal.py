"""Lines that fit a terminal, of 80 columns here."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rin_core.terminal import wrapped

ROOT = Path(__file__).parents[2]


@given(st.lists(st.text("abc-", min_size=1, max_size=30), max_size=40), st.integers(0, 6))
def test_no_line_is_wider_and_no_word_is_cut(words: list[str], indent: int) -> None:
    text = " " * indent + " ".join(words)
    lines = wrapped(text, 50).split("\n")
    assert " ".join(line.strip() for line in lines if line.strip()) == text.strip()
    assert all(len(line) <= 50 for line in lines)
    assert all(line.startswith(" " * indent) for line in lines)


@pytest.mark.parametrize(
    "whole", ["/tmp/a/" + "long/" * 20 + "file.json", "`rin-study sync --runs " + "x" * 70 + "`"]
)
def test_what_a_person_copies_is_in_one_piece(whole: str) -> None:
    lines = wrapped(f"{'some words ' * 12}{whole} and {'some more ' * 12}", 80).split("\n")
    assert [line for line in lines if len(line) > 80] == [whole]


def test_an_error_fits_a_terminal_and_is_one_line_in_a_file() -> None:
    command = [sys.executable, "-m", "study", "--dry-run", "--space", "rounds_curv", "--data"]
    driver, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    alone = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    ran = subprocess.run(command, cwd=ROOT, env=alone, stderr=terminal, check=False, timeout=120)
    shown = os.read(driver, 10_000).decode().replace("\r\n", "\n").rstrip("\n")
    os.close(terminal)
    os.close(driver)
    piped = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == piped.returncode == 2
    assert piped.stderr.count("\n") == 1
    assert shown.replace("\n", " ") == piped.stderr.strip()
    assert len(shown.split("\n")) > 1
    assert max(map(len, shown.split("\n"))) <= 40
