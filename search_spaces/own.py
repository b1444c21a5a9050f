"""A comparison or a search of one's own, from a TOML file: ``--space mine.toml``.

The file's name is the space's. A table ``arms`` makes a grid, a table ``parameters`` a search; the
guide has one of each. Settings are the dotted names of :class:`~rin_core.config.Config`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from rin_core.config import Config
from rin_core.fields import suggest_setting
from rin_core.problems import short
from rin_core.terminal import visible
from search_spaces.parameters import as_configured, conditions_first, read_parameter
from search_spaces.presets import PRESETS, Preset, find_preset
from search_spaces.search import Asha, Parameter, Search
from search_spaces.space import Arm, Grid, SpaceError, parse_seeds
from search_spaces.toml_tables import FileTable, checked, flatten

SUFFIX = ".toml"
LONGEST_LINE = 10_000
_NAME = re.compile(r"\w[\w.-]*")
_ENDLESS_NUMBER = re.compile(r"\d[\d_]{1000}")
_LONGEST_LABEL = 200
_OF_SEARCHES = {"trials", "points", "sampler", "hours", "asha", "objectives"}


class _AshaTable(FileTable):
    grace_period: Any = "auto"  # checked by Asha
    reduction_factor: float = Asha().reduction_factor


class _SpaceFile(FileTable):
    title: str | None = None
    seeds: Any = None
    preset: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    arms: dict[str, dict[str, Any]] = Field(default_factory=dict)
    # From here on, the fields of a search.
    parameters: dict[str, Any] | None = None
    trials: Annotated[int, Field(ge=1, le=10**6)] | None = None
    points: list[dict[str, Any]] = Field(default_factory=list)
    objectives: list[str] | None = None
    sampler: str | None = None
    hours: float | None = None
    asha: _AshaTable | bool | None = None

    @field_validator("asha", mode="before")
    @classmethod
    def _table_or_flag(cls, value: Any) -> Any:
        return value if isinstance(value, bool) else _AshaTable.model_validate(value)


def read_space(path: Path, known: Mapping[str, Grid | Search]) -> Grid | Search:
    """Read a space.

    Args:
        path: A TOML file.
        known: The spaces that there are, with whose names and arms nothing may be confused.

    Raises:
        SpaceError: Names the file, the field and what would be right.

    Examples:
        >>> import tempfile
        >>> text = '''
        ... seeds = 3
        ... [arms.k1]
        ... "model.rounds" = 1
        ... '''
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "my_rounds.toml"
        ...     _ = path.write_text(text)
        ...     space = read_space(path, known={})
        >>> space.name
        'my_rounds'
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        for number, line in enumerate(text.splitlines(), start=1):
            # A key of very many parts takes the TOML parser minutes.
            if len(line) > LONGEST_LINE:
                raise ValueError(f"line {number}: must have at most {LONGEST_LINE:,} characters")
            if _ENDLESS_NUMBER.search(line):  # Python would name a function of its own
                raise ValueError(f"line {number}: a number must have at most 1,000 digits")
        content = tomllib.loads(text)
        _refuse_names(path.stem, known)
        return _space(path.stem, content, known.values())
    except OSError as error:
        raise SpaceError(f"--space {path}: {error.strerror}") from error
    except RecursionError as error:
        raise SpaceError(f"--space {path}: tables are nested too deeply") from error
    except OverflowError as error:
        raise SpaceError(f"--space {path}: a number is too large ({error})") from error
    except ValueError as error:  # of TOML, of settings, of Optuna and of this file
        raise SpaceError(f"--space {path}: {error}") from error


def _refuse_names(name: str, known: Container[str]) -> None:
    # "paper-…" are the reports' own folders.
    if not _NAME.fullmatch(name) or name in known or name.partition("-")[0] == "paper":
        raise ValueError(
            f"{name!r}: cannot be the name of your own space: it must have letters, digits, '-', "
            "'_' and '.' only, differ from the names that --list shows, and not start with paper; "
            "rename the file"
        )


def _space(name: str, content: Mapping[str, Any], known: Iterable[Grid | Search]) -> Grid | Search:
    file = checked(_SpaceFile, content)
    if file.parameters is None and (of_search := file.model_fields_set & _OF_SEARCHES):
        raise ValueError(f"{min(of_search)}: applies to searches, which have a parameters table")
    settings = _unique(flatten(file.settings))
    grids = [space for space in known if isinstance(space, Grid)]
    arms = tuple(_arm(arm, table, grids) for arm, table in file.arms.items())
    _check_arms(arms, settings, _presets(file.preset))
    title = " ".join((file.title or "").split()) or readable_name(name)
    if file.parameters is not None:
        return _search(name, title, file, settings, arms)
    if not arms:
        raise ValueError("must have arms, as in [arms.dropped], or parameters to search")
    grid = Grid(name=name, title=title, arms=arms, fixed=settings, preset=file.preset)
    if file.seeds is None:
        return grid
    seeds = _seeds(file.seeds)
    return replace(grid, seeds=seeds, demo_seeds=len(seeds))


def readable_name(name: str) -> str:
    """Return a name as a title.

    Examples:
        >>> readable_name("my_dropout-study")
        'My dropout study'
    """
    words = name.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


