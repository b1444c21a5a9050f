"""The commands that made a study or a search: together they make all of it.

A command may plan a part of a study, such as one arm. It then joins those given before, and does
not take their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rin_core.config import canonical_settings
from study.ledger.command import (
    PLACES,
    REPEATED,
    for_runs,
    render,
    without_machine,
    without_places,
)
from study.ledger.fields import Options
from study.ledger.origin import GivenCommand
from study.ledger.schema import PlannedRun, Search, Study


def add_command(known: Sequence[GivenCommand], new: GivenCommand) -> list[GivenCommand]:
    """Return the commands with a new one, without those that another one covers.

    Args:
        known: Those given before.
        new: The command given last. If an earlier one plans all of it, that one stays, and takes
            over the places: they may have changed.
    """
    kept = list(known)
    for index, one in enumerate(known):
        if _key(one.options) == _key(new.options):
            makes = [*one.makes, *(name for name in new.makes if name not in one.makes)]
            kept[index] = GivenCommand(options=new.options, makes=makes)
            return kept
        if set(new.makes) <= set(one.makes):
            places = {k: v for k, v in new.options.items() if k in PLACES}
            former = {k: v for k, v in one.options.items() if k not in PLACES}
            kept[index] = one.model_copy(update={"options": former | places})
            return kept
    return [*(one for one in known if not set(one.makes) <= set(new.makes)), new]


def join_commands(earlier: Study | Search, later: Study | Search) -> list[GivenCommand]:
    """Return the commands that make the runs of two records of a study, or of a search.

    There are none if both records are old: they follow from the runs, see
    :func:`recorded_commands`.
    """
    if not (earlier.commands or later.commands):
        return []
    commands = recorded_commands(earlier)
    for command in recorded_commands(later):
        commands = add_command(commands, command)
    return commands


def recorded_commands(record: Study | Search) -> list[GivenCommand]:
    """Return the commands of a study or a search; of an old record, what follows from its runs."""
    if record.commands or not record.options:
        return record.commands
    if isinstance(record, Study):
        return _inferred(record)
    options = for_runs(record.options, record.identities, None)
    return [GivenCommand(options=options, makes=[trial.name for trial in record.trials])]


def options_of(study: Study, run: PlannedRun) -> Options | None:
    """Return the options of the command that planned a run of an old record.

    A record has the options of the last command, and the settings of each run. So these are the
    last options with the settings of this run.

    Returns:
        ``None`` if the run has word vectors of another file: its place is not recorded.
    """
    options, last = study.options, study.trials[-1].settings
    changed = [key for key in {**last, **run.settings} if run.settings.get(key) != last.get(key)]
    if not options or not changed:
        return options
    given = options.get(REPEATED, [])
    texts = {
        text.partition("=")[0]: text for text in (given if isinstance(given, list) else [given])
    }
    options = {key: value for key, value in options.items() if key != REPEATED}
    for key in changed:
        value = run.settings.get(key)
        if key == "vectors" and value is not None:
            return None
        if key == "vectors":
            options.pop("embeddings", None)
        elif key == "training.max_epochs" and "max_epochs" in options:
            del options["max_epochs"]
            options |= {} if value is None else {"max_epochs": str(value)}
        elif value is not None:
            texts[key] = canonical_settings({key: value})
        elif texts.pop(key, None) is None and key in run.config:  # the space sets it today
            texts[key] = canonical_settings({key: run.config[key]})
    return {**options, REPEATED: list(texts.values())} if texts else options


def _inferred(study: Study) -> list[GivenCommand]:
    """Return the commands of an old record: one for each group of runs with the same settings."""
    groups: dict[str, tuple[Options, list[tuple[str, int, str]]]] = {}
    for run in study.trials:
        if (options := options_of(study, run)) is not None:
            _, runs = groups.setdefault(render(options), (options, []))
            runs.append((run.arm, run.seed, run.fingerprint))
    return [one for options, runs in groups.values() for one in infer_commands(options, runs)]


def infer_commands(options: Options, runs: Iterable[tuple[str, int, str]]) -> list[GivenCommand]:
    """Return the commands that make exactly these runs, from the one given last.

    Arms with different seeds need a command each.

    Args:
        options: Of the command given last, which may have named fewer arms or seeds.
        runs: Arm, seed and fingerprint of each.
    """
    seeds: dict[str, set[int]] = {}
    makes: dict[str, list[str]] = {}
    for arm, seed, fingerprint in runs:
        seeds.setdefault(arm, set()).add(seed)
        makes.setdefault(arm, []).append(fingerprint)
    if "until_decided" in options:  # decides on the same seeds again
        return [GivenCommand(options=options, makes=[f for own in makes.values() for f in own])]
    arms: dict[tuple[int, ...], list[str]] = {}
    for arm, own in seeds.items():
        arms.setdefault(tuple(sorted(own)), []).append(arm)
    if len(arms) > 1:
        options = {**options, "arms": [], "seeds": ""}
    return [
        GivenCommand(
            options=for_runs(options, names, alike), makes=[f for arm in names for f in makes[arm]]
        )
        for alike, names in arms.items()
    ]


def _key(options: Options) -> Options:
    """Return what tells one command from another."""
    return without_machine(without_places(options))
