"""Named groups of settings that a study starts from, and which corpus gets which.

A preset lies below everything else: a space's settings, an arm's and those of ``--set`` replace its
values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rin_core.data.corpus import is_paper_corpus
from rin_core.errors import ConfigError
from rin_core.suggestions import suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Settings under a name."""

    name: str
    title: str
    """One line: what they are for."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """What differs from the paper's settings, which are the defaults of ``Config``."""

    def text(self) -> str:
        """Return the settings as ``--set`` takes them."""
        return " ".join(f"{k}={str(v).lower()}" for k, v in self.settings.items())


_ALL = (
    Preset(name="paper", title="the paper's settings (§5.1)"),
    Preset(
        name="demo",
        title="narrow models and short runs, which show a whole study in minutes",
        settings={
            "encoder.hidden_size": 64,
            "model.feature_size": 64,
            "training.batch_size": 25,
            "training.learning_rate": 5e-3,
            "training.max_epochs": 8,
        },
    ),
    # Chosen on the dev splits of ADE and SciERC; docs/log.md has the trials (2026-11-26). As in
    # Bekoulis et al. (2018), the last word of an entity stands for it.
    Preset(
        name="own",
        title="for corpora that are not the paper's",
        settings={
            "data.entity_word": "last",
            "data.vocabulary": "vectors",
            "data.entity_types": True,
            "encoder.characters": "cnn",
            "encoder.character_dim": 50,
            "encoder.hidden_size": 200,
            "encoder.dropout": 0.5,
            "model.feature_size": 200,
            "training.batch_size": 16,
            "training.learning_rate": 2e-3,
            "training.word_dropout": 0.1,
        },
    ),
)
PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ALL}


def find_preset(name: str) -> Preset:
    """Return a preset by name.

    Raises:
        ConfigError: There is none.
    """
    if name not in PRESETS:
        raise ConfigError(f"preset = {name!r}: no such preset; {suggestion(name, PRESETS)}")
    return PRESETS[name]


def preset_of(corpus: str) -> Preset:
    """Return the preset that a corpus gets if no other is chosen.

    Args:
        corpus: ``demo``, a name under the data root, or a folder.

    Examples:
        >>> [preset_of(corpus).name for corpus in ("demo", "data/webnlg_star", "data/conll04")]
        ['demo', 'paper', 'own']
    """
    if corpus == "demo":
        return PRESETS["demo"]
    return PRESETS["paper" if is_paper_corpus(Path(corpus).resolve().name) else "own"]
