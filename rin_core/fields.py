"""Checks of the fields of settings, and their types under dotted names such as ``model.rounds``."""

from __future__ import annotations

import difflib
import functools
import typing
from collections.abc import Hashable
from typing import Any, Literal

from rin_core.errors import ConfigError

_A_TYPE = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_BOOLS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


def require(holds: bool, name: str, value: object, wanted: str) -> None:
    """Raise ``ConfigError`` with field, value and what it must be, unless the check holds."""
    if not holds:
        raise ConfigError(f"{name} = {value!r}: must be {wanted}")


def require_choice(owner: Hashable, prefix: str, name: str) -> None:
    """Check that a ``Literal`` field of ``owner`` holds one of its choices."""
    choices = typing.get_args(_hints(owner.__class__)[name])
    value = getattr(owner, name)
    require(value in choices, f"{prefix}.{name}", value, f"one of {', '.join(choices)}")


@functools.cache
def _hints(owner: type) -> dict[str, Any]:
    """Resolve the annotations of a section, once: it is slow."""
    return typing.get_type_hints(owner)


@functools.cache
def field_types(config: type) -> dict[str, Any]:
    """Return the type of every field of every section under its dotted name, in order."""
    return {
        f"{section}.{name}": kind
        for section, owner in _hints(config).items()
        for name, kind in _hints(owner).items()
    }


def suggest(path: str, known: list[str]) -> str:
    """Return the end of a message: the fields a mistyped path may mean, or all of them."""
    leaf = path.rpartition(".")[2]
    leaves = {name.rpartition(".")[2]: name for name in known}
    close = [leaves[m] for m in difflib.get_close_matches(leaf, leaves, n=2, cutoff=0.7)]
    close = close or difflib.get_close_matches(path, known, n=2, cutoff=0.7)
    return f"; did you mean {' or '.join(close)}?" if close else f"; fields: {', '.join(known)}"


def coerce(path: str, value: object, kind: Any) -> object:
    """Turn command-line text into a field's type; check the type of any other value.

    Raises:
        ConfigError: The value has another type. A section checks the range itself.
    """
    if typing.get_origin(kind) is Literal:
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            return _BOOLS[value.lower()] if kind is bool else kind(value)
        except (KeyError, ValueError):
            raise ConfigError(f"{path} = {value!r}: must be {_A_TYPE[kind]}") from None
    require(type(value) is kind, path, value, _A_TYPE[kind])
    return value
