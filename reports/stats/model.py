"""The model of the scores: one mean for each arm, and one residual variance for all of them.

F1 of a run = mean of its arm + residual. Equal seeds do not make the runs of two arms alike, so
nothing is paired by seed. Two tests decide whether one variance may stand for all arms. They see
little with five runs of an arm: if one arm has twice the standard deviation of ten others, they
notice it in 37 % of cases, with ten runs in 69 %. All scores are in points, 0 to 100.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reports.stats.intervals import CONFIDENCE

#: A test of equal variances below this p forbids the pooled variance.
UNEQUAL = 0.05
_MOST_SPLITS = 20_000
_RESAMPLES = 9_999


@dataclass(frozen=True, slots=True)
class Residual:
    """The residual standard deviation of a corpus and an endpoint, pooled over arms."""

    sd: float
    """In points; NaN without two runs of an arm."""
    df: int
    """Degrees of freedom: runs minus arms."""
    arms: int
    """Number of arms with two runs or more."""
    p_equal_variances: float
    """p of the Brown-Forsythe test that the arms have one variance; NaN if it cannot be tested."""
    p_largest: float = math.nan
    """p of the F test that no arm varies more than the others together, times the number of arms.
    It sees what Brown and Forsythe's does not: a single run far from the others of its arm."""

    @property
    def is_pooled(self) -> bool:
        """Whether contrasts use this variance, and not the variance of each arm (Welch)."""
        return not (self.p_equal_variances < UNEQUAL or self.p_largest < UNEQUAL)


def residual(arms: Collection[Sequence[float]]) -> Residual:
    """Pool the variance within arms.

    Args:
        arms: The scores of each arm, one for each run. Arms with one run say nothing. Nor do arms
            that learned nothing: their scores are 0 with every seed.

    Examples:
        >>> found = residual([[86.0, 87.0, 88.0], [80.0, 82.0]])
        >>> f"{found.sd:.3f} with {found.df} degrees of freedom"
        '1.155 with 3 degrees of freedom'
    """
    groups = [np.asarray(scores, dtype=float) for scores in arms if len(scores) > 1 and any(scores)]
    if not groups:
        return Residual(math.nan, 0, 0, math.nan)
    dfs = np.array([len(g) - 1 for g in groups])
    squares = np.array([float(((g - g.mean()) ** 2).sum()) for g in groups])
    df, sd = int(dfs.sum()), math.sqrt(float(squares.sum()) / int(dfs.sum()))
    p = largest = math.nan
    if len(groups) > 1 and sd:
        # With fewer than three runs, the distances from the median are equal within each arm.
        if max(dfs) > 1:
            p = float(stats.levene(*groups, center="median").pvalue)
        with np.errstate(divide="ignore"):  # the other arms may all be constant
            ratios = (squares / dfs) / ((squares.sum() - squares) / (df - dfs))
        largest = min(1.0, len(groups) * float(stats.f.sf(ratios, dfs, df - dfs).min()))
    return Residual(sd, df, len(groups), p, largest)


@dataclass(frozen=True, slots=True)
class Term:
    """What one arm adds to the variance of a contrast: weight² · variance / n."""

    weight: float
    n: int
    """Number of runs."""
    variance: float
    """Of one run, in squared points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The estimate of a contrast: a weighted sum of means, and how uncertain it is.

    An arm with one run has an estimate, but no interval and no p.

    Examples:
        >>> scores = {"a": [86.0, 87.0, 88.0], "b": [84.0, 85.0, 86.0]}
        >>> found = contrast(scores, {"a": 1, "b": -1}, residual(scores.values()))
        >>> f"{found.value:.1f}, SE {found.se:.2f}, {found.low:.1f} to {found.high:.1f}"
        '2.0, SE 0.82, -0.3 to 4.3'
    """

    value: float
    """In points; NaN if an arm has no run."""
    df: float
    terms: tuple[Term, ...]
    fixed: float = 0.0
    """The part of the variance that further runs of ours do not reduce."""
    learned: bool = True
    """Whether a run of the contrast learned anything. Otherwise there is nothing to compare."""

    @property
    def n(self) -> int:
        """Return the smallest number of runs of an arm."""
        return min((term.n for term in self.terms), default=0)

    @property
    def se(self) -> float:
        """Return the standard error: √(Σ weight² · variance / n), and what is fixed."""
        return math.sqrt(self.fixed + sum(t.weight**2 * t.variance / t.n for t in self.terms))

    @property
    def low(self) -> float:
        """Return the lower end of the 95 % confidence interval."""
        return self.value - self._half

    @property
    def high(self) -> float:
        """Return the upper end of the 95 % confidence interval."""
        return self.value + self._half

    @property
    def _half(self) -> float:
        if self.n < 2 or not self.learned:
            return math.nan
        return float(stats.t.ppf((1 + CONFIDENCE) / 2, self.df)) * self.se

    @property
    def p(self) -> float:
        """Return the two-sided p of the t test that the contrast is 0."""
        return 2 * self._tail(abs(self.value))

    def p_equal(self, margin: float) -> float:
        """Return p of the two one-sided tests (TOST) that the contrast is outside ± margin."""
        return self._tail(margin - abs(self.value))

    def _tail(self, distance: float) -> float:
        """Return the probability of an estimate at least so far above its true value."""
        if self.n < 2 or math.isnan(self.df) or math.isnan(self.se) or not self.learned:
            return math.nan
        if not self.se:
            return 0.5 if not distance else float(distance < 0)
        return float(stats.t.sf(distance / self.se, self.df))


