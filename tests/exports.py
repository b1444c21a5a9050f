"""What tests of exported ledgers share: the options of a small run."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from study.commands.main import main, parse
from tests.commands import exit_code

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
    """Run a command in this process, which must end with a code, and return what it prints."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        ended = exit_code(lambda: main(parse(arguments)))
    assert ended == code, shown.getvalue()
    return shown.getvalue()
