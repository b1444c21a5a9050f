"""Verdicts on published numbers and on claimed orders."""

from __future__ import annotations

import pytest

from reports.stats.intervals import NOTHING, Estimate, estimate
from reports.stats.verdicts import Order, Verdict, order, verdict

OURS = Estimate(3, 86.0, 0.4, 85.0, 87.0)


@pytest.mark.parametrize(
    ("ours", "published", "expected"),
    [
        (OURS, 86.3, Verdict.REPRODUCED),
        (OURS, 87.0, Verdict.REPRODUCED),
        (OURS, 87.04, Verdict.REPRODUCED),  # 87.0 may have been printed for it
        (OURS, 87.1, Verdict.BELOW),
        (OURS, 84.9, Verdict.ABOVE),
        (OURS, None, Verdict.NOTHING_PUBLISHED),
        (estimate([86.0]), 86.0, Verdict.ONE_SEED),
        (NOTHING, 86.0, Verdict.NOT_RUN),
    ],
)
def test_verdict(ours: Estimate, published: float | None, expected: Verdict) -> None:
    assert verdict(ours, published) is expected


def test_an_order_is_judged_by_every_difference_it_is_made_of() -> None:
    above, below = estimate([1.0, 1.2, 1.1]), estimate([-1.0, -1.2, -1.1])
    around = estimate([-1.0, 1.2, 0.1])
    assert order([above]) == order([above, above]) == Order.SUPPORTED
    assert order([above, around]) == order([around]) == Order.UNDECIDED
    assert order([above, around, below]) == Order.CONTRADICTED
    assert order([above, estimate([1.0])]) == Order.ONE_SEED
    assert order([above, NOTHING]) == order([]) == Order.NOT_RUN
