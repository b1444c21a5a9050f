"""The preset of recorded trials.

A preset is recorded beside the settings of the command line, as the setting ``preset``. Older
records have none: ``demo`` had its own preset, and every other corpus the paper's settings.
"""

from __future__ import annotations

from collections.abc import Mapping


def recorded_preset(corpus: str, settings: Mapping[str, object]) -> str:
    """Return the name of the preset of recorded trials.

    Args:
        corpus: Name of the corpus.
        settings: As recorded with the trials.

    Examples:
        >>> recorded_preset("conll04", {"preset": "own"}), recorded_preset("conll04", {})
        ('own', 'paper')
    """
    return str(settings.get("preset", "demo" if corpus == "demo" else "paper"))


def preset_to_record(corpus: str, name: str) -> dict[str, str]:
    """Return what a record says of a preset: nothing if a record without one means the same."""
    return {} if name == recorded_preset(corpus, {}) else {"preset": name}
