"""F1 of counts, a bootstrap over seeds and test sentences, and Holm's correction.

All scores are in points, 0 to 100.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from statsmodels.stats.multitest import multipletests

from reports.stats.intervals import CONFIDENCE, Array

_RESAMPLES = 2000


def f1(counts: Array) -> Array:
    """Return F1 in points from counts of correct, predicted and gold triples.

    F1 is 0 where nothing is predicted and nothing is gold, as in training.

    Args:
        counts: Shape [..., 3].
    """
    total = counts[..., 1] + counts[..., 2]
    scores: Array = 200 * counts[..., 0] / np.maximum(total, 1)
    return scores


def resampled_f1(counts: Sequence[Array]) -> list[Array]:
    """Return F1 of some runs on resampled test sentences, the same sentences for all runs.

    Args:
        counts: For each run, the counts of correct, predicted and gold triples by sentence [N, 3].

    Returns:
        For each run, F1 on each of 2,000 resamples.
    """
    if not counts:
        return []
    sentences = len(counts[0])
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(sentences, np.full(sentences, 1 / sentences), size=_RESAMPLES)
    times = drawn.astype(float)  # matrix products of integers are slow
    return [f1(times @ own) for own in counts]


def bootstrap_interval(ours: Sequence[Array], reference: Sequence[Array]) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two arms, for other seeds and sentences.

    Beside the sentences, each resample draws runs of each arm. Of n runs, n − 1 are drawn: the
    variance of a mean of resampled runs is then that of a mean of n new ones.

    Args:
        ours: F1 of each run on the resampled sentences, see :func:`resampled_f1`.
        reference: The same for the other arm.

    Returns:
        Percentiles; NaN with fewer than two runs of an arm.

    References:
        Rao and Wu (1988), "Resampling Inference with Complex Survey Data".
    """
    if min(len(ours), len(reference)) < 2:
        return math.nan, math.nan
    rng = np.random.default_rng(1)

    def means(runs: Sequence[Array]) -> Array:
        n = len(runs)
        times = rng.multinomial(n - 1, np.full(n, 1 / n), size=_RESAMPLES)
        return np.asarray((times.T * np.stack(runs)).sum(axis=0) / (n - 1))

    ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    low, high = np.quantile(means(ours) - means(reference), ends)
    return float(low), float(high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm-corrected p values; NaN stays NaN and does not count as a test.

    References:
        Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure".

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    kept = [place for place, p in enumerate(p_values) if not math.isnan(p)]
    corrected = [math.nan] * len(p_values)
    if kept:
        values = multipletests([p_values[place] for place in kept], method="holm")[1]
        for place, value in zip(kept, values, strict=True):
            corrected[place] = float(value)
    return corrected
