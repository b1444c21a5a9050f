"""The settings that were given for the runs of a study: their text as values, and as a name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rin_core.config import INIT_SETTINGS, canonical_settings
from study.ledger.presets import recorded_preset

#: What runs may differ in, and still be called runs under the same settings: where they start, and
#: whether averaged weights are scored, too.
FREE = (*INIT_SETTINGS, "training.average", "training.average_decay")


def split_settings(text: str) -> dict[str, str]:
    """Return the settings in a line of :func:`~rin_core.config.canonical_settings`, by name.

    Examples:
        >>> split_settings('a.list=[1, 2], preset=own')
        {'a.list': '[1, 2]', 'preset': 'own'}
    """
    parts = re.split(r", (?=[\w.]+=)", text) if text else []
    return {name: value for name, _, value in (part.partition("=") for part in parts)}


def shared_settings(texts: Sequence[str]) -> tuple[str, list[str]]:
    """Return the settings that all lines have, and what each line has beside them.

    Examples:
        >>> shared_settings(["a=1, b=2", "a=1, c=3"])
        ('a=1', ['b=2', 'c=3'])
    """
    each = [split_settings(text) for text in texts]
    shared = {k: v for k, v in each[0].items() if all(own.get(k) == v for own in each)}
    apart = [{k: v for k, v in own.items() if k not in shared} for own in each]
    return canonical_settings(shared), list(map(canonical_settings, apart))


def preset_name(preset: str) -> str:
    """Return what a reader calls a preset."""
    return "the paper's settings" if preset == "paper" else f"preset {preset}"


def settings_name(corpus: str, text: str) -> str:
    """Name the settings of runs: the preset, and what was changed in it beside :data:`FREE`.

    Args:
        corpus: Name of the corpus, which has a preset of its own.
        text: The settings given, as one line.

    Examples:
        >>> settings_name("webnlg_star", "training.average=ema, vectors=glove.txt")
        "the paper's settings"
        >>> settings_name("ade", "model.scorer=biaffine, preset=own")
        'preset own, model.scorer=biaffine'
        >>> settings_name("webnlg_star", "training.learning_rate=0.0031260402169331247")
        "the paper's settings, training.learning_rate=0.003126"
    """
    given = split_settings(text)
    changes = [f"{k}={_short(v)}" for k, v in given.items() if k not in ("preset", *FREE)]
    return ", ".join([preset_name(recorded_preset(corpus, given)), *changes])


def _short(value: str) -> str:
    """Return a value with four digits if it is a number with more."""
    return f"{float(value):.4g}" if re.fullmatch(r"\d*\.\d{4,}(e-?\d+)?", value) else value