NO_DIFFERENCE = Difference(value=math.nan, df=math.nan, terms=())


def contrast(
    scores: Mapping[str, Sequence[float]],
    weights: Mapping[str, float],
    pooled: Residual,
    unlearned: Collection[str] = (),
) -> Difference:
    """Estimate a weighted sum of the arms' means.

    Args:
        scores: The scores of each arm, one for each run.
        weights: Of the arms.
        pooled: The residual. If it is not pooled, each arm has its own variance, and the degrees
            of freedom are Welch's.
        unlearned: Arms whose runs all learned nothing. Those whose scores are all 0 count, too.

    Returns:
        :data:`NO_DIFFERENCE` if an arm has no run. Without a variance, its interval and its p
        values are NaN.
    """
    if not weights or any(not len(scores.get(arm, ())) for arm in weights):
        return NO_DIFFERENCE
    samples = {arm: np.asarray(scores[arm], dtype=float) for arm in weights}
    value = sum(weight * float(samples[arm].mean()) for arm, weight in weights.items())
    own = {arm: float(s.var(ddof=1)) if len(s) > 1 else math.nan for arm, s in samples.items()}
    variances = dict.fromkeys(weights, pooled.sd**2) if pooled.is_pooled else own
    terms = tuple(Term(w, len(samples[arm]), variances[arm]) for arm, w in weights.items() if w)
    df = float(pooled.df) if pooled.is_pooled else _welch(terms)
    learned = any(w and arm not in unlearned and samples[arm].any() for arm, w in weights.items())
    return Difference(value=value, df=df or math.nan, terms=terms, learned=bool(learned))


def _welch(terms: Sequence[Term]) -> float:
    """Return the degrees of freedom of Welch and Satterthwaite; all where no run differs."""
    if not any(t.variance for t in terms):
        return float(sum(t.n - 1 for t in terms)) or math.nan
    parts = [(t.weight**2 * t.variance / t.n, t.n - 1) for t in terms]
    below = sum(part**2 / df for part, df in parts if df)
    return sum(part for part, _ in parts) ** 2 / below if below else math.nan


#: Variance of a rounding to one decimal, as the paper prints scores.
_ROUNDING = 0.1**2 / 12


def against(ours: Difference, published: float, spread: Sequence[float] = ()) -> Difference:
    """Return our estimate minus a published one, whose uncertainty further runs do not reduce.

    Args:
        ours: Our mean, or a contrast of means.
        published: The same as published, in points with one decimal for each mean.
        spread: The variance of each published mean of the sum, in the order of ``ours.terms``; none
            takes the published numbers as exact.
    """
    weights = [term.weight**2 for term in ours.terms]
    fixed = sum(weights) * _ROUNDING
    fixed += sum(w * v for w, v in zip(weights, spread, strict=True)) if spread else 0
    return replace(ours, value=ours.value - published, fixed=fixed)


def permutation_p(scores: Mapping[str, Sequence[float]], weights: Mapping[str, float]) -> float:
    """Return the two-sided p of a permutation test that all arms of a contrast are alike.

    It moves the runs between the arms and assumes no distribution: a check of the t test beside
    it. With two arms and up to 20,000 splits it is exact: 5 and 5 runs have 252, so the smallest p
    is 0.0079. Otherwise p comes from 9,999 random permutations.

    Returns:
        NaN if an arm has fewer than two runs.
    """
    used = {arm: np.asarray(scores.get(arm, ()), float) for arm, w in weights.items() if w}
    if not used or min(map(len, used.values())) < 2:
        return math.nan
    share = np.concatenate([np.full(len(s), weights[arm] / len(s)) for arm, s in used.items()])
    values = np.concatenate(list(used.values()))
    sides = [values[share > 0], values[share < 0]]
    rng = np.random.default_rng(0)
    if len(used) == 2 and math.comb(len(values), len(sides[0])) <= _MOST_SPLITS:
        found = stats.permutation_test(
            sides,
            lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
            vectorized=True,
            n_resamples=_MOST_SPLITS,
            rng=rng,
        )
        return float(found.pvalue)
    observed = abs(share @ values)
    draws: NDArray[np.float64] = rng.permuted(np.tile(values, (_RESAMPLES, 1)), axis=1)
    # The tolerance counts permutations that equal the observed one up to rounding.
    extreme = int((np.abs(draws @ share) >= observed - 1e-9).sum())
    return (extreme + 1) / (_RESAMPLES + 1)
