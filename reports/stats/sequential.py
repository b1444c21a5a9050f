"""A group-sequential plan: look at the scores after some seeds, and stop what is decided.

Looking several times at one level would find too much. So the level is spent over the looks (Lan
and DeMets): each look has its own, smaller level, and together they make at most the level of one
test. Holm's correction over the contrasts works at each look: what a decided contrast no longer
needs goes to the others (Maurer and Bretz).

Three bounds stop a contrast:

- *efficacy*: the contrast is not 0, better or worse;
- *equivalence*: both one-sided tests show that it lies within the margin;
- *futility*: given the runs so far, the chance of either at the last look is below 5 %. The other
  two bounds do not count on this one, so a study may go on against it.

A contrast also stops, without being judged, if no run of its arms has learned anything. What no
bound has stopped at the last look stays undecided.

The levels hold for arms of one variance, or of as many variances as the tests in
:mod:`reports.stats.model` notice: ``python -m benchmarks.decide`` says what is left otherwise.

An arm gets no further seeds once all of its contrasts have stopped.

References:
    Lan and DeMets (1983), "Discrete Sequential Boundaries for Clinical Trials".
    Hwang, Shih and De Cani (1990), "Group sequential designs using a family of type I error
    probability spending functions".
    Maurer and Bretz (2013), "Multiple Testing in Group Sequential Trials Using Graphical
    Approaches".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from reports.stats.model import Difference, contrast, residual
from reports.stats.verdicts import RULE, Floats, Rule, decision_chance

#: Seeds of an arm at each look.
LOOKS = (5, 7, 10, 14, 20)
#: A contrast with a smaller chance to be decided by the last look stops.
FUTILE = 0.05
#: Parameter of the spending function of Hwang, Shih and De Cani. 1 spends nearly as Pocock does, so
#: that a large difference is found at the first looks. −4 spends nearly as O'Brien and Fleming do:
#: few seeds cannot show equality, so the level is kept for the last looks.
EFFICACY_GAMMA = 1.0
EQUIVALENCE_GAMMA = -4.0
_GRID = 401


def spent(level: float, time: float, gamma: float) -> float:
    """Return the level spent by an information time from 0 to 1 (Hwang, Shih and De Cani).

    Examples:
        >>> spent(0.05, 1.0, -4.0), round(spent(0.05, 0.5, -4.0), 4)
        (0.05, 0.006)
    """
    if not gamma:
        return level * time
    return level * math.expm1(-gamma * time) / math.expm1(-gamma)


@cache
def nominal_levels(
    level: float, times: tuple[float, ...], gamma: float, sides: int
) -> tuple[float, ...]:
    """Return the level of the test at each look.

    The test statistic times √t is a Brownian motion in the information time t. The density of the
    paths that no look has stopped is carried from look to look on a grid.

    Args:
        level: Of all looks together.
        times: Information at each look as a share of that at the last one, increasing to 1.
        gamma: Of the spending function, see :func:`spent`.
        sides: 1 or 2, of the test.

    Examples:
        >>> [round(p, 4) for p in nominal_levels(0.05, (0.5, 1.0), -4.0, 2)]
        [0.006, 0.0476]
    """
    levels: list[float] = []
    before, grid, density = 0.0, np.zeros(1), np.ones(1)
    for time in times:
        step, budget = math.sqrt(time - before), spent(level, time, gamma)
        budget -= spent(level, before, gamma)
        end = optimize.brentq(_excess, 0.0, 12.0, args=(grid, density, step, sides, budget))
        levels.append(sides * float(stats.norm.sf(end / math.sqrt(time))))
        start = -end if sides == 2 else -9.0 * math.sqrt(time)
        new, width = np.linspace(start, end, _GRID, retstep=True)
        weights = np.full(_GRID, float(width))
        weights[[0, -1]] /= 2  # the trapezoidal rule
        density = weights * (stats.norm.pdf(new[:, None], grid, step) @ density)
        grid, before = new, time
    return tuple(levels)


def _excess(
    end: float, grid: Floats, density: Floats, step: float, sides: int, budget: float
) -> float:
    """Return the probability to cross ``end`` at this look, minus what it may be."""
    crossed = stats.norm.sf(end, grid, step)
    if sides == 2:
        crossed = crossed + stats.norm.cdf(-end, grid, step)
    return float(density @ crossed) - budget


class State(IntEnum):
    """What has become of a contrast."""

    OPEN = 0
    BETTER = 1
    WORSE = 2
    EQUAL = 3
    FUTILE = 4
    NOTHING_LEARNED = 5


States = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Plan:
    """The looks and how the level is spent over them."""

    rule: Rule = RULE
    looks: tuple[int, ...] = LOOKS
    efficacy_gamma: float = EFFICACY_GAMMA
    equivalence_gamma: float = EQUIVALENCE_GAMMA
    futile: float = FUTILE

    def levels(self, contrasts: int) -> tuple[Floats, Floats]:
        """Return the levels of both tests by number of contrasts left and by look.

        Returns:
            Of the two-sided test of no difference, and of each one-sided test of equality: arrays
            [contrasts + 1, looks]. Row 0 is not used.
        """
        times = tuple(look / self.looks[-1] for look in self.looks)
        tables = np.zeros((2, contrasts + 1, len(self.looks)))
        for left in range(1, contrasts + 1):
            share = self.rule.level / left
            tables[0, left] = nominal_levels(share, times, self.efficacy_gamma, 2)
            tables[1, left] = nominal_levels(share, times, self.equivalence_gamma, 1)
        return tables[0], tables[1]

    def look(self, number: int, value: Floats, se: Floats, df: Floats, states: States) -> States:
        """Return the states of all contrasts after a look.

        Args:
            number: Of the look, from 0.
            value: The estimates, for S studies and C contrasts [S, C]; NaN if there is none.
            se: Their standard errors [S, C].
            df: Degrees of freedom [S, 1] or [S, C].
            states: Before the look [S, C].
        """
        differs, equals = self.levels(value.shape[1])
        states = states.copy()
        with np.errstate(invalid="ignore", divide="ignore"):  # runs may all be alike
            p = 2 * stats.t.sf(np.abs(value) / se, df)
            p_equal = stats.t.sf((self.rule.margin - np.abs(value)) / se, df)
        for _ in range(value.shape[1]):  # each rejection may leave more level for the others
            left = self._left(states, (State.EQUAL,))
            states[(states == State.OPEN) & (p_equal < equals[left, number])] = State.EQUAL
            left = self._left(states, (State.BETTER, State.WORSE))
            found = (states == State.OPEN) & (p < differs[left, number])
            states[found] = np.where(value[found] > 0, State.BETTER, State.WORSE)
        if self.looks[number] < self.looks[-1]:  # after the last look there is nothing to save
            chance = self.chance(number, value, se, df, states)
            states[(states == State.OPEN) & (chance < self.futile)] = State.FUTILE
        return states

    def used_levels(self, number: int, states: States) -> tuple[Floats, Floats]:
        """Return the levels of both tests that each contrast was judged at.

        Args:
            number: Of the look, from 0.
            states: After the look [S, C].

        Returns:
            Of the two-sided test of no difference, and of each one-sided test of equality [S, C].
        """
        levels = []
        rejected = ((State.BETTER, State.WORSE), (State.EQUAL,))
        for table, kinds in zip(self.levels(states.shape[1]), rejected, strict=True):
            own = np.isin(states, kinds)
            others = own.sum(axis=1, keepdims=True) - own  # one's own rejection frees no level
            levels.append(np.asarray(table[states.shape[1] - others, number]))
        return levels[0], levels[1]

    @staticmethod
    def _left(states: States, rejected: tuple[State, ...]) -> NDArray[np.int64]:
        """Count the hypotheses of a kind that are not rejected [S, 1]; at least 1."""
        count = np.isin(states, rejected).sum(axis=1, keepdims=True)
        return np.asarray(np.maximum(states.shape[1] - count, 1))

    def chance(
        self,
        number: int,
        value: Floats,
        se: Floats,
        df: Floats,
        states: States,
        later: int = -1,
    ) -> Floats:
        """Return the chance of each contrast to be decided at a later look; 0 after the last.

        Args:
            number: Of the look, from 0.
            value: The estimates [S, C].
            se: Their standard errors [S, C].
            df: Degrees of freedom [S, 1] or [S, C].
            states: After the look [S, C].
            later: Number of the later look; by default the last.
        """
        now, then = self.looks[number], self.looks[later]
        if now == self.looks[-1]:
            return np.zeros_like(value)
        differs, equals = self.levels(value.shape[1])
        left = self._left(states, (State.BETTER, State.WORSE))
        levels = differs[left, later], equals[self._left(states, (State.EQUAL,)), later]
        later_se = se * math.sqrt(now / then)
        return decision_chance(value, se, later_se, df * then / now, self.rule.margin, levels)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a look said about one contrast that was open before it."""

    found: Difference
    margin: float
    """Of equality, in points."""
    level: float
    """Of the two-sided test of no difference, at this look."""
    level_equal: float
    """Of each one-sided test of equality, at this look."""
    chance: float
    """To be decided by the last look."""
    chance_next: float
    """To be decided at the next look."""
    state: State

    @property
    def efficacy(self) -> float:
        """Return the bound of *better* and *worse*: an estimate beyond ± this is not 0."""
        return float(stats.t.isf(self.level / 2, self.found.df) * self.found.se)

    @property
    def equivalence(self) -> float:
        """Return the bound of *equal*: an estimate within ± this is. If negative, none is."""
        return float(self.margin - stats.t.isf(self.level_equal, self.found.df) * self.found.se)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the scores."""

    seeds: int
    """Of each arm that was running."""
    outcomes: Mapping[int, Outcome]
    """By the contrast's place in the list; those that were open before."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a study has decided so far, and which arms need more seeds."""

    states: tuple[State, ...]
    """Of each contrast."""
    seeds: Mapping[str, int]
    """How many seeds each arm of a contrast has, or needs for the next look."""
    looks: tuple[Look, ...] = ()

    @property
    def open(self) -> tuple[int, ...]:
        """Return the places of the contrasts that are not decided."""
        return tuple(k for k, state in enumerate(self.states) if state == State.OPEN)


