"""The chaos suite in a short form; ``make chaos`` is the long one."""

import pytest

from tests.chaos.faults import FAULTS, available
from tests.chaos.suite import plan, torments

SHORT = [
    "kill a trial",
    "start a second driver",
    "corrupt a checkpoint",
    "fill the disk",
    "kill the mlflow server",
]
SEEDS = 2


@pytest.mark.ray
@pytest.mark.timeout(900)
@pytest.mark.skipif(bool(available()), reason=available())
def test_a_study_comes_to_the_same_end_whatever_breaks(tmp_path):
    done = []
    for story in torments(tmp_path, SHORT, seeds=SEEDS):
        assert story.wrong == [], story.faults
        assert story.exits[-1] == 0
        done += [kind for kind, _ in story.faults]
    assert done == SHORT


def test_every_kind_of_fault_comes_equally_often():
    kinds = plan(3 * len(FAULTS), seed=1)
    assert {kind: kinds.count(kind) for kind in kinds} == dict.fromkeys(FAULTS, 3)
    assert plan(20, seed=1) == plan(20, seed=1) != plan(20, seed=2)
