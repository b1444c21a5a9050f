"""A command line in this process."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from rin_core.cli import exit_with_clear_errors
from study.commands import main as run
from study.commands.main import parse


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = exit_code(lambda: run.main(parse(arguments)))
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def printed(console: Console) -> str:
    """Return what a console has printed into its text file in memory."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def exit_code(main: Callable[[], int]) -> int:
    """Return the code with which a program ends that prints its errors as lines."""
    with pytest.raises(SystemExit) as ended:
        exit_with_clear_errors(main)
    assert isinstance(ended.value.code, int)
    return ended.value.code
