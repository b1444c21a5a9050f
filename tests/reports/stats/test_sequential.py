"""The group-sequential plan: its levels against tables and simulation, and its course."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reports.stats import sequential
from reports.stats.sequential import LOOKS, Plan, State, nominal_levels, progress, spent
from reports.stats.verdicts import Rule

TIMES = tuple(look / LOOKS[-1] for look in LOOKS)


def test_the_bounds_are_those_of_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_o_brien_and_fleming(level: float, time: float, gamma: float) -> float:
        bound = stats.norm.isf(level / 4) / np.sqrt(time) if time else np.inf
        return float(4 * stats.norm.sf(bound))

    monkeypatch.setattr(sequential, "spent", as_o_brien_and_fleming)
    levels = nominal_levels.__wrapped__(0.05, (0.2, 0.4, 0.6, 0.8, 1.0), 0.0, 2)
    bounds = [float(stats.norm.isf(p / 2)) for p in levels]
    # Five equal looks, two-sided 5 %, the spending of Lan and DeMets (1983).
    assert bounds == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("gamma", [-4.0, 0.0, 1.0])
def test_all_looks_together_have_the_level_of_one_test(gamma: float, sides: int) -> None:
    paths = np.random.default_rng(0).normal(size=(200_000, LOOKS[-1])).cumsum(axis=1)
    z = np.stack([paths[:, look - 1] / np.sqrt(look) for look in LOOKS], axis=1)
    levels = np.array(nominal_levels(0.05, TIMES, gamma, sides))
    z = np.abs(z) if sides == 2 else z
    crossed = (z > stats.norm.isf(levels / sides)).any(axis=1).mean()
    assert crossed == pytest.approx(0.05, abs=0.002)


def test_the_whole_level_is_spent_at_the_end() -> None:
    for gamma in (-4.0, 0.0, 1.0):
        assert spent(0.05, 0.0, gamma) == 0
        assert spent(0.05, 1.0, gamma) == pytest.approx(0.05)


def drawn(means: dict[str, float], seeds: int, sd: float = 0.4) -> dict[str, list[float]]:
    generator = np.random.default_rng(5)
    return {arm: generator.normal(m, sd, size=seeds).tolist() for arm, m in means.items()}


CONTRASTS = [{"a": 1.0, "b": -1.0}, {"c": 1.0, "d": -1.0}]


def test_a_large_difference_stops_its_arms_and_the_others_go_on() -> None:
    scores = drawn({"a": 88.0, "b": 85.0, "c": 86.0, "d": 86.0}, seeds=5)
    found = progress(scores, CONTRASTS)
    assert found.states == (State.BETTER, State.OPEN)
    assert found.seeds == {"a": 5, "b": 5, "c": 7, "d": 7}


def test_equal_arms_end_as_equal() -> None:
    found = progress(drawn(dict.fromkeys("abcd", 86.0), seeds=20), CONTRASTS)
    assert found.states == (State.EQUAL, State.EQUAL)
    assert found.open == ()


def test_what_cannot_be_decided_any_more_is_futile() -> None:
    scores = {"a": [86.5, 86.7] * 7, "b": [86.0, 86.2] * 7}
    # The difference is at the margin, so neither bound is near; the noise is small.
    plan = Plan(Rule(margin=0.5), looks=(14, 15), futile=0.9)
    assert progress(scores, CONTRASTS[:1], plan).states == (State.BETTER,)
    noisy = {arm: [v + 3 * (-1) ** k for k, v in enumerate(own)] for arm, own in scores.items()}
    assert progress(noisy, CONTRASTS[:1], plan).states == (State.FUTILE,)


def test_after_the_last_look_nothing_is_futile_but_undecided() -> None:
    scores = drawn({"a": 86.0, "b": 86.0}, seeds=20, sd=0.9)
    last = progress(scores, CONTRASTS[:1], Plan(looks=(5, 20), futile=0.01)).looks[-1]
    assert (last.seeds, last.outcomes[0].state) == (20, State.OPEN)


def test_one_run_that_learned_nothing_does_not_end_a_study() -> None:
    scores = drawn({"a": 88.0, "b": 85.0, "c": 86.0, "d": 86.0}, seeds=5)
    scores |= drawn(dict.fromkeys("efgh", 86.0), seeds=5)
    scores["d"][2] = 0.0
    further = [{"e": 1.0, "f": -1.0}, {"g": 1.0, "h": -1.0}]
    found = progress(scores, [*CONTRASTS, *further])
    assert found.states == (State.BETTER, State.OPEN, State.OPEN, State.OPEN)


def test_arms_that_learned_nothing_do_not_lower_the_standard_error() -> None:
    scores = drawn({"a": 86.2, "b": 86.0}, seeds=5)
    lucky = {"c": [0.1] * 5, "d": [0.1] * 5}
    learned = {arm: [arm in "ab"] * 5 for arm in "abcd"}
    alone, beside = (
        progress(scores, CONTRASTS[:1]),
        progress(scores | lucky, CONTRASTS, None, learned),
    )
    first, again = (found.looks[0].outcomes[0].found for found in (alone, beside))
    assert (first.se, first.df) == (again.se, again.df)


def test_seeds_between_two_looks_change_nothing() -> None:
    scores = drawn({"a": 86.3, "b": 86.0, "c": 86.0, "d": 85.8}, seeds=20, sd=0.9)
    five, six = ({arm: own[:n] for arm, own in scores.items()} for n in (5, 6))
    assert progress(five, CONTRASTS) == progress(six, CONTRASTS)
    assert progress({}, CONTRASTS[:1]).seeds == {"a": 5, "b": 5}
    assert progress(five, []).seeds == {}


def test_an_arm_without_weight_needs_no_seeds() -> None:
    assert progress({}, [{"a": 1.0, "b": 0.0, "c": -1.0}]).seeds == {"a": 5, "c": 5}


def test_a_stopped_arm_does_not_gain_from_seeds_that_were_added() -> None:
    means = {"a": 88.0, "b": 85.0, "c": 86.0, "d": 86.0}
    every = drawn(means, seeds=20, sd=0.9)
    planned = {arm: own[: 5 if arm in "ab" else 20] for arm, own in every.items()}
    found = progress(planned, CONTRASTS)
    assert found.states[0] == State.BETTER
    assert len(found.looks) > 1
    assert progress(every, CONTRASTS) == found


def test_a_decision_is_an_estimate_beyond_its_bound() -> None:
    """The bounds of a look agree with its decisions, whatever Holm's correction left."""
    generator, seen = np.random.default_rng(3), set[State]()
    for _ in range(40):
        means = dict(zip("abcd", 86 + generator.normal(0, 0.6, 4), strict=True))
        scores = {a: generator.normal(m, 0.5, 20).tolist() for a, m in means.items()}
        for look in progress(scores, CONTRASTS).looks:
            for one in look.outcomes.values():
                size, seen = abs(one.found.value), seen | {one.state}
                assert (one.state == State.EQUAL) == (size < one.equivalence)
                differs = one.state in (State.BETTER, State.WORSE)
                assert differs == (size > one.efficacy and not size < one.equivalence)
    assert {State.EQUAL, State.BETTER, State.WORSE, State.OPEN} <= seen


@pytest.mark.filterwarnings("error")
def test_runs_that_are_all_alike_are_equal() -> None:
    found = progress({"a": [80.0] * 5, "b": [80.0] * 5}, CONTRASTS[:1])
    assert found.states == (State.EQUAL,)


@pytest.mark.filterwarnings("error")
def test_a_contrast_of_runs_that_learned_nothing_stops_without_a_verdict() -> None:
    nothing = {"a": [0.0] * 5, "b": [0.0] * 5}
    scores = nothing | drawn({"c": 86.0, "d": 86.0}, seeds=5)
    found = progress(scores, CONTRASTS)
    assert found.states == (State.NOTHING_LEARNED, State.OPEN)
    assert found.seeds == {"a": 5, "b": 5, "c": 7, "d": 7}
    some = progress(scores | drawn({"b": 80.0}, seeds=5), CONTRASTS)
    assert some.states[0] is State.WORSE
    # A test score above 0 by chance, of models that never found a triple in dev.
    lucky, learned = {"a": [0.1] * 5, "b": [0.1] * 5}, {"a": [False] * 5, "b": [False] * 5}
    assert progress(lucky, CONTRASTS[:1], learned=learned).states == (State.NOTHING_LEARNED,)
