"""The parameters of a search in a TOML file: ranges of numbers, choices, and conditions.

``learning_rate = {low = 1e-4, high = 1e-2, log = true}`` under ``parameters.training`` is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import Field

from rin_core.config import Config
from rin_core.problems import short
from rin_core.steps import MOST_STEPS, step_divides
from search_spaces.search import Parameter
from search_spaces.toml_tables import FileTable, checked, flatten


class _FloatRange(FileTable):
    low: float
    high: float
    log: bool = False
    step: Annotated[float, Field(gt=0)] | None = None


class _IntRange(FileTable):
    low: Annotated[int, Field(gt=-(2**63), lt=2**63)]
    high: Annotated[int, Field(gt=-(2**63), lt=2**63)]
    log: bool = False
    step: Annotated[int, Field(gt=0, lt=2**63)] = 1


class _Choices(FileTable):
    choices: Annotated[list[Any], Field(min_length=1)]


def read_parameter(path: str, spec: Any) -> Parameter:
    """Return a parameter of a search: a range of numbers, or choices.

    Args:
        path: The dotted name of a setting.
        spec: Its table in the file.

    Raises:
        ValueError: Names the field, its value and what it must be.
    """
    place = f"parameters.{path}"
    if path not in Config().flat() or not isinstance(spec, dict):
        raise ValueError(f"{place}: must be a setting with a table, as {{low=0, high=1}}")
    own = {key: value for key, value in spec.items() if key != "when"}
    kind = type(Config().flat()[path])
    if "choices" not in own and kind not in (int, float):
        raise ValueError(f"{place}: must have choices")
    table: _Choices | _IntRange | _FloatRange
    if "choices" in own:
        table = checked(_Choices, own, place)
    else:
        table = checked(_IntRange, own, place) if kind is int else checked(_FloatRange, own, place)
    try:
        when = _when(spec.get("when", {}))
        if isinstance(table, _Choices):
            return Parameter(CategoricalDistribution(_choices(path, table.choices)), when)
        _check_range(path, table)
        made = IntDistribution if isinstance(table, _IntRange) else FloatDistribution
        return Parameter(made(**table.model_dump()), when)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(f"{place}: {error}") from error


def _choices(path: str, given: Sequence[Any]) -> list[Any]:
    choices = [as_configured(path, value) for value in given]
    if twice := [value for index, value in enumerate(choices) if value in choices[:index]]:
        raise ValueError(f"choices: {short(twice[0])} is given twice")
    return choices


def _check_range(path: str, table: _IntRange | _FloatRange) -> None:
    """Refuse steps that do not end at ``high``, and values that the setting cannot have."""
    low, high, step = table.low, table.high, table.step
    if step is not None and not step_divides(low, high, step):
        raise ValueError(
            f"step = {step!r}: must divide {low} to {high} into at most {MOST_STEPS} equal steps"
        )
    second = [] if step is None or table.log else [min(high, low + step)]
    for value in (low, high, *second):
        try:
            as_configured(path, value)
        except ValueError as error:
            text = f"has an invalid value, {error}; change low, high or step"
            raise ValueError(text) from error


def _when(table: Any) -> dict[str, tuple[object, ...]]:
    if not isinstance(table, dict):
        raise ValueError(f"when = {short(table)}: must be a table, as in {{model.rounds = [1, 2]}}")
    found = {}
    for path, values in flatten(table):
        if not isinstance(values, list) or not values:
            raise ValueError(
                f"when.{path} = {short(values)}: must be a list of values, at least one"
            )
        found[path] = tuple(as_configured(path, value) for value in values)
    return found


def as_configured(path: str, value: object) -> Any:
    """Return a value as a configuration has it; raises ``ValueError`` for one that it cannot."""
    return Config().override(path, value).flat()[path]


def conditions_first(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Put each parameter after those that its condition names: TOML groups keys by table."""
    left, ordered = dict(parameters), dict[str, Parameter]()
    while left:
        free = (path for path in left if not parameters[path].when.keys() & left.keys() - {path})
        path = next(free, next(iter(left)))  # in a circle, which the search refuses
        ordered[path] = left.pop(path)
    return ordered
