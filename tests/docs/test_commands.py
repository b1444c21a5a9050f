"""The commands in the documents: the command line accepts them, and settings and spaces exist."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator

import pytest

from reports.page.command import Build
from rin_core.config import Config
from rin_core.predict.__main__ import Options as PredictOptions
from search_spaces import SEARCHES, SPACES
from study.commands.main import COMMANDS as SUBCOMMANDS
from study.commands.main import parse
from study.commands.options import Options, parse_overrides
from tests.docs.test_documents import DOCUMENTS, ROOT

_PROGRAM = re.compile(r"^(?:\.venv/bin/)?rin-study ?")


def _commands() -> Iterator[str]:
    """Yield the arguments of each documented command that runs ``rin-study``."""
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        fenced = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
        blocks, text = fenced.findall(text), fenced.sub("", text)
        blocks += re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
        joined = (re.sub(r"\\\n\s*", "", block) for block in blocks)
        lines = [line.strip() for block in joined for line in block.splitlines()]
        spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]
        for command in (*lines, *spans):
            if program := _PROGRAM.match(command):
                yield command[program.end() :]


COMMANDS = sorted(set(_commands()))


def test_there_are_commands() -> None:
    assert {"--list", "show tune_rin-corpus"} <= {c.partition(" #")[0].strip() for c in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_is_accepted(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    arguments = shlex.split(command, comments=True)
    line = parse(arguments)
    for space in line.space:
        assert space in {**SPACES, **SEARCHES} or space.endswith(".toml")
    Config().with_overrides(parse_overrides((*line.set, *getattr(line.command, "set", ()))))


def test_documented_options_exist_and_every_option_is_documented() -> None:
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    spans = " ".join(span for text in texts for span in re.findall(r"`(--[^`]+)`", text))
    named = set(re.findall(r"(?:^|\s)--([a-z-]+)", spans))
    assert {"dry-run", "set", "shared"} <= named
    subcommands = (command.arguments for command in SUBCOMMANDS.values())
    programs = (Options, *subcommands, PredictOptions, Build)
    fields = [field for program in programs for field in dataclasses.fields(program)]
    known = {f.name.replace("_", "-") for f in fields if "Positional" not in str(f.type)}
    assert named - known == {"help"}
    anywhere = set(re.findall(r"(?<!\S)`?--([a-z-]+)", "\n".join(texts)))
    assert known - anywhere == set()


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_the_help_of_a_command_has_its_text_once(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        parse([name, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: rin-study {name} ")
    assert shown.count((SUBCOMMANDS[name].arguments.__doc__ or "").splitlines()[0]) == 1
