"""A search as a frozen value: the arms, the parameters to tune, and the budget.

In the words of the tuning literature: the *arms* are scientific (what the study compares), the
*parameters* are nuisance (each arm gets the same number of trials to tune them), everything
else is *fixed*.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)

from rin_core.config import Config
from rin_core.problems import short
from rin_core.steps import is_on_step
from search_spaces.design import quasi_random_points, stepped
from search_spaces.objectives import DEV_F1, check_objectives
from search_spaces.space import DEMO_SEEDS, Arm, Grid, SpaceError

#: Most points of a grid.
MOST_POINTS = 100_000
#: Most epochs before pruning: no run has more (``training.max_epochs``).
MOST_EPOCHS = 100_000

#: These decide how a corpus is read or when a trial ends. Trials that differ in them share neither
#: arrays nor rungs, so arms may set them but a search cannot.
NEVER_SEARCHED = (
    "data.",
    "encoder.kind",
    "encoder.word_dim",
    "training.max_epochs",
    "training.seed",
)
#: Every trial of a search has this setting at dev: selection and pruning use dev F1.
SELECTION = "training.selection"
_DEV_ALONE = (
    "a search selects by dev F1 only; leave it at dev (the space selection measures the selection "
    "bias of test)"
)


def _require(holds: bool, name: str, value: object, wanted: str) -> None:
    if not holds:
        raise SpaceError(f"{name} = {short(value)}: must be {wanted}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting to search."""

    distribution: BaseDistribution
    when: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    """Values of other settings, fixed or sampled before, under which this one has an effect."""

    @property
    def values(self) -> str:
        """Return what may be chosen, as a person writes it: ``1e-05 to 0.01 (log)``."""
        if isinstance(self.distribution, CategoricalDistribution):
            return ", ".join(map(str, self.distribution.choices))
        low, high, step = (getattr(self.distribution, k, None) for k in ("low", "high", "step"))
        by_step = f" by {step}" if step not in (None, 1) else ""
        log = " (log)" if getattr(self.distribution, "log", False) else ""
        return f"{low} to {high}{by_step}{log}"

    def applies(self, settings: Mapping[str, object]) -> bool:
        """Tell whether the setting has an effect beside others, given by dotted name."""
        return all(settings[path] in values for path, values in self.when.items())

    def tries(self, value: Any) -> bool:
        """Tell whether the search may try a value."""
        if isinstance(self.distribution, CategoricalDistribution):
            return value in self.distribution.choices
        low, high = (getattr(self.distribution, end, value) for end in ("low", "high"))
        step = getattr(self.distribution, "step", None)
        if not low <= value <= high:
            return False
        return step is None or is_on_step(value, low, step)

    def to_json(self) -> dict[str, Any]:
        """Return plain values that are equal exactly where parameters are."""
        distribution = json.loads(distribution_to_json(self.distribution))
        return {**distribution, "when": {path: list(v) for path, v in self.when.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asha:
    """Asynchronous successive halving (Li et al. 2020) with the epoch as resource.

    At epochs ``grace_period`` · ``reduction_factor``^k a trial continues only if it is in the top
    1/``reduction_factor`` of its arm's trials that reached that epoch.
    """

    grace_period: int | Literal["auto"] = "auto"
    """Epochs of every trial before pruning; ``auto`` measures them on finished runs
    (:mod:`study.planning.grace`) when a search begins."""
    reduction_factor: float = 3.0

    def __post_init__(self) -> None:
        epochs = self.grace_period
        valid = epochs == "auto" or (type(epochs) is int and 1 <= epochs <= MOST_EPOCHS)
        wanted = f'from 1 to {MOST_EPOCHS:,}, or "auto"'
        _require(valid, "asha.grace_period", epochs, wanted)
        _require(self.reduction_factor > 1, "asha.reduction_factor", self.reduction_factor, "> 1")


#: A number, because a fresh ledger has no runs on which ``auto`` could measure.
DEMO_ASHA = Asha(grace_period=3, reduction_factor=2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Tune each arm with the same budget, then race its best settings on fresh seeds."""

    name: str
    title: str
    """One line: what the search answers."""
    arms: tuple[Arm, ...]
    parameters: Mapping[str, Parameter]
    """What is tuned, by dotted name of the setting."""
    on_request: tuple[Arm, ...] = ()
    """Arms that are searched only with ``--arms``, because of their requirements or cost."""
    fixed: Mapping[str, object] = field(default_factory=dict)
    """Settings of all trials, as if given with ``--set``."""
    preset: str | None = None
    """Name of the preset of all corpora; None chooses one by the name of each corpus."""
    objectives: tuple[str, ...] = (DEV_F1,)
    """Dev F1, and perhaps a cost to minimise (:mod:`search_spaces.objectives`)."""
    sampler: str = "tpe"
    """``tpe``, ``random``, ``grid`` or another name that :mod:`study.search.open` knows."""
    asha: Asha | None = field(default_factory=Asha)
    """Pruning within an arm; None runs every trial to its end."""
    demo_asha: Asha | None = DEMO_ASHA
    """The same on the demo corpus."""
    budget: int = 30
    """Trials of each arm."""
    demo_budget: int = 6
    """Trials of each arm on the demo corpus."""
    design_points: int = 10
    """Quasi-random points, the same for every arm, that follow the arm's initial settings."""
    points: tuple[Mapping[str, Any], ...] = ()
    """Known settings that every arm tries after its initial ones, which they change."""
    exchange: bool = True
    """Whether each arm's last trials try the best settings of the other arms."""
    hours: float | None = None
    """After this time a trial starts only to make the arms' budgets equal."""
    seed: int = 1000
    """Seed of every trial of the search, and of the sampler."""
    confirm_seeds: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    """Fresh seeds. All candidates run on the first two, the best of them on the others
    (:mod:`study.planning.race`). A grid has the same seeds, so initial settings run once."""
    demo_seeds: int = DEMO_SEEDS
    """How many of them on the demo corpus."""

    def __post_init__(self) -> None:
        _require(bool(self.arms), "arms", self.arms, "at least one")
        _require(bool(self.parameters), "parameters", self.parameters, "at least one")
        _require(self.budget >= 1, "budget", self.budget, "at least 1")
        _require(self.hours is None or self.hours > 0, "hours", self.hours, "positive")
        check_objectives(self.objectives, prunes=self.asha is not None)
        settings = Config().flat()
        for path in self.parameters:
            if path == SELECTION:
                raise SpaceError(f"{self.name}: parameters: {path}: {_DEV_ALONE}")
            if path not in settings or path.startswith(NEVER_SEARCHED):
                raise SpaceError(
                    f"{self.name}: parameters: {path} cannot be searched: it must be a setting, "
                    f"and not one of {', '.join(NEVER_SEARCHED)}, which arms may set"
                )
        if self.seed in self.confirm_seeds:
            raise SpaceError(
                f"seed {self.seed} is the seed of the search, and confirmation requires fresh "
                "seeds: remove it from --seeds"
            )
        if both := self.fixed.keys() & self.parameters.keys():
            raise SpaceError(f"{self.name}: {min(both)} is a parameter and cannot be a setting too")
        paths = list(self.parameters)
        for place, path in enumerate(paths):
            if later := self.parameters[path].when.keys() & set(paths[place:]):
                raise SpaceError(
                    f"{self.name}: parameters: {path} is conditional on {min(later)}; list "
                    f"{min(later)} before it"
                )
        if self.sampler == "grid":
            self.grid()

    def on(self, corpus: str) -> Search:
        """Return the search in the size for a corpus: minutes on the demo corpus."""
        if corpus != "demo":
            return self
        return dataclasses.replace(
            self,
            budget=self.demo_budget,
            asha=self.asha and self.demo_asha,
            confirm_seeds=self.confirm_seeds[: self.demo_seeds],
        )

    def starts(self) -> Grid:
        """Return each arm at the preset's settings with the search's seed: its first trial."""
        return Grid(
            name=self.name,
            title=self.title,
            arms=self.arms,
            on_request=self.on_request,
            seeds=(self.seed,),
            preset=self.preset,
        )

    @property
    def cost(self) -> str | None:
        """Return what the search minimises beside dev F1; None if nothing."""
        return self.objectives[1] if len(self.objectives) > 1 else None

    def every_arm(self) -> tuple[Arm, ...]:
        """Return the arms with those on request, in their order."""
        return (*self.arms, *self.on_request)

    def fixing(self, paths: Collection[str]) -> Search:
        """Return the search without the parameters that a person sets.

        Raises:
            SpaceError: That leaves nothing to search.
        """
        left = {path: p for path, p in self.parameters.items() if path not in paths}
        if not left:
            raise SpaceError(
                f"--set {' '.join(self.parameters)}: fixes every parameter of {self.name}; run a "
                "grid, or leave one parameter free"
            )
        points = tuple({k: v for k, v in point.items() if k in left} for point in self.points)
        return dataclasses.replace(self, parameters=left, points=points)

    def start(self, base: Config) -> dict[str, Any]:
        """Return an arm's own values of the parameters, the first point to try.

        Raises:
            SpaceError: One is outside its distribution, or the epoch is chosen on test.
        """
        flat = base.flat()
        if flat[SELECTION] != "dev":
            raise SpaceError(f"{SELECTION} = {flat[SELECTION]!r}: {_DEV_ALONE}")
        point = {path: flat[path] for path, p in self.parameters.items() if p.applies(flat)}
        for path, value in point.items():
            if not self.parameters[path].tries(value):
                raise SpaceError(
                    f"{path} = {value!r}: a search starts from the arm's value, which "
                    f"is outside the range {self.parameters[path].values} of "
                    f"{self.name}; widen the range, or change the arm's value"
                )
        return point

    def _known_point(self, base: Config, number: int) -> dict[str, Any]:
        """Return a known point with the arm's values of the parameters that it leaves out.

        Raises:
            SpaceError: An arm's value is outside its distribution.
        """
        given = {**base.flat(), **self.points[number]}
        point = self.sample(base, lambda path, _: given[path])
        for path, value in point.items():
            if not self.parameters[path].tries(value):
                raise SpaceError(
                    f"points[{number}] of {self.name}: {path} is missing, and the arm's value "
                    f"{value!r} is outside the range {self.parameters[path].values}; add it to "
                    "the point"
                )
        return point

    def sample(
        self, base: Config, suggest: Callable[[str, BaseDistribution], Any]
    ) -> dict[str, Any]:
        """Choose a value for every parameter that has an effect beside those before it.

        Args:
            base: The arm's settings.
            suggest: Chooses a value from a distribution.
        """
        settings, chosen = base.flat(), dict[str, Any]()
        for path, parameter in self.parameters.items():
            if parameter.applies(settings):
                chosen[path] = settings[path] = suggest(path, parameter.distribution)
        return chosen

    def first_points(self, base: Config) -> list[dict[str, Any]]:
        """Return what is tried before the sampler is asked: start, known points, then the design.

        The design is the same for every arm: quasi-random points, or all points of a grid in a
        random order, so that a small budget sees values of every parameter. A parameter without
        effect at a point is left out of it, and equal points are tried once.

        Args:
            base: The arm's settings.
        """
        start = self.start(base)
        if self.sampler == "grid":
            values = self.grid()
            design = [
                dict(zip(values, chosen, strict=True))
                for chosen in itertools.product(*values.values())
            ]
        else:
            distributions = {path: p.distribution for path, p in self.parameters.items()}
            design = quasi_random_points(distributions, self.design_points, self.seed)

        def effective(point: Mapping[str, Any]) -> dict[str, Any]:
            return self.sample(base, lambda path, _: point[path])

        known = [self._known_point(base, number) for number in range(len(self.points))]
        found = {as_key(point): point for point in [*known, *map(effective, design)]}
        found.pop(as_key(start), None)
        points = list(found.values())
        if self.sampler == "grid":
            random.Random(self.seed).shuffle(points)
        return [start, *points]

    def exchanged(self, arms: int) -> int:
        """Return how many trials of each arm try settings of the others: its last ones.

        Args:
            arms: How many arms are searched together.
        """
        if not self.exchange or self.sampler == "grid":  # a grid has every point
            return 0
        return min(arms - 1, self.budget // 3)

    def adopt(
        self, base: Config, settings: Mapping[str, Any], own: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Return the settings that another arm found, for this arm; None if it has none of them.

        Args:
            base: This arm's settings.
            settings: Parameters of the other arm's trial.
            own: Parameters of this arm's best trial: for those that the other arm does not have.
        """
        flat = base.flat()
        adopted = self.sample(base, lambda path, _: settings.get(path, own.get(path, flat[path])))
        tries = all(self.parameters[path].tries(value) for path, value in adopted.items())
        return adopted if tries and adopted.keys() & settings.keys() else None

    def grid(self) -> dict[str, list[Any]]:
        """Return every value of each parameter, for the grid sampler.

        Raises:
            SpaceError: A parameter has endlessly many, or all of them too many points.
        """
        values = {path: self._values(path) for path in self.parameters}
        points = math.prod(map(len, values.values()))
        if points > MOST_POINTS:
            raise SpaceError(
                f"{self.name}: sampler grid: has {points:,} points, but must have at most "
                f"{MOST_POINTS:,}; use larger steps, or another sampler"
            )
        return {path: list(found) for path, found in values.items()}

    def _values(self, path: str) -> Sequence[Any]:
        match self.parameters[path].distribution:
            case CategoricalDistribution(choices=choices):
                return choices
            case IntDistribution(low=low, high=high, step=step):
                return range(low, high + 1, step)
            case FloatDistribution(low=low, high=high, step=float(step)):
                count = min(round((high - low) / step) + 1, MOST_POINTS + 1)
                return [stepped(low, high, step, k) for k in range(count)]
            case other:
                raise SpaceError(
                    f"{self.name}: {path} = {other}: the grid sampler requires a step or choices"
                )

    def identity(self, arm: Arm) -> dict[str, Any]:
        """Return all that decides which trials of an arm may share one stored search.

        A budget may grow and a confirmation take other seeds; nothing else may change.
        """
        # Older searches had no common design.
        design = {"points": self.design_points, "exchange": self.exchange}
        return {
            **({"design": design} if self.design_points or self.exchange else {}),
            **({"known points": list(map(dict, self.points))} if self.points else {}),
            "arm": dict(arm.overrides),
            **({} if arm.capacity_of is None else {"capacity of": dict(arm.capacity_of)}),
            "parameters": {path: p.to_json() for path, p in self.parameters.items()},
            "fixed": dict(self.fixed),
            "sampler": self.sampler,
            "asha": self.asha and dataclasses.asdict(self.asha),
            "objectives": list(self.objectives),
            "seed": self.seed,
        }


def as_key(point: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    """Return a key that is equal for equal points, despite sums such as 0.30000000000000004."""
    return frozenset((k, round(v, 12) if isinstance(v, float) else v) for k, v in point.items())
