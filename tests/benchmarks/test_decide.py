"""The simulation of verdicts: its rules against the reports' own, and its counts by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import decide
from benchmarks.decide import ARMS, KEYS, RULES, WEIGHTS, Judged, draw, rates, true_means
from reports.stats.model import contrast, residual
from reports.stats.sequential import State, progress
from reports.stats.verdicts import Word, judge_family
from study.ledger.schema import Result
from tests.records import a_result, an_epoch, scores

STUDIES = draw(true_means(np.full(5, 0.5)), 0.6, 0.1, studies=20, number=3)
NAMED = [dict(zip(ARMS, map(list, study), strict=True)) for study in STUDIES]
CONTRASTS = [
    {arm: float(w) for arm, w in zip(ARMS, weights, strict=True) if w} for weights in WEIGHTS
]


def test_the_means_give_the_contrasts_their_values() -> None:
    assert true_means(np.arange(5.0)) @ WEIGHTS.T == pytest.approx(np.arange(5.0))


def test_the_pooled_rule_is_that_of_the_reports() -> None:
    judged = RULES["pooled, 5 seeds"](STUDIES)
    words = {State.OPEN: Word.UNDECIDED, State.BETTER: Word.BETTER, State.EQUAL: Word.EQUAL}
    for study, states in zip(NAMED, judged.states, strict=True):
        five = {arm: own[:5] for arm, own in study.items()}
        found = [contrast(five, weights, residual(list(five.values()))) for weights in CONTRASTS]
        own = [one.verdict.word for one in judge_family(found, [1.0] * 5)]
        assert own == [words[State(state)] for state in states]


def test_the_ledgers_of_the_simulation_exist() -> None:
    assert all(ledger.is_file() for ledger in decide.Options().ledgers)


@pytest.mark.parametrize("arm", decide.UNEQUAL_ARMS)
def test_arms_of_several_variances_are_judged_as_in_a_study(arm: str) -> None:
    sds = np.where(np.array(ARMS) == arm, 2.0, 0.6)
    studies = draw(true_means(np.full(5, 0.8)), sds, 0.1, studies=10, number=4)
    judged = RULES["sequential"](studies)
    for study, states in zip(studies, judged.states, strict=True):
        found = progress(dict(zip(ARMS, map(list, study), strict=True)), CONTRASTS)
        assert found.states == tuple(states)


def test_the_sequential_rule_is_that_of_a_study() -> None:
    judged = RULES["sequential"](STUDIES)
    for study, states in zip(NAMED, judged.states, strict=True):
        assert progress(study, CONTRASTS).states == tuple(states)


def test_no_sign_flip_test_of_five_seeds_can_reject() -> None:
    large = draw(true_means(np.full(5, 50.0)), 0.6, 0.0, studies=5, number=0)
    assert (RULES["sign flip, 5 seeds"](large).states == State.OPEN).all()
    assert (RULES["pooled, 5 seeds"](large).states == State.BETTER).all()


def test_rates_by_hand() -> None:
    better, worse, equal, undecided = State.BETTER, State.WORSE, State.EQUAL, State.OPEN
    states = np.array([[better, equal, undecided, undecided, equal], [worse, *[undecided] * 4]])
    judged = Judged(states.astype(np.int8), np.full((2, len(ARMS)), 7))
    none, small, large = (rates(judged, true) for true in (0.0, 0.25, 0.8))
    assert (none["error"], small["error"], large["error"]) == (1.0, 0.5, 1.0)
    assert (none["better"], none["equal"]) == pytest.approx((0.1, 0.2))
    assert none[f"equal, {KEYS[1]}"] == 0.5
    assert none["seeds an arm"] == 7


def test_components_by_hand() -> None:
    results: list[Result] = []
    for arm, level in {"bilstm": 0.8, "gru": 0.9}.items():
        for seed in range(5):
            config = {"model.cell": arm, "training.seed": seed}
            f1 = level + 0.01 * seed  # all of the variance is the seeds'
            changes: dict[str, Any] = {"config": {**a_result("f" * 16).config, **config}}
            results.append(a_result(f"{len(results):016x}", test_scores=scores(f1), **changes))
            history = [an_epoch(n, f1=level if n <= 5 else f1).to_json() for n in range(1, 16)]
            changes["config"] = {**changes["config"], "training.selection": "test"}
            late: dict[str, Any] = {"history": history, "selection_split": "test", "best_epoch": 15}
            results.append(a_result(f"{len(results):016x}", **late, **changes))
    found = decide.components(results)
    sd = float(np.std([0, 1, 2, 3, 4], ddof=1))
    assert (found.run, found.seed, found.late) == pytest.approx((sd, sd, sd))
    assert np.isnan(found.averaged)


def test_averaged_weights_by_hand() -> None:
    config = a_result("f" * 16).config
    results = [
        a_result(
            f"{number:016x}",
            config={**config, "training.average": average, "training.seed": number % 5},
            test_scores=scores(0.8 + 0.02 * (number % 5)),
            averaged_test_scores=None if average == "none" else scores(0.8 + 0.01 * (number % 5)),
        )
        for number, average in enumerate(["none"] * 5 + ["ema"] * 5)
    ]
    two = [{**one.config, "model.cell": "rnn"} for one in results[:5]]
    others = [a_result(f"{20 + n:016x}", config=one) for n, one in enumerate(two)]
    late = [
        a_result(f"{30 + n:016x}", config={**config, "training.seed": n}, selection_split="test")
        for n in range(2)
    ]
    found = decide.components([*results, *others, *late])
    sd = float(np.std([0, 1, 2, 3, 4], ddof=1))
    assert (found.averaged, found.averaged_selected) == pytest.approx((sd, 2 * sd))


@pytest.mark.slow
def test_equal_arms_are_told_apart_in_at_most_one_study_of_twenty() -> None:
    equal = draw(np.zeros(len(ARMS)), 0.65, 0.08, studies=2000, number=1)
    found = rates(RULES["sequential"](equal), 0.0)
    assert found["error"] < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
    assert rates(RULES["paired, 5 seeds"](equal), 0.0)["error"] > 0.1
