"""Tables of a TOML file: checked as models, and flattened to dotted names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rin_core.config import Config
from rin_core.problems import first_problem, short


class FileTable(BaseModel):
    """Base of the tables of a file: no conversions, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


Model = TypeVar("Model", bound=FileTable)


def checked(model: type[Model], table: Any, place: str = "") -> Model:
    """Return a table of a file as its model; raises ``ValueError``: field, value, what is right."""
    try:
        return model.model_validate(table)
    except ValidationError as error:
        problem: Any = error.errors(include_url=False)[0]
        text = first_problem({**problem, "loc": (*filter(None, [place]), *problem["loc"])})
        if problem["type"] == "extra_forbidden":
            text += f"; there are {', '.join(model.model_fields)}"
        raise ValueError(text) from error


def flatten(
    table: Mapping[str, Any], prefix: str = "", *, of_tables: bool = False
) -> Iterator[tuple[str, Any]]:
    """Yield the values of nested tables by dotted name.

    Args:
        table: As TOML has it.
        prefix: Precedes its keys.
        of_tables: The value of a setting is a table itself.

    Raises:
        ValueError: A number is too large for TOML.
    """
    for key, value in table.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and not (of_tables and path in Config().flat()):
            yield from flatten(value, f"{path}.", of_tables=of_tables)
        elif isinstance(value, int) and abs(value) >= 2**63:
            raise ValueError(f"{path} = {short(value)}: must be less than 2^63")
        else:
            yield path, value
