"""ASHA of each arm with made-up results; Ray is imported, never started."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.search import Asha
from study.ledger.schema import SearchTrial
from study.search.scheduler import PerArmASHA
from tests.searchers import row

EPOCHS = 12


def ray_trial(arm: str, number: int, finished: bool = False) -> SimpleNamespace:
    run = {"arm": arm, "trial": f"{arm} #{number}", "finished": finished}
    return SimpleNamespace(trial_id=f"ray-{arm}-{number}", config={"run": run})


def trained(rungs: PerArmASHA, trial: Any, curve: list[float]) -> int:
    """Feed a trial's epochs; return after how many it was stopped, or their number."""
    rungs.on_trial_add(None, trial)
    for epoch, best in enumerate(itertools.accumulate(curve, max), start=1):
        if rungs.on_trial_result(None, trial, row(epoch, best)) == "STOP":
            rungs.on_trial_complete(None, trial, row(epoch, best))
            return epoch
    rungs.on_trial_complete(None, trial, row(len(curve), max(curve)))
    return len(curve)


def past_trial(number: int, curve: list[float]) -> SearchTrial:
    return SearchTrial(
        arm="a",
        number=number,
        parameters={},
        fingerprint="0",
        config={},
        dev_f1=curve,
        seconds=[1.0] * len(curve),
    )


CURVES = st.lists(
    st.lists(st.floats(0, 1), min_size=EPOCHS, max_size=EPOCHS), min_size=2, max_size=8
)


@given(curves=CURVES, cut=st.integers(0, 7))
@settings(max_examples=50)
def test_rungs_remember_what_earlier_sessions_saw(curves: list[list[float]], cut: int) -> None:
    asha = Asha(grace_period=2, reduction_factor=2)
    unbroken, again = PerArmASHA({"a": EPOCHS}, asha), PerArmASHA({"a": EPOCHS}, asha)
    lengths = [trained(unbroken, ray_trial("a", k), curve) for k, curve in enumerate(curves)]
    for k, curve in enumerate(curves[:cut]):
        seen = curve[: lengths[k]]
        past = past_trial(k, seen)
        again.remember(past, len(seen))
    after = [
        trained(again, ray_trial("a", k), curve) for k, curve in enumerate(curves[cut:], start=cut)
    ]
    assert after == lengths[cut:]


def test_a_decision_made_before_a_kill_is_not_made_again() -> None:
    asha = Asha(grace_period=2, reduction_factor=2)
    poor = [0.1] * EPOCHS
    past = past_trial(0, poor[:3])
    rungs = PerArmASHA({"a": EPOCHS}, asha)
    rungs.remember(past, 3)  # it was alone, and passed epoch 2
    for k in (1, 2):
        trained(rungs, ray_trial("a", k), [0.9] * EPOCHS)
    assert trained(rungs, ray_trial("a", 0), poor) == 4
    fresh = PerArmASHA({"a": EPOCHS}, asha)
    for k in (1, 2):
        trained(fresh, ray_trial("a", k), [0.9] * EPOCHS)
    assert trained(fresh, ray_trial("a", 0), poor) == 2


def test_an_arm_is_judged_by_itself() -> None:
    rungs = PerArmASHA({"good": EPOCHS, "bad": EPOCHS}, Asha(grace_period=2, reduction_factor=2))
    for k in range(3):
        trained(rungs, ray_trial("good", k), [0.9] * EPOCHS)
    assert trained(rungs, ray_trial("bad", 0), [0.1] * EPOCHS) == EPOCHS
    assert trained(rungs, ray_trial("good", 3), [0.1] * EPOCHS) == 2
    assert rungs.pruned == {"good #3": 2}


def test_nobody_is_stopped_at_the_last_epoch_or_when_finished_already() -> None:
    rungs = PerArmASHA({"a": 8}, Asha(grace_period=2, reduction_factor=2))
    for k in range(2):
        trained(rungs, ray_trial("a", k), [0.9] * 8)
    late = [0.95] * 7 + [0.95]
    assert trained(rungs, ray_trial("a", 2), late) == 8
    assert trained(rungs, ray_trial("a", 3, finished=True), [0.0] * 8) == 8
    assert trained(rungs, ray_trial("a", 4), [0.0] * 8) == 2


def test_without_asha_nobody_is_stopped() -> None:
    rungs = PerArmASHA({"a": EPOCHS}, None)
    for k, f1 in enumerate((0.9, 0.8, 0.1)):
        assert trained(rungs, ray_trial("a", k), [f1] * EPOCHS) == EPOCHS
