"""Quasi-random points: inside the space, spread evenly, the same each time."""

import numpy as np
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from search_spaces.design import quasi_random_points, value_at
from search_spaces.search import Parameter

SPACE: dict[str, BaseDistribution] = {
    "rate": FloatDistribution(1e-4, 1e-2, log=True),
    "dropout": FloatDistribution(0.0, 0.6),
    "step": FloatDistribution(0.1, 0.4, step=0.1),
    "rounds": IntDistribution(0, 3),
    "width": IntDistribution(60, 260, step=4),
    "batch": IntDistribution(10, 100, log=True),
    "cell": CategoricalDistribution(["gru", "rnn"]),
}


@pytest.mark.parametrize("name", SPACE)
def test_values_fill_a_distribution(name: str) -> None:
    values = [value_at(SPACE[name], u) for u in np.linspace(0, 1, 4001)[:-1].tolist()]
    distribution = SPACE[name]
    assert all(Parameter(distribution).tries(value) for value in values)
    if isinstance(distribution, CategoricalDistribution):
        assert set(values) == set(distribution.choices)
        return
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    assert values == sorted(values)
    assert min(values) == distribution.low
    assert max(values) == pytest.approx(distribution.high, rel=1e-2)


def test_half_of_the_points_lie_below_the_middle() -> None:
    points = quasi_random_points(SPACE, 32, seed=1000)
    assert sum(point["rate"] < 1e-3 for point in points) == pytest.approx(16, abs=2)
    assert sum(point["cell"] == "gru" for point in points) == pytest.approx(16, abs=2)


def test_points_depend_on_the_seed_alone() -> None:
    points = quasi_random_points(SPACE, 8, seed=1)
    assert quasi_random_points(SPACE, 8, seed=1) == points
    assert quasi_random_points(SPACE, 20, seed=1)[:8] == points
    assert quasi_random_points(SPACE, 8, seed=2) != points
    assert quasi_random_points(SPACE, 0, seed=1) == []
