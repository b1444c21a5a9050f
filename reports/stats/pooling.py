"""One estimate from several: a random-effects model over corpora and settings.

Each estimate has its own standard error, and its true value differs from the mean of all by a
normal deviate with standard deviation τ. If τ is 0, the estimates are pooled completely. The larger
τ is, the less an estimate depends on the others.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats
from statsmodels.stats.meta_analysis import combine_effects

from reports.stats.intervals import CONFIDENCE, Estimate
from reports.stats.verdicts import RULE, Floats, Rule, Verdict, Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """The mean effect over estimates, in points."""

    value: float
    se: float
    """Hartung and Knapp's standard error, at least that of the random-effects weights."""
    tau: float
    """sd of the true effects between the estimates (Paule and Mandel)."""
    tau_low: float
    """Lower end of the 95 % confidence interval of τ."""
    tau_high: float
    shrunk: tuple[Estimate, ...]
    """Each estimate, shrunk to the mean as if τ were known (empirical Bayes)."""

    @property
    def n(self) -> int:
        """Return the number of estimates."""
        return len(self.shrunk)

    @property
    def df(self) -> int:
        """Return the degrees of freedom: estimates minus one."""
        return self.n - 1

    @property
    def found(self) -> Estimate:
        """Return the mean with its 95 % t interval."""
        half = self._half(CONFIDENCE)
        return Estimate(self.n, self.value, self.tau, self.value - half, self.value + half)

    @property
    def p(self) -> float:
        """Return the two-sided p of no mean effect."""
        return float(2 * stats.t.sf(abs(self.value) / self.se, self.df))

    def verdict(self, rule: Rule = RULE) -> Verdict:
        """Judge the mean effect by the scale of all comparisons; equality is tested first."""
        half = self._half(1 - 2 * rule.level)
        word = Word.UNDECIDED
        if self.value - half > -rule.margin and self.value + half < rule.margin:
            word = Word.EQUAL
        elif self.p < rule.level:
            word = Word.BETTER if self.value > 0 else Word.WORSE
        return Verdict(word, rule.margin)

    def _half(self, confidence: float) -> float:
        return float(stats.t.ppf((1 + confidence) / 2, self.df)) * self.se


def pool(values: Sequence[float], errors: Sequence[float]) -> Pooled:
    """Pool estimates that share no runs.

    Args:
        values: The estimates, in points.
        errors: Their standard errors.

    Raises:
        ValueError: Fewer than two estimates, or an error that is not positive.

    Examples:
        >>> found = pool([0.5, 1.1, 1.6], [0.2, 0.15, 0.2])
        >>> f"{found.value:.2f} ± {found.se:.2f}, tau {found.tau:.2f}, {found.verdict()}"
        '1.07 ± 0.31, tau 0.51, undecided'
    """
    effects, variances = np.asarray(values, float), np.asarray(errors, float) ** 2
    if len(effects) < 2 or not (variances > 0).all():
        raise ValueError("pooling requires two estimates or more, each with a standard error")
    with warnings.catch_warnings():
        # About the intervals of single estimates, which are not used.
        warnings.simplefilter("ignore")
        combined = combine_effects(effects, variances, method_re="iterated", use_t=True)
    mean, tau2 = float(combined.mean_effect_re), max(float(combined.tau2), 0.0)
    # With few estimates that agree by chance, Hartung and Knapp's error alone would be too small.
    se = math.sqrt(max(float(combined.var_hksj_re), float(combined.var_eff_w_re)))
    shrunk = []
    for value, variance in zip(effects, variances, strict=True):
        own = tau2 / (tau2 + variance)
        center = mean + own * (value - mean)
        sd = math.sqrt(own * variance + (1 - own) ** 2 * se**2)
        half = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * sd
        shrunk.append(Estimate(1, float(center), sd, float(center - half), float(center + half)))
    low, high = _tau_interval(effects, variances)
    return Pooled(
        value=mean,
        se=se,
        tau=math.sqrt(tau2),
        tau_low=low,
        tau_high=high,
        shrunk=tuple(shrunk),
    )


def _tau_interval(effects: Floats, variances: Floats) -> tuple[float, float]:
    """Return the 95 % confidence interval of τ: those whose Q is not extreme (Q profile).

    Q is Σ v (effect − mean)² with the weights v = 1 / (τ² + variance). If τ is the true one, Q has
    a χ² distribution with as many degrees of freedom as estimates, minus one. Q falls as τ grows.

    References:
        Viechtbauer (2007), "Confidence intervals for the amount of heterogeneity in meta-analysis".
    """

    def excess(tau2: float, limit: float) -> float:
        weights = 1 / (variances + tau2)
        mean = np.average(effects, weights=weights)
        return float((weights * (effects - mean) ** 2).sum()) - limit

    ends = []
    for share in ((1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2):
        limit = float(stats.chi2.ppf(share, len(effects) - 1))
        most = float(((effects - effects.mean()) ** 2).sum()) / limit  # Q is at most this / τ²
        found = 0.0
        if excess(0.0, limit) > 0:
            found = optimize.brentq(excess, 0.0, most, args=(limit,))
        ends.append(math.sqrt(found))
    return ends[0], ends[1]
