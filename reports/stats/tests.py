"""Tests of a difference between two arms, over seeds and over test sentences.

They answer two different questions. :func:`paired_difference`: would other *seeds* give the same
result? :func:`sentence_difference`: would other test *sentences*? All scores are in points, 0 to
100.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from reports.stats.intervals import CONFIDENCE, NOTHING, Array, Estimate, estimate

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference between two arms, with the p value of a test that there is none."""

    estimate: Estimate
    """The mean difference, in points."""
    p: float
    """Two-sided; NaN if nothing can be tested."""


def paired_difference(ours: Mapping[int, float], reference: Mapping[int, float]) -> Difference:
    """Compare two arms on the seeds that both have finished.

    The test is the exact sign-flip permutation test: it flips the sign of each seed's difference
    in all 2ⁿ ways and assumes no distribution. Its smallest possible p is 2 / 2ⁿ: 0.25 with three
    seeds, 0.0625 with five. Fewer than six seeds can therefore never reach p < 0.05.

    Args:
        ours: Score by seed, in points.
        reference: Score by seed of the arm to compare with, in points.

    Examples:
        >>> ours, reference = {0: 87.0, 1: 88.0, 2: 86.0}, {0: 86.0, 1: 86.0, 2: 85.5}
        >>> found = paired_difference(ours, reference)
        >>> round(found.estimate.mean, 2), found.p
        (1.17, 0.25)
    """
    seeds = sorted(ours.keys() & reference.keys())
    differences = np.array([ours[seed] - reference[seed] for seed in seeds])
    p = math.nan
    if len(seeds) >= 2:
        # The test is exact while the 2ⁿ sign flips are fewer than n_resamples.
        test = stats.permutation_test(
            (differences,),
            np.mean,
            permutation_type="samples",
            vectorized=True,
            n_resamples=9999,
            rng=np.random.default_rng(0),
        )
        p = float(test.pvalue)
    return Difference(estimate(differences), p)


def f1(counts: Array) -> Array:
    """Return F1 in points from counts of correct, predicted and gold triples.

    F1 is 0 where nothing is predicted and nothing is gold, as in training.

    Args:
        counts: Shape [..., 3].
    """
    total = counts[..., 1] + counts[..., 2]
    scores: Array = 200 * counts[..., 0] / np.maximum(total, 1)
    return scores


def sentence_difference(ours: Sequence[Array], reference: Sequence[Array]) -> Difference:
    """Compare two arms by resampling the test sentences (paired bootstrap).

    With one run for each arm this is the usual test of two systems. With several seeds, each
    seed's F1 is computed on the same resampled sentences, and the means over seeds are compared.
    The result does not show what other seeds would give.

    Args:
        ours: For each seed, the counts of correct, predicted and gold triples by sentence [N, 3].
        reference: The same for the other arm, with seeds and sentences in the same order.

    Returns:
        The difference on the original sentences with its 95 % percentile interval. ``p`` is
        computed from the share of resamples on the other side of 0, ``sd`` is the standard
        deviation over resamples and ``n`` the number of sentences.

    References:
        Berg-Kirkpatrick, Burkett and Klein (2012), "An Empirical Investigation of
        Statistical Significance in NLP".
    """
    both = np.stack([np.stack(ours), np.stack(reference)])  # [2, seeds, N, 3]
    sentences = both.shape[2]
    if sentences < 2:
        return Difference(NOTHING, math.nan)

    def difference(rows: Array, axis: int = -1) -> Array:
        means = f1(both[:, :, rows].sum(axis=axis - 1)).mean(axis=1)
        return np.asarray(means[0] - means[1])

    observed = float(difference(np.arange(sentences)))
    drawn = stats.bootstrap(
        (np.arange(sentences),),
        difference,
        n_resamples=_RESAMPLES,
        batch=50,
        vectorized=True,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    ends = drawn.confidence_interval
    far = min((drawn.bootstrap_distribution <= 0).sum(), (drawn.bootstrap_distribution >= 0).sum())
    p = min(1.0, 2 * (int(far) + 1) / (_RESAMPLES + 1))
    sd = float(drawn.standard_error)
    return Difference(Estimate(sentences, observed, sd, float(ends.low), float(ends.high)), p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm-corrected p values; NaN stays NaN and does not count as a test.

    References:
        Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure".

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    tests = sorted((p, index) for index, p in enumerate(p_values) if not math.isnan(p))
    corrected = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(tests):
        # The procedure stops at the first test that it does not reject, so a corrected p is never
        # below that of a smaller p.
        largest = max(largest, min(1.0, (len(tests) - rank) * p))
        corrected[index] = largest
    return corrected
