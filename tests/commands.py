"""A command line in this process."""

import pytest

from rin_core.cli import exit_with_clear_errors
from study.commands import main as run
from study.commands.main import parse


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        exit_with_clear_errors(lambda: run.main(parse(arguments)))
    captured = capsys.readouterr()
    return ended.value.code, captured.out + captured.err
