"""The options of a command line, recorded as data and shown as text.

A study and a search record the options that were given, for example
``{"space": ["rounds_curve"], "data": ["demo"], "seeds": "5"}``. An option that takes several
values, or that may be given several times, has a list; a flag has an empty one. Options with their
default are left out.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from study.ledger.arms import searched_arm
from study.ledger.fields import Options

LISTS = ("space", "data", "arms", "set")
"""Options with a list."""
REPEATED = "set"
"""Is given once for each value: ``--set a=1 --set b=2``."""
PLACES = ("runs", "shared", "data_root", "ray_address", "tracking_uri")
"""Options that name a place of one machine, and do not change a result."""
OF_A_MACHINE = ("max_concurrent", "memory_per_trial")
"""Options that depend on the size of a machine, and do not change a result."""
LOCATIONS = ("data", "data_root", "embeddings", "runs")
"""Options of a study that other commands on its runs take as well."""

FORMER_NAMES = {"out": "runs"}
"""Options of earlier records that have another name now."""

PROGRAM = "rin-study"


def render(options: Options, command: Sequence[str] = ()) -> str:
    """Return the command line as a person types it; empty without options or a command.

    Args:
        options: As recorded.
        command: A subcommand and its arguments, such as ``["rerun", "3f5a…"]``.
    """
    if not options and not command:
        return ""
    words = [PROGRAM, *map(shlex.quote, command)]
    for name, value in with_current_names(options).items():
        values = [value] if isinstance(value, str) else value
        option = f"--{name.replace('_', '-')}"
        groups = [[one] for one in values] if name == REPEATED else [values]
        words += [" ".join([option, *map(shlex.quote, group)]) for group in groups]
    return " ".join(words)


def sync_command(root: Path) -> str:
    """Return the command that rebuilds the databases of a ledger."""
    return render({"runs": str(short_path(root))}, ["sync"])


def predict_command(root: Path, models: Iterable[str]) -> str:
    """Return the command that finds triples with the models of a ledger, without the text.

    Args:
        root: The ledger.
        models: Fingerprints or files; several vote.
    """
    program = local_program("rin-predict", "rin_core.predict")
    place = [] if root == Path("runs") else ["--runs", str(short_path(root))]
    return shlex.join([*program, *place, *(word for name in models for word in ("--model", name))])


def local_program(name: str, module: str) -> list[str]:
    """Return the words that start a program of this environment, whether activated or not.

    Args:
        name: Of the program.
        module: What starts it where an environment that this one extends has the program.
    """
    python = Path(sys.executable)
    program = python.with_name(name)
    if program.exists():
        return [str(short_path(program))]
    return [str(short_path(python)), "-m", module]


def short_path(path: Path) -> Path:
    """Return a path relative to the working directory, if it is inside."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def without_places(options: Options) -> Options:
    """Return the options that mean the same on another machine; a path keeps its last name."""
    return {
        name: _without_folders(value) if isinstance(value, str) else [*map(_without_folders, value)]
        for name, value in with_current_names(options).items()
        if name not in PLACES
    }


def without_machine(options: Options) -> Options:
    """Return the options without those that depend on the size of a machine."""
    return {name: value for name, value in options.items() if name not in OF_A_MACHINE}


def with_current_names(options: Options) -> Options:
    """Return recorded options under the names that they have today."""
    return {FORMER_NAMES.get(name, name): value for name, value in options.items()}


def for_runs(options: Options, arms: Iterable[str], seeds: Collection[int] | None) -> Options:
    """Return the options that run these arms with these seeds, from the options given last.

    Those may have named fewer arms or seeds. If they named none, all of the space are meant.
    Options that depend on the machine are left out.

    Args:
        options: As recorded.
        arms: The arms to run.
        seeds: The seeds of each; None leaves them as they were given.
    """
    chosen = without_machine(options)
    if "arms" in chosen:  # on fresh seeds, an arm of a search runs twice
        chosen["arms"] = list(dict.fromkeys(map(searched_arm, arms)))
    if seeds is not None and "seeds" in chosen:
        counted = sorted(seeds) == list(range(len(seeds)))
        chosen["seeds"] = str(len(seeds)) if counted else ",".join(map(str, sorted(seeds)))
    return chosen


def locations(options: Options) -> Options:
    """Return where a study finds data, vectors and ledger, for another command on its runs.

    Several corpora are left out: the record names the corpus of each run.
    """
    current = with_current_names(options)
    return {
        name: value
        for name in LOCATIONS
        if (value := current.get(name)) and (isinstance(value, str) or len(value) == 1)
    }


def from_text(command: str) -> Options:
    """Return the options of a command line in a record of version 2 or earlier.

    Raises:
        ValueError: The text is not a command line.
    """
    found: dict[str, list[str]] = {}
    name = ""
    for word in shlex.split(command):
        if word.startswith("--"):
            option, equals, value = word.removeprefix("--").partition("=")
            name = option.replace("-", "_")
            found.setdefault(name, []).extend([value] if equals else [])
        elif name:
            found[name].append(word)
    return {
        name: values if name in LISTS or len(values) != 1 else values[0]
        for name, values in found.items()
    }


def nondefault_options(options: Mapping[str, object], defaults: Mapping[str, object]) -> Options:
    """Return the options that differ from their defaults, as they are recorded."""
    texts: dict[str, str | list[str]] = {}
    for name, value in options.items():
        if value == defaults.get(name):
            continue
        if value is True:  # a flag has no value
            texts[name] = []
        elif isinstance(value, list | tuple):
            texts[name] = [str(one) for one in value]
        else:
            texts[name] = str(value)
    return texts


def _without_folders(value: str) -> str:
    """Cut the folders off an absolute path, behind a ``field=`` too."""
    field, equals, path = value.partition("=")
    whole = path if equals else value
    if not whole.startswith(("/", "~")):
        return value
    name = whole.rstrip("/").rpartition("/")[2]
    return f"{field}={name}" if equals else name