def _search(
    name: str,
    title: str,
    file: _SpaceFile,
    settings: Mapping[str, object],
    arms: tuple[Arm, ...],
) -> Search:
    own = file.model_dump(include={"sampler", "hours"}, exclude_none=True)
    if file.trials is not None:
        own |= {"budget": file.trials, "demo_budget": file.trials}
    if file.seeds is not None:  # none confirm nothing, as on the command line
        seeds = () if file.seeds in (0, []) else _seeds(file.seeds)
        own |= {"confirm_seeds": seeds, "demo_seeds": len(seeds)}
    if file.objectives is not None:
        own["objectives"] = tuple(file.objectives)
    if file.objectives is not None and len(file.objectives) > 1 and file.asha is None:
        own["asha"] = own["demo_asha"] = None  # ASHA compares dev F1 alone
    elif isinstance(file.asha, _AshaTable):
        own["asha"] = own["demo_asha"] = Asha(**file.asha.model_dump())
    elif file.asha is not None:
        own["asha"] = own["demo_asha"] = Asha() if file.asha else None
    given = _unique(flatten(file.parameters or {}, of_tables=True)).items()
    parameters = conditions_first({path: read_parameter(path, spec) for path, spec in given})
    if file.points and file.sampler == "grid":
        raise ValueError("points: the sampler grid tries every point; remove them")
    search = Search(
        name=name,
        title=title,
        arms=arms or (Arm(name="rin", label="RIN"),),
        fixed=settings,
        preset=file.preset,
        parameters=parameters,
        points=tuple(
            _point(table, parameters, f"points[{number}]")
            for number, table in enumerate(file.points)
        ),
        **own,
    )
    _check_conditions(search)
    return search


def _point(
    table: Mapping[str, Any], parameters: Mapping[str, Parameter], place: str
) -> dict[str, Any]:
    """Return values of parameters that the search may try."""
    point = _unique(flatten(table))
    for path, given in point.items():
        if path not in parameters:
            hint = suggest_setting(path, list(parameters))
            raise ValueError(f"{place}.{path}: is not a parameter of this search; {hint}")
        try:
            point[path] = as_configured(path, given)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error
        if not parameters[path].tries(point[path]):
            raise ValueError(
                f"{place}.{path} = {short(given)}: must be in the range {parameters[path].values}"
            )
    return point


def _check_conditions(search: Search) -> None:
    """Refuse a condition that neither an arm nor a trial can meet."""
    had = [
        Config().with_overrides({**preset.settings, **search.fixed, **arm.overrides}).flat()
        for preset in _presets(search.preset)
        for arm in search.arms
    ]
    for path, parameter in search.parameters.items():
        for other, wanted in parameter.when.items():
            tried = search.parameters.get(other)
            if not any(
                (tried and tried.tries(value)) or value in (settings[other] for settings in had)
                for value in wanted
            ):
                raise ValueError(
                    f"parameters.{path}: when.{other} = {short(list(wanted))}: no arm has this "
                    "value, and the search does not try it"
                )


def _arm(name: str, table: Mapping[str, Any], grids: Iterable[Grid]) -> Arm:
    """Return an arm; the arm of a known grid where only its name is given.

    Reports combine the arms of all spaces by name: one name must not mean two models.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"arms.{name}: must be named with letters, digits, -, _ and .")
    of = next((g for g in grids if name in {arm.name for arm in g.every_arm()}), None)
    if of is not None:
        if table or of.settings:  # a grid's settings are part of what its arms mean
            empty = "" if of.settings else "leave it empty to use that arm, or "
            raise ValueError(
                f"arms.{name}: is an arm of the built-in space {of.name}; {empty}choose another "
                "name"
            )
        return of.select([name])[0]
    label = table.get("label", name)
    if not isinstance(label, str) or len(label) > _LONGEST_LABEL:
        text = f"must be text of at most {_LONGEST_LABEL} characters"
        raise ValueError(f"arms.{name}.label = {short(label)}: {text}")
    overrides = {key: value for key, value in table.items() if key != "label"}
    return Arm(
        name=name, label=visible(" ".join(label.split())), overrides=_unique(flatten(overrides))
    )


def _unique(settings: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return settings by dotted name; ``"a.b"`` in quotes and a table ``a`` may both have one."""
    found = dict[str, Any]()
    for path, value in settings:
        if path in found:
            raise ValueError(f"{path}: is given twice; remove one")
        found[path] = value
    return found


def _presets(name: str | None) -> list[Preset]:
    """Return the presets that a space may get: which one may depend on the corpus."""
    return list(PRESETS.values()) if name is None else [find_preset(name)]


def _check_arms(
    arms: Iterable[Arm], settings: Mapping[str, object], presets: Sequence[Preset]
) -> None:
    """Refuse invalid settings, and two arms that are one model with every preset."""
    _configured(settings, "settings")
    seen: dict[tuple[Config, ...], str] = {}
    for arm in arms:
        if both := settings.keys() & arm.overrides.keys():
            raise ValueError(f"arms.{arm.name}.{min(both)}: is also in settings; remove one")
        configs = tuple(
            _configured(
                {**preset.settings, **settings, **arm.overrides}, f"arms.{arm.name}"
            ).canonical()
            for preset in presets
        )
        if (other := seen.setdefault(configs, arm.name)) != arm.name:
            raise ValueError(f"arms.{arm.name}: is the same model as arms.{other}; remove one")


def _configured(overrides: Mapping[str, object], place: str) -> Config:
    if "training.seed" in overrides:
        raise ValueError(f"{place}.training.seed: all arms have the same seeds; set seeds instead")
    try:
        return Config().with_overrides(overrides)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def _seeds(value: Any) -> tuple[int, ...]:
    if isinstance(value, int | str) or (
        isinstance(value, list) and all(isinstance(seed, int) for seed in value)
    ):
        text = "".join(f"{seed}," for seed in value) if isinstance(value, list) else str(value)
        try:
            return parse_seeds(text)
        except SpaceError:
            pass
    raise ValueError(
        f'seeds = {short(value)}: must be a count (5), a range ("2-4") or a list ([0, 3])'
    )
