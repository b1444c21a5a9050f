"""A comparison or a search of one's own, from a TOML file: ``--space mine.toml``.

The file's name is the space's. A table ``arms`` makes a grid, a table ``parameters`` a search; the
guide has one of each. Settings are the dotted names of :class:`~rin_core.config.Config`.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from rin_core.config import Config
from search_spaces.search import Asha, Parameter, Search
from search_spaces.space import Arm, Grid, SpaceError, parse_seeds

SUFFIX = ".toml"
_NAME = re.compile(r"\w[\w.-]*")
_TEXT, _TABLE = (str, "text"), (dict, "a table")
_COUNT, _NUMBER = (int, "a whole number"), ((int, float), "a number")
_SEEDS = ((int, str, list), 'a count (5), a range ("2-4") or a list ([0, 3])')
#: Fields of a grid, and those that a search has beside them, with what each must be.
_GRID = {"title": _TEXT, "seeds": _SEEDS, "settings": _TABLE, "arms": _TABLE}
_SEARCH = {
    **{"parameters": _TABLE, "trials": _COUNT, "sampler": _TEXT},
    **{"hours": _NUMBER, "asha": ((dict, bool), "a table, or false")},
}
_RANGE = ("low", "high", "log", "step")


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
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        _refuse_names(path.stem, known)
        return _space(path.stem, content, known.values())
    except OSError as error:
        raise SpaceError(f"--space {path}: {error.strerror}") from error
    except ValueError as error:  # of TOML, of settings, of Optuna and of this file
        raise SpaceError(f"--space {path}: {error}") from error


def _refuse_names(name: str, known: Container[str]) -> None:
    # "paper-…" are the reports' own folders.
    if not _NAME.fullmatch(name) or name in known or name.partition("-")[0] == "paper":
        raise ValueError(
            f"{name!r} cannot be the name of a space of your own (letters, digits, '-', '_' and "
            "'.', no name that --list shows, and no paper); rename the file"
        )


def _space(name: str, content: Mapping[str, Any], known: Iterable[Grid | Search]) -> Grid | Search:
    is_search = "parameters" in content
    if not is_search and (alien := _SEARCH.keys() & content.keys()):
        raise ValueError(f"{min(alien)}: is of a search, which has a table parameters")
    _check_fields(content, _GRID | _SEARCH)
    settings = _once(_settings(content.get("settings", {})))
    named = content.get("arms", {}).items()
    grids = [space for space in known if isinstance(space, Grid)]
    arms = tuple(_arm(arm, table, grids) for arm, table in named)
    _check_arms(arms, settings)
    title = content.get("title", name)
    if is_search:
        return _search(name, title, content, settings, arms)
    if not arms:
        raise ValueError("must have arms, as in [arms.dropped], or parameters to search")
    grid = Grid(name=name, title=title, arms=arms, fixed=settings)
    if "seeds" not in content:
        return grid
    seeds = _seeds(content["seeds"])
    return replace(grid, seeds=seeds, demo_seeds=len(seeds))


def _search(
    name: str,
    title: str,
    content: Mapping[str, Any],
    settings: Mapping[str, object],
    arms: tuple[Arm, ...],
) -> Search:
    own = {key: content[key] for key in ("sampler", "hours") if key in content}
    if "trials" in content:
        if content["trials"] < 1:
            raise ValueError(f"trials = {content['trials']}: must be at least 1")
        own |= {"budget": content["trials"], "demo_budget": content["trials"]}
    if "seeds" in content:  # none confirm nothing, as on the command line
        seeds = () if content["seeds"] in (0, []) else _seeds(content["seeds"])
        own |= {"confirm_seeds": seeds, "demo_seeds": len(seeds)}
    if "asha" in content:
        own["asha"] = own["demo_asha"] = _asha(content["asha"])
    given = _once(_settings(content["parameters"], of_tables=True)).items()
    search = Search(
        name=name,
        title=title,
        arms=arms or (Arm(name="rin", label="RIN"),),
        fixed=settings,
        parameters=_in_order({path: _parameter(path, spec) for path, spec in given}),
        **own,
    )
    _check_conditions(search)
    return search


def _check_conditions(search: Search) -> None:
    """Refuse a condition that no arm meets and no trial can: its parameter would never be tried."""
    had = [Config().with_overrides({**search.fixed, **arm.overrides}).flat() for arm in search.arms]
    for path, parameter in search.parameters.items():
        for other, wanted in parameter.when.items():
            tried = search.parameters.get(other)
            if not any(
                (tried and tried.tries(value)) or value in (settings[other] for settings in had)
                for value in wanted
            ):
                raise ValueError(
                    f"parameters.{path}: when.{other} = {list(wanted)!r}: no arm has such a value "
                    "and none is searched, so that it would never be tried"
                )


def _in_order(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Put each behind what its condition asks for: TOML groups dotted keys by their tables."""
    left, ordered = dict(parameters), dict[str, Parameter]()
    while left:
        free = (path for path in left if not parameters[path].when.keys() & left.keys() - {path})
        path = next(free, next(iter(left)))  # in a circle, which the search refuses
        ordered[path] = left.pop(path)
    return ordered