def progress(
    scores: Mapping[str, Sequence[float]],
    contrasts: Sequence[Mapping[str, float]],
    plan: Plan | None = None,
    learned: Mapping[str, Sequence[bool]] | None = None,
) -> Progress:
    """Look at the scores as the plan says, from the first look on.

    A look uses the first seeds of each arm, as many as the plan had it run, and not the further
    ones. So the result does not depend on when this is called, or on what else was run.

    Args:
        scores: The scores of each arm in the order of its seeds, without a gap, in points.
        contrasts: The weights of the arms, which are not empty.
        plan: The looks and the rule.
        learned: Whether each run learned anything; by default if its score is above 0.
    """
    plan = plan or Plan()
    states = np.full((1, len(contrasts)), State.OPEN, dtype=np.int8)
    seeds: dict[str, int] = {}
    looks: list[Look] = []
    for number, look in enumerate(plan.looks):
        was_open = [k for k, state in enumerate(states[0]) if state == State.OPEN]
        seeds |= {arm: look for k in was_open for arm, weight in contrasts[k].items() if weight}
        if not was_open or any(len(scores.get(arm, ())) < n for arm, n in seeds.items()):
            break
        seen = {arm: scores[arm][:n] for arm, n in seeds.items()}
        weighted = [{arm: w for arm, w in own.items() if w} for own in contrasts]
        flags = learned or scores
        unlearned = [arm for arm, n in seeds.items() if not any(flags[arm][:n])]
        pooled = residual([own for arm, own in seen.items() if arm not in unlearned])
        found = [contrast(seen, own, pooled, unlearned) for own in weighted]
        for k in was_open:
            if not found[k].learned:
                states[0, k] = State.NOTHING_LEARNED
        value, se, df = (
            np.array([[getattr(one, name) for one in found]]) for name in ("value", "se", "df")
        )
        states = plan.look(number, value, se, df, states)
        level, level_equal = plan.used_levels(number, states)
        later = min(number + 1, len(plan.looks) - 1)
        chance, chance_next = (
            plan.chance(number, value, se, df, states, then) for then in (-1, later)
        )
        outcomes = {
            k: Outcome(
                found[k],
                plan.rule.margin,
                float(level[0, k]),
                float(level_equal[0, k]),
                float(chance[0, k]),
                float(chance_next[0, k]),
                State(int(states[0, k])),
            )
            for k in was_open
        }
        looks.append(Look(look, outcomes))
    return Progress(tuple(State(int(s)) for s in states[0]), seeds, tuple(looks))
