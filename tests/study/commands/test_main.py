"""The table of commands: what it names exists, and nothing of it is imported to parse."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
import typing

import pytest

from study.commands.main import COMMANDS

SLOW = {"torch", "ray", "mlflow", "pandas", "scipy", "matplotlib"}
PARSES = f"""
import contextlib, sys
from study.commands.main import parse
parse(["show", "NAME"])
with contextlib.suppress(SystemExit):
    parse(["--help"])
print(*{SLOW} & {{*sys.modules}}, file=sys.stderr)
"""


def test_parsing_and_help_import_no_slow_library() -> None:
    ran = subprocess.run([sys.executable, "-c", PARSES], capture_output=True, text=True, check=True)
    assert "rin-study" in ran.stdout
    assert ran.stderr.split() == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_function_of_a_command_takes_its_arguments(name: str) -> None:
    function = pkgutil.resolve_name(COMMANDS[name].function)
    hints = typing.get_type_hints(function)
    assert (hints["options"], hints["return"]) == (COMMANDS[name].arguments, int)