def _arm(name: str, table: Any, grids: Iterable[Grid]) -> Arm:
    """Return an arm; that of a grid where nothing but its name is given.

    Reports take the arms of all spaces together, by name: no two may mean different models.
    """
    if not _NAME.fullmatch(name) or not isinstance(table, dict):
        raise ValueError(f"arms.{name}: must be a table named with letters, digits, -, _ and .")
    of = next((g for g in grids if name in {arm.name for arm in g.select(["*"])}), None)
    if of is not None:
        if table or of.settings:  # a grid's settings are part of what its arms mean
            empty = "" if of.settings else "leave it empty to compare with that, or "
            raise ValueError(
                f"arms.{name}: has a meaning in the space {of.name}; {empty}give another name"
            )
        return of.select([name])[0]
    label = table.get("label", name)
    if not isinstance(label, str):
        raise ValueError(f"arms.{name}.label = {label!r}: must be text")
    overrides = {key: value for key, value in table.items() if key != "label"}
    return Arm(name=name, label=label, overrides=_once(_settings(overrides)))


def _once(settings: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return settings by dotted name; ``"a.b"`` in quotes and a table ``a`` may both have one."""
    found = dict[str, Any]()
    for path, value in settings:
        if path in found:
            raise ValueError(f"{path}: is there twice; leave one out")
        found[path] = value
    return found


def _check_arms(arms: Iterable[Arm], settings: Mapping[str, object]) -> None:
    """Refuse what no configuration can have, and two arms that are one model."""
    _configured(settings, "settings")
    seen: dict[Config, str] = {}
    for arm in arms:
        if both := settings.keys() & arm.overrides.keys():
            raise ValueError(f"arms.{arm.name}.{min(both)}: settings has it for all arms")
        config = _configured({**settings, **arm.overrides}, f"arms.{arm.name}").canonical()
        if (other := seen.setdefault(config, arm.name)) != arm.name:
            raise ValueError(f"arms.{arm.name}: is the same model as arms.{other}; leave one out")


def _configured(overrides: Mapping[str, object], place: str) -> Config:
    if "training.seed" in overrides:
        raise ValueError(f"{place}.training.seed: every arm gets the same; choose with seeds")
    try:
        return Config().with_overrides(overrides)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def _settings(
    table: Mapping[str, Any], prefix: str = "", *, of_tables: bool = False
) -> Iterator[tuple[str, Any]]:
    """Yield what nested tables hold, by dotted name.

    Args:
        table: As TOML has it.
        prefix: What stands before its keys.
        of_tables: What a setting has is a table itself.
    """
    for key, value in table.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and not (of_tables and path in Config().flat()):
            yield from _settings(value, f"{path}.", of_tables=of_tables)
        else:
            yield path, value


def _parameter(path: str, spec: Any) -> Parameter:
    """Return a parameter of a search: a range of numbers, or choices."""
    if path not in Config().flat() or not isinstance(spec, dict):
        raise ValueError(f"parameters.{path}: must be a setting with a table, as {{low=0, high=1}}")
    own = {key: value for key, value in spec.items() if key != "when"}
    try:
        return Parameter(_distribution(path, own), _when(spec.get("when", {})))
    except (TypeError, ValueError) as error:
        raise ValueError(f"parameters.{path}: {error}") from error


def _distribution(path: str, spec: Mapping[str, Any]) -> BaseDistribution:
    if set(spec) == {"choices"}:
        return CategoricalDistribution(_choices(path, spec["choices"]))
    kind = type(Config().flat()[path])
    is_range = {"low", "high"} <= set(spec) <= set(_RANGE)
    if kind not in (int, float) or not is_range:
        numbers = "low and high, with log or step, or " if kind in (int, float) else ""
        raise ValueError(f"must have {numbers}choices")
    _check_range(path, kind, spec)
    return IntDistribution(**spec) if kind is int else FloatDistribution(**spec)


def _choices(path: str, given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise ValueError(f"choices = {given!r}: must be a list of values")
    choices = [_as_configured(path, value) for value in given]
    if twice := [value for place, value in enumerate(choices) if value in choices[:place]]:
        raise ValueError(f"choices: {twice[0]!r} is there twice")
    return choices


def _check_range(path: str, kind: type, spec: Mapping[str, Any]) -> None:
    """Refuse what Optuna would take for something else, and values that the setting cannot have."""
    if not isinstance(spec.get("log", False), bool):
        raise ValueError(f"log = {spec['log']!r}: must be true or false")
    for name in spec.keys() - {"log"}:
        value = spec[name]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or (kind is int and value != int(value)):
            words = "a whole number" if kind is int else "a finite number"
            raise ValueError(f"{name} = {value!r}: must be {words}")
    low, high, step = spec["low"], spec["high"], spec.get("step", 1 if kind is int else None)
    if step is not None:
        if not step > 0:
            raise ValueError(f"step = {step!r}: must be positive")
        if abs((high - low) / step - round((high - low) / step)) > 1e-6:
            raise ValueError(f"step = {step!r}: must lead from {low} to {high}")
    second = [] if step is None or spec.get("log") else [min(high, low + step)]
    for value in (low, high, *second):
        try:
            _as_configured(path, value)
        except ValueError as error:
            raise ValueError(f"its values include {error}; choose low, high and step so") from error


def _when(table: Any) -> dict[str, tuple[object, ...]]:
    if not isinstance(table, dict):
        raise ValueError(f"when = {table!r}: must be a table, as in {{model.rounds = [1, 2]}}")
    found = {}
    for path, values in _settings(table):
        if not isinstance(values, list) or not values:
            raise ValueError(f"when.{path} = {values!r}: must be a list of values, at least one")
        found[path] = tuple(_as_configured(path, value) for value in values)
    return found


def _as_configured(path: str, value: object) -> Any:
    return Config().override(path, value).flat()[path]


def _seeds(value: Any) -> tuple[int, ...]:
    text = "".join(f"{seed}," for seed in value) if isinstance(value, list) else str(value)
    try:
        return parse_seeds(text)
    except SpaceError:
        raise ValueError(f"seeds = {value!r}: must be {_SEEDS[1]}") from None


def _asha(value: Any) -> Asha | None:
    if isinstance(value, bool):
        return Asha() if value else None
    _check_fields(value, {"grace_period": _COUNT, "reduction_factor": _NUMBER}, "asha.")
    return Asha(**value)


def _check_fields(table: Mapping[str, Any], fields: Mapping[str, Any], place: str = "") -> None:
    """Refuse a field that is none, or holds something else than it must."""
    for key, value in table.items():
        if key not in fields:
            raise ValueError(f"{place}{key}: no such field; there are {', '.join(fields)}")
        kinds, words = fields[key]
        allowed = kinds if isinstance(kinds, tuple) else (kinds,)
        # A bool is an int to Python, and to nobody else.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in allowed):
            raise ValueError(f"{place}{key} = {value!r}: must be {words}")
