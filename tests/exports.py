"""What tests of exported ledgers share: the options of a small run."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from rin_core.cli import exit_with_clear_errors
from study.commands.main import main, parse

ROOT = Path(__file__).parents[1]
TINY = {
    "encoder.hidden_size": 8,
    "encoder.word_dim": 4,
    "model.feature_size": 8,
    "training.max_epochs": 2,
    "training.batch_size": 200,
}
NOTHING = {"run": 0, "study": 0, "search": 0}
ONE_RUN = {**NOTHING, "run": 1}
SETTINGS = [f"--set={name}={value}" for name, value in TINY.items()]


def run_command(*arguments: str, code: int = 0) -> str:
    """Run a command of ``study/run.py`` in this process and return what it prints."""
    shown = io.StringIO()
    with (
        contextlib.redirect_stdout(shown),
        contextlib.redirect_stderr(shown),
        pytest.raises(SystemExit) as ended,
    ):
        exit_with_clear_errors(lambda: main(parse(arguments)))
    assert ended.value.code == code, shown.getvalue()
    return shown.getvalue()
