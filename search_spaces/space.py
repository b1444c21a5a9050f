"""Spaces as frozen values: named arms × corpora × seeds, every trial run to its end.

Grids have no pruning: it would remove cells that a table needs.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from rin_core.config import Config
from rin_core.suggestions import suggestion
from search_spaces.presets import Preset, find_preset, preset_of

#: The demo corpus shows a whole study in minutes. Every other corpus gets the space's seeds.
DEMO_SEEDS = 2
#: Upper limit that catches typing errors.
MOST_SEEDS = 10_000


class SpaceError(ValueError):
    """No such space, arm or seed. The message lists the valid ones."""


#: Stands in a label for the name of the pretrained encoder, which planning knows once it is read.
ENCODER = "{encoder}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One thing compared: a name to type, a label to print, and what it changes."""

    name: str
    label: str
    """May contain :data:`ENCODER`."""
    overrides: Mapping[str, object] = field(default_factory=dict)
    capacity_of: Mapping[str, object] | None = None
    """Overrides of the model whose number of parameters this arm has. Planning then computes
    ``model.feature_size``; ``None`` leaves it as set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One cell of a grid, resolved."""

    arm: str
    label: str
    corpus: str
    seed: int
    preset: Preset
    """What its settings start from."""
    config: Config
    equal_to: Config | None = None
    """The model whose number of parameters this one must have."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a study's record."""
        return {
            "arm": self.arm,
            "label": self.label,
            "corpus": self.corpus,
            "seed": self.seed,
            "config": self.config.flat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Every arm on every corpus with every seed.

    Examples:
        >>> none = Arm(name="k0", label="K = 0", overrides={"model.rounds": 0})
        >>> one = Arm(name="k1", label="K = 1", overrides={"model.rounds": 1})
        >>> grid = Grid(name="rounds", title="Do rounds help?", arms=(none, one), seeds=(0, 1))
        >>> [(trial.arm, trial.seed) for trial in grid.trials(["webnlg_star"])]
        [('k0', 0), ('k1', 0), ('k0', 1), ('k1', 1)]
    """

    name: str
    title: str
    """One line: the question that the space answers."""
    arms: tuple[Arm, ...]
    on_request: tuple[Arm, ...] = ()
    """Arms that run only with ``--arms``, because of their requirements or cost."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    demo_seeds: int = DEMO_SEEDS
    """How many of them on the demo corpus."""
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Settings of all arms on a corpus, by shell-style pattern of its name; first match wins."""
    fixed: Mapping[str, object] = field(default_factory=dict)
    """Settings of all trials, as if given with ``--set``."""
    preset: str | None = None
    """Name of the preset of all corpora; None chooses one by the name of each corpus."""

    def every_arm(self) -> tuple[Arm, ...]:
        """Return the arms with those on request, in their order."""
        return (*self.arms, *self.on_request)

    def select(self, patterns: Sequence[str]) -> tuple[Arm, ...]:
        """Return the arms that match any shell-style pattern, in their order.

        No pattern means all but those :attr:`on_request`.

        Raises:
            SpaceError: A pattern that matches no arm.
        """
        if not patterns:
            return self.arms
        every = self.every_arm()
        names = [arm.name for arm in every]
        for pattern in patterns:
            if not fnmatch.filter(names, pattern):
                hint = suggestion(pattern, names, "--list shows them")
                raise SpaceError(f"--arms {pattern}: no such arm in {self.name}; {hint}")
        chosen = {n for p in patterns for n in fnmatch.filter(names, p)}
        return tuple(arm for arm in every if arm.name in chosen)

    def trials(
        self,
        corpora: Sequence[str],
        *,
        arms: Sequence[str] = (),
        seeds: Sequence[int] | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> list[Trial]:
        """Return the trials, the first seed of every arm before the second.

        Args:
            corpora: Names of corpora.
            arms: Shell-style patterns; none means all.
            seeds: Default: the space's, and on the demo corpus the first few of them.
            overrides: Settings for every trial, above the space's and the preset's; an arm's own
                come on top.

        Raises:
            SpaceError: A pattern that matches no arm, an override of what the space varies.
            ConfigError: An invalid field or value.
        """
        chosen = self.select(arms)
        overrides = {**self.fixed, **(overrides or {})}
        # An arm or a seed would silently undo such an override.
        varied = {path: "--arms" for arm in chosen for path in arm.overrides}
        varied["training.seed"] = "--seeds"
        for path in overrides:
            if path in varied:
                raise SpaceError(f"--set {path}: {self.name} varies it; choose with {varied[path]}")
        return [
            self._trial(corpus, arm, seed, overrides)
            for seed in (self.seeds if seeds is None else seeds)
            for corpus in corpora
            if seeds is not None or corpus != "demo" or seed in self.seeds[: self.demo_seeds]
            for arm in chosen
        ]

    def preset_on(self, corpus: str) -> Preset:
        """Return the preset that the settings start from on a corpus.

        Raises:
            ConfigError: There is no such preset.
        """
        return preset_of(corpus) if self.preset is None else find_preset(self.preset)

    def _trial(self, corpus: str, arm: Arm, seed: int, overrides: Mapping[str, object]) -> Trial:
        config, other = self._config(corpus, arm, seed, overrides), arm.capacity_of
        return Trial(
            arm=arm.name,
            label=arm.label,
            corpus=corpus,
            seed=seed,
            preset=self.preset_on(corpus),
            config=config,
            equal_to=None if other is None else config.with_overrides(other),
        )

    def _config(self, corpus: str, arm: Arm, seed: int, overrides: Mapping[str, object]) -> Config:
        name = PurePath(corpus).name
        matches = (own for like, own in self.settings.items() if fnmatch.fnmatch(name, like))
        shared = {**self.preset_on(corpus).settings, **next(matches, {})}
        own = {**shared, **overrides, **arm.overrides, "training.seed": seed}
        return Config().with_overrides(own)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read ``5`` (the first five: 0 to 4), ``2-4`` or ``0,3,7``.

    Raises:
        SpaceError: Anything else.

    Examples:
        >>> parse_seeds("3"), parse_seeds("2-4"), parse_seeds("0,7")
        ((0, 1, 2), (2, 3, 4), (0, 7))
    """
    seeds: Sequence[int]
    try:
        if "," in text:
            seeds = [int(part) for part in text.split(",") if part.strip()]
        elif "-" in text.strip("-"):
            first, last = text.split("-")
            seeds = range(int(first), int(last) + 1)
        else:
            seeds = range(int(text))
    except ValueError:
        seeds = ()
    if (
        # Sliced, because len() of a huge range is an error.
        not 0 < len(seeds[: MOST_SEEDS + 1]) <= MOST_SEEDS
        or not 0 <= min(seeds) <= max(seeds) < 2**32
    ):
        raise SpaceError(
            f"--seeds {text}: must be a count (5), a range (2-4) or a list (0,3,7), at most "
            f"{MOST_SEEDS:,} seeds below 2³²"
        )
    return tuple(dict.fromkeys(seeds))
