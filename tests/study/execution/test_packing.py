"""How many trials fit on nodes, and what memory they ask for; no Ray."""

import math

import pytest

from study.execution.packing import memory_limits, slots

SMALL = {"CPU": 1.0, "memory": 2e9, "node:10.0.0.1": 1.0}
LARGE = {"CPU": 8.0, "GPU": 2.0, "memory": 3e10}
HEAD = {"memory": 6e10}


@pytest.mark.parametrize(
    ("nodes", "cpus", "gpus", "fits"),
    [
        ([SMALL, SMALL], 2, 0, 0),  # two halves are no room
        ([SMALL, SMALL, LARGE], 2, 0, 4),
        ([SMALL, LARGE], 1, 0.5, 4),
        ([LARGE], 0.1, 0.1, 20),
        ([LARGE], 0.1, 0.4, 4),  # a share lies on one card: two on each, and 0.2 of both is none
        ([LARGE], 0.1, 0.6, 2),
        ([LARGE], 0.1, 1, 2),
        ([HEAD], 1, 0, 0),
        ([], 1, 0, 0),
    ],
)
def test_trials_fit_on_single_nodes(nodes, cpus, gpus, fits):
    assert slots(nodes, {"CPU": cpus, "GPU": gpus}) == fits


def test_memory_goes_by_the_nodes_that_have_room():
    trial = {"CPU": 2, "GPU": 0}
    assert memory_limits([SMALL, LARGE, HEAD], trial) == (3e10 / 4, 3e10)
    assert memory_limits([HEAD], trial) == (math.inf, math.inf)
