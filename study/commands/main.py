"""The command line: ``rin-study [options]``, or ``rin-study COMMAND``."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

import tyro
from rich.console import Console
from tyro.conf import OmitSubcommandPrefixes, subcommand

from rin_core.cli import exit_with_clear_errors
from rin_core.suggestions import suggestion
from study.commands.arguments import (
    Audit,
    CaseStudy,
    Convert,
    Export,
    Import,
    ListSettings,
    Record,
    Rerun,
    Show,
    Sync,
    Train,
)
from study.commands.options import Options
from study.commands.spaces import list_spaces

CONSOLE = Console(width=None if sys.stdout.isatty() else 200)

#: The commands by the name that is typed.
COMMANDS = {
    "settings": ListSettings,
    "show": Show,
    "audit": Audit,
    "rerun": Rerun,
    "train": Train,
    "case": CaseStudy,
    "export": Export,
    "import": Import,
    "record": Record,
    "convert": Convert,
    "sync": Sync,
}


@dataclass(frozen=True, slots=True)
class Study:
    """Run a study or a search. Its options are those above."""


Command = (
    Annotated[Study, subcommand("study")]
    | Annotated[ListSettings, subcommand("settings")]
    | Annotated[Show, subcommand("show")]
    | Annotated[Audit, subcommand("audit")]
    | Annotated[Rerun, subcommand("rerun")]
    | Annotated[Train, subcommand("train")]
    | Annotated[CaseStudy, subcommand("case")]
    | Annotated[Export, subcommand("export")]
    | Annotated[Import, subcommand("import")]
    | Annotated[Record, subcommand("record")]
    | Annotated[Convert, subcommand("convert")]
    | Annotated[Sync, subcommand("sync")]
)


#: Options for shell completion that tyro adds.
_OF_TYRO = ("--tyro-print-completion", "--tyro-write-completion")
#: Words of other programs for commands of this one.
_OTHER_WORDS = {
    "status": "show",
    "ls": "show",
    "list": "show, or --list for the spaces",
    "run": "study, or no command",
    "report": "python -m reports.build",
    "predict": "python -m rin_core.predict",
    "help": "--help",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine(Options):
    """Everything that can be typed: the options of a study, or another command."""

    command: OmitSubcommandPrefixes[Command] = Study()
    """Each command has its own --help."""


def parse(arguments: Sequence[str] | None = None) -> CommandLine:
    """Parse a command line. An invalid one ends the process with code 2, ``--help`` with code 0.

    Args:
        arguments: Without the program's name (default: those of this process).
    """
    given = _command_first(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["study"]:  # its options are those of the program
        given = given[1:]
        if given and not given[0].startswith("-"):
            raise ValueError(f"study {given[0]}: takes options only; did you mean --space?")
    _refuse_unknown_command(given)
    if any(word.partition("=")[0] == "--out" for word in given):
        raise ValueError("--out: is now --runs, in every command")
    _refuse_unknown_option(given)
    if given and given[0] in COMMANDS:  # as a part of CommandLine, its help has its text twice
        command: Any = tyro.cli(COMMANDS[given[0]], args=given[1:], prog=f"rin-study {given[0]}")
        return CommandLine(command=command)
    description = inspect.cleandoc(Options.__doc__ or "")
    return tyro.cli(CommandLine, args=given, prog="rin-study", description=description)


def _command_first(given: Sequence[str]) -> list[str]:
    """Return the words with the command first: its options may stand before it."""
    flags = {f"--{_typed(f)}" for f in dataclasses.fields(Options) if f.default is False}
    for place, word in enumerate(given):
        before = given[place - 1] if place else ""
        is_value = before.startswith("--") and "=" not in before and before not in flags
        if word in ("study", *COMMANDS) and not is_value:
            # At the end: an option with several values would take what follows for one of them.
            return [word, *given[place + 1 :], *given[:place]]
        if not place and not word.startswith("-"):
            break  # no command, see below
    return list(given)


def _refuse_unknown_option(given: Sequence[str]) -> None:
    """Raise ``ValueError`` for an option that the command does not have, with those near it."""
    owner: type = COMMANDS.get(given[0], Options) if given else Options
    positional = "tyro.conf.Positional"
    known = [
        f"--{_typed(field)}"
        for field in dataclasses.fields(owner)
        if positional not in str(field.type)
    ]
    program = " ".join(["rin-study", *(given[:1] if given and given[0] in COMMANDS else [])])
    for word in given:
        option = word.partition("=")[0].replace("_", "-")
        if word.startswith("--") and option not in (*known, "--", "--help", *_OF_TYRO):
            hint = suggestion(option, known, f"see {program} --help")
            raise ValueError(f"{option}: no such option of {program}; {hint}")


def _typed(field: dataclasses.Field[Any]) -> str:
    return field.name.replace("_", "-")


def _refuse_unknown_command(given: Sequence[str]) -> None:
    """Raise ``ValueError`` for a first word that is no command, with those that it may mean."""
    if not given or given[0].startswith("-"):
        return
    commands = ["study", *COMMANDS]
    word = given[0]
    if word not in commands:
        meant = _OTHER_WORDS.get(word)
        hint = f"did you mean {meant}?" if meant else suggestion(word, commands, "see --help")
        raise ValueError(f"{word}: no such command; {hint}")


def main(line: CommandLine) -> int:
    """Run a parsed command line and return its exit code."""
    if isinstance(line.command, Study):
        return _main_command(line)
    return line.command.run(CONSOLE)


def _main_command(options: Options) -> int:
    options.check()
    if options.list:
        list_spaces(CONSOLE)
        return 0
    from study.commands.start import run_study  # imports torch, which takes seconds

    return run_study(options, CONSOLE).code


def run() -> NoReturn:
    """Run the command line of this process and exit with its code."""
    exit_with_clear_errors(lambda: main(parse()))
