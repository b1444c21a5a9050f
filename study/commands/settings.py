"""The list of settings: ``rin-study settings``.

Types, ranges and defaults come from :class:`rin_core.config.Config`. Descriptions are the
docstrings there.
"""

from __future__ import annotations

import fnmatch
import json
import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from docstring_parser import parse_from_object
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rin_core.config import Config
from rin_core.encoder_traits import ENCODERS
from rin_core.errors import ConfigError
from rin_core.fields import all_settings, suggest_setting
from search_spaces.presets import PRESETS
from study.commands.arguments import ListSettings
from study.commands.printing import say

_TYPES = {int: "whole number", float: "number", bool: "true or false", str: "text"}
#: Widest table, in characters.
_WIDTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """All that is known of a setting."""

    setting: str
    type: str
    allowed: str
    """Its values in words."""
    choices: tuple[str, ...]
    encoders: tuple[str, ...]
    """Those that use it."""
    meaning: str
    presets: Mapping[str, Any]
    """Its value in each preset; the default is that of ``paper``."""

    @property
    def values(self) -> str:
        """Return what may be given, in short."""
        return ", ".join(self.choices) or ("text" if self.type == "text" else self.allowed)

    @property
    def encoder(self) -> str:
        """Return the encoders that use it, if some do not."""
        return "" if len(self.encoders) == len(ENCODERS) else ", ".join(self.encoders)

    def preset_texts(self) -> list[str]:
        """Return the default, and the values of the other presets where they differ from it."""
        default, *others = map(_value_text, self.presets.values())
        return [default, *("" if text == default else text for text in others)]


def run(options: ListSettings, console: Console) -> int:
    """Print the settings.

    Raises:
        ConfigError: A pattern that fits no setting.
    """
    rows = describe_settings(options.pattern)
    if not rows:
        hint = suggest_setting(options.pattern, [*Config().flat()])
        raise ConfigError(f"{options.pattern}: no such setting; {hint}")
    if options.json:
        say(console, json.dumps([asdict(row) for row in rows], indent=2))
    elif options.markdown:
        say(console, markdown(rows))
    else:
        _print_table(rows, console)
    return 0


def describe_settings(pattern: str = "*") -> list[SettingRow]:
    """Return a row for each setting whose name fits a shell-style pattern, or contains it."""
    presets = {
        name: Config().with_overrides(preset.settings).flat() for name, preset in PRESETS.items()
    }
    meanings = _meanings()
    restricted = frozenset[str]().union(*(traits.settings for traits in ENCODERS.values()))
    return [
        SettingRow(
            setting=path,
            type="choice" if setting.choices else _TYPES[setting.kind],
            allowed=setting.allowed,
            choices=setting.choices,
            encoders=tuple(
                kind
                for kind, traits in ENCODERS.items()
                if path in traits.settings or path not in restricted
            ),
            meaning=meanings[path],
            presets={name: values[path] for name, values in presets.items()},
        )
        for path, setting in all_settings(Config).items()
        if fnmatch.fnmatch(path, pattern) or pattern in path
    ]


def _meanings() -> dict[str, str]:
    """Return the first sentence of each field's docstring by dotted name."""
    found = {}
    for section, owner in typing.get_type_hints(Config).items():
        for field in parse_from_object(owner).params:
            text = " ".join((field.description or "").replace("``", "`").split())
            found[f"{section}.{field.arg_name}"] = re.split(r"(?<=\.)\s(?=[A-Z`])", text)[0]
    return found


def _print_table(rows: Iterable[SettingRow], console: Console) -> None:
    """Print two lines for each setting: what it may be, then what it means."""
    width = min(console.width, _WIDTH)
    heads = ["setting", "values", *PRESETS]

    def line(*cells: RenderableType) -> Table:
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(width=30)
        table.add_column(width=20)
        for _ in PRESETS:
            table.add_column(width=9, overflow="fold")
        table.add_row(*cells)
        return table

    console.print(line(*heads), width=width)
    for row in rows:
        cells = [Text(row.setting, "bold"), *map(Text, [row.values, *row.preset_texts()])]
        console.print(line(*cells), width=width)
        only = f" ({row.encoder} only)" if row.encoder else ""
        meaning = Text.assemble(row.meaning, (only, "dim"))
        console.print(Padding(meaning, (0, 0, 0, 4)), width=width)
    say(console, "paper is the default. Choose with --set SETTING=VALUE or --preset NAME:")
    for preset in PRESETS.values():
        say(console, f"  {preset.name:6} {preset.title}")


def markdown(rows: Iterable[SettingRow]) -> str:
    """Return the settings as a table in Markdown."""
    names = ["setting", "values", *PRESETS, "encoder", "meaning"]
    lines = [names, ["---"] * len(names)]
    for row in rows:
        values = [f"`{text}`" if text else "" for text in row.preset_texts()]
        meaning = row.meaning.replace("|", "\\|")
        lines.append([f"`{row.setting}`", row.values, *values, row.encoder, meaning])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _value_text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)
