"""One line for an error: of a library, or the first thing that pydantic finds wrong in a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LONGEST = 60


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text; the name of its class if it has no text.

    Examples:
        >>> first_line(OSError("no route to the host")), first_line(TimeoutError())
        ('no route to the host', 'TimeoutError')
    """
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def first_problem(problem: Mapping[str, Any]) -> str:
    """Describe one of :meth:`pydantic.ValidationError.errors`: field, value, what it must be.

    For example ``history[3].train_loss = 'x': must be a valid number``.
    """
    field = field_name(problem["loc"])
    match problem["type"]:
        case "missing":
            return f"{field} is missing"
        case "extra_forbidden":
            return f"{field}: no such field"
        case "value_error":
            error = problem["ctx"]["error"]
            if hasattr(error, "errors"):  # of a model inside
                inner = error.errors()[0]
                return first_problem({**inner, "loc": (*problem["loc"], *inner["loc"])})
            return f"{field}: {error}" if field else str(error)
    message = str(problem["msg"])
    expected = message.replace("Input should be", "must be").replace("String should", "must")
    place = f"{field} = " if field else ""
    return f"{place}{short(problem['input'])}: {expected[0].lower()}{expected[1:]}"


def field_name(path: tuple[int | str, ...]) -> str:
    """Write the path to a field as people do: ``trials[3].seconds[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def short(value: object) -> str:
    """Return a value as Python writes it, cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "a very large number"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
