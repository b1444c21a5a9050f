"""The command line: ``rin-study [options]``, or ``rin-study COMMAND``."""

from __future__ import annotations

import dataclasses
import inspect
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, Union

import tyro
from rich.console import Console
from tyro.conf import OmitSubcommandPrefixes, subcommand

from rin_core.cli import exit_with_clear_errors
from rin_core.suggestions import suggestion
from study.commands.arguments import (
    Annotations,
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

# A name or path may have what Rich takes for an emoji, as in ":x:".
CONSOLE = Console(width=None if sys.stdout.isatty() else 200, emoji=False)


@dataclass(frozen=True, slots=True)
class Study:
    """Run a study or a search. Its options are those above."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command besides a study."""

    arguments: type
    """What can be typed after its name."""
    function: str
    """Gets the arguments and a console, and returns the exit code. It is imported when it is
    called: parsing and ``--help`` need no torch or pandas, whose imports take seconds."""


#: The commands by the name that is typed.
COMMANDS: Mapping[str, Command] = {
    "settings": Command(ListSettings, "study.commands.settings:run"),
    "show": Command(Show, "study.commands.show:run"),
    "audit": Command(Audit, "study.commands.audit:run"),
    "rerun": Command(Rerun, "study.commands.rerun:run"),
    "train": Command(Train, "study.commands.train:run"),
    "case": Command(CaseStudy, "study.commands.case.command:run"),
    "annotations": Command(Annotations, "study.commands.annotations:run"),
    "export": Command(Export, "study.commands.transfer:run_export"),
    "import": Command(Import, "study.commands.transfer:run_import"),
    "record": Command(Record, "study.commands.record:run"),
    "convert": Command(Convert, "study.commands.convert:run"),
    "sync": Command(Sync, "study.commands.sync:run"),
}

_SUBCOMMANDS: Any = Union[
    Annotated[Study, subcommand("study")],
    *(Annotated[command.arguments, subcommand(name)] for name, command in COMMANDS.items()),
]
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

    command: Annotated[object, OmitSubcommandPrefixes, tyro.conf.arg(constructor=_SUBCOMMANDS)] = (
        Study()
    )
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
        kind = COMMANDS[given[0]].arguments
        return CommandLine(command=tyro.cli(kind, args=given[1:], prog=f"rin-study {given[0]}"))
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
            break  # it is neither an option nor a command, and will be refused
    return list(given)


def _refuse_unknown_option(given: Sequence[str]) -> None:
    """Raise ``ValueError`` for an option that the command does not have, with those near it."""
    owner = COMMANDS[given[0]].arguments if given and given[0] in COMMANDS else Options
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
    for command in COMMANDS.values():
        if isinstance(line.command, command.arguments):
            code: int = pkgutil.resolve_name(command.function)(line.command, CONSOLE)
            return code
    line.check()
    if line.list:
        from study.commands.spaces import list_spaces

        list_spaces(CONSOLE)
        return 0
    from study.commands.start import run_study  # imports torch, which takes seconds

    return run_study(line, CONSOLE).code


def run() -> NoReturn:
    """Run the command line of this process and exit with its code."""
    exit_with_clear_errors(lambda: main(parse()))
