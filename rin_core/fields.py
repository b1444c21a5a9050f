"""The settings as data: types, choices and ranges under dotted names such as ``model.rounds``."""

from __future__ import annotations

import difflib
import functools
import re
import typing
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from annotated_types import Interval, MultipleOf

from rin_core.errors import ConfigError
from rin_core.problems import short

LONGEST_TEXT = 4_096
_A_TYPE = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_BOOLS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Setting:
    """What a setting may be: its type, and its choices or its range."""

    kind: Any
    """``int``, ``float``, ``bool``, ``str`` or a ``Literal``."""
    interval: Interval | None = None
    """The range of a number."""
    even: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        """Return the values of a ``Literal``; of others none."""
        return typing.get_args(self.kind)

    @property
    def allowed(self) -> str:
        """Return the values in words: ``from 1 to 100,000``, ``one of gru, rnn``."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.interval is None:
            text = f"text of 1 to {LONGEST_TEXT:,} characters, not blank"
            return text if self.kind is str else _A_TYPE[self.kind]
        return ("even, " if self.even else "") + _interval_text(self.interval)

    def allows(self, value: Any) -> bool:
        """Tell whether a value of the right type is a choice, or in the range."""
        if self.choices:
            return value in self.choices
        if self.kind is str:
            return bool(value.strip()) and len(value) <= LONGEST_TEXT
        if self.interval is None:
            return True
        i = self.interval
        # Written so that NaN is outside.
        above = (i.ge is None or value >= i.ge) and (i.gt is None or value > i.gt)
        below = (i.le is None or value <= i.le) and (i.lt is None or value < i.lt)
        return above and below and not (self.even and value % 2)


def _interval_text(interval: Interval) -> str:
    low = f"from {interval.ge:,}" if interval.gt is None else f"above {interval.gt:,}"
    high = f"to {interval.le:,}" if interval.lt is None else f"to below {interval.lt:,}"
    return f"{low} {high}"


def require(holds: bool, name: str, value: object, wanted: str) -> None:
    """Raise ``ConfigError`` with field, value and what it must be, unless the check holds."""
    if not holds:
        raise ConfigError(f"{name} = {short(value)}: must be {wanted}")


def check_section(section: Hashable, name: str) -> None:
    """Check every field of a section against its choices and its range.

    Args:
        section: The section.
        name: Its name, the first part of dotted names.

    Raises:
        ConfigError: A value is not allowed.
    """
    for field, setting in _section_settings(section.__class__).items():
        value = getattr(section, field)
        if not setting.allows(value):
            raise ConfigError(f"{name}.{field} = {short(value)}: must be {setting.allowed}")


@functools.cache
def _section_settings(section: type) -> Mapping[str, Setting]:
    """Read the annotations of a section, once: it is slow."""
    found = {}
    for name, hint in typing.get_type_hints(section, include_extras=True).items():
        kind, *limits = typing.get_args(hint) if hasattr(hint, "__metadata__") else (hint,)
        interval = next((limit for limit in limits if isinstance(limit, Interval)), None)
        found[name] = Setting(kind, interval, even=MultipleOf(2) in limits)
    return found


@functools.cache
def all_settings(config: type) -> Mapping[str, Setting]:
    """Return every field of every section under its dotted name, in order."""
    return {
        f"{section}.{name}": setting
        for section, owner in typing.get_type_hints(config).items()
        for name, setting in _section_settings(owner).items()
    }


def suggest_setting(path: str, known: Sequence[str]) -> str:
    """Return the settings that a mistyped path may mean; without any, where the settings are.

    Examples:
        >>> suggest_setting("training.lr", ["training.learning_rate", "training.clip_norm"])
        'did you mean training.learning_rate?'
    """
    likeness = {name: _likeness(path, name) for name in known}
    best = max(likeness.values(), default=0.0)
    close = [name for name in known if likeness[name] >= max(0.7, best - 0.1)]
    close.sort(key=lambda name: -likeness[name])
    if close:
        return f"did you mean {' or '.join(close[:3])}?"
    return f"'rin-study settings' lists all {len(known)}"


def _likeness(path: str, name: str) -> float:
    """Return how much a mistyped path looks like a name, from 0 to 1.

    The letters count, the words (``epochs`` for ``max_epochs``, ``char`` for ``character``) and the
    initials (``lr`` for ``learning_rate``). The right section counts a little.
    """
    section, _, leaf = path.lower().rpartition(".")
    own_section, _, own = name.rpartition(".")
    leaf = re.sub(r"[-\s]+", "_", leaf)
    words, own_words = leaf.split("_"), own.split("_")
    shared = sum(any(_same_word(word, other) for other in own_words) for word in words)
    found = max(
        difflib.SequenceMatcher(None, leaf, own).ratio(),
        0.95 * (leaf == "".join(word[0] for word in own_words) and len(own_words) > 1),
        0.5 + 0.4 * shared / max(len(words), len(own_words)) if shared else 0.0,
    )
    return found + 0.05 * (section == own_section)


def _same_word(word: str, other: str) -> bool:
    begin, whole = sorted((word, other), key=len)
    return begin == whole or (len(begin) >= 3 and whole.startswith(begin))


def coerce(path: str, value: object, kind: Any) -> object:
    """Turn command-line text into a field's type; check the type of any other value.

    Raises:
        ConfigError: The value has another type. A section checks the range itself.
    """
    if typing.get_origin(kind) is Literal:
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ConfigError(f"{path} = {short(value)}: must be less than 2^1024") from None
    if isinstance(value, str):
        try:
            return _BOOLS[value.lower()] if kind is bool else kind(value)
        except (KeyError, ValueError):
            raise ConfigError(f"{path} = {short(value)}: must be {_A_TYPE[kind]}") from None
    require(type(value) is kind, path, value, _A_TYPE[kind])
    return value
