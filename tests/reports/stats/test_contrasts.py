"""The primary contrasts: their weights, by the arms that have runs."""

from __future__ import annotations

import numpy as np
import pytest

from reports.stats.contrasts import (
    ABLATIONS,
    BASELINES,
    EQUAL_CAPACITY,
    FULL_MODEL,
    PAPER_CELLS,
    PRIMARY,
    slope,
)
from search_spaces import SPACES, arms

BY_KEY = {contrast.key: contrast for contrast in PRIMARY}
ALL = {arm.name for space in SPACES.values() for arm in (*space.arms, *space.on_request)}


def test_there_are_five_and_each_is_a_difference() -> None:
    assert list(BY_KEY) == ["interaction", "rounds", "cell", "parts", "capacity"]
    for contrast in PRIMARY:
        weights = contrast.weigh(ALL)
        assert sum(weights.values()) == pytest.approx(0)
        assert weights.keys() <= ALL
        if contrast.key != "rounds":
            assert sum(w for w in weights.values() if w > 0) == pytest.approx(1)


def test_weights_by_hand() -> None:
    names = ["bilstm", "bilstm-s", "gru-1", "gru-3", "rnn-1", "bert-1", "linear", "other"]
    assert BY_KEY["interaction"].weigh(names) == pytest.approx(
        {"gru-1": 1 / 3, "gru-3": 1 / 3, "rnn-1": 1 / 3, "bilstm": -0.5, "bilstm-s": -0.5}
    )
    assert BY_KEY["rounds"].weigh(names) == {"gru-1": -2, "gru-3": 2}
    assert BY_KEY["cell"].weigh(names) == {"gru-1": 1, "rnn-1": -1}
    assert BY_KEY["parts"].weigh(names) == {"gru-1": 1, "linear": -1}
    assert BY_KEY["capacity"].weigh(names) == {}
    wide = [*names, EQUAL_CAPACITY]
    assert BY_KEY["capacity"].weigh(wide) == {"gru-1": 0.5, "gru-3": 0.5, "bilstm-s-wide": -1}


def test_without_the_arms_of_a_side_there_is_no_contrast() -> None:
    assert all(contrast.weigh([]) == {} for contrast in PRIMARY)
    assert BY_KEY["rounds"].weigh(["gru-2", "rnn-2"]) == {}
    assert BY_KEY["interaction"].weigh(["bilstm"]) == {}


def test_the_slope_is_that_of_least_squares_with_a_level_for_each_cell() -> None:
    rounds = {"gru": {f"gru-{k}": k for k in (1, 2, 6)}, "rnn": {f"rnn-{k}": k for k in (1, 3)}}
    scores = {"gru-1": 5.0, "gru-2": 7.0, "gru-6": 8.0, "rnn-1": 1.0, "rnn-3": 4.0}
    design = np.array([[1, 0, 1], [1, 0, 2], [1, 0, 6], [0, 1, 1], [0, 1, 3]])
    fitted = np.linalg.lstsq(design, np.array(list(scores.values())), rcond=None)[0][2]
    weights = slope(rounds, span=4)
    assert sum(w * scores[arm] for arm, w in weights.items()) == pytest.approx(4 * fitted)


def test_the_names_are_those_of_the_spaces() -> None:
    assert {*ABLATIONS, *BASELINES, FULL_MODEL, EQUAL_CAPACITY} <= ALL
    assert arms.EQUAL_CAPACITY.name == EQUAL_CAPACITY
    assert (arms.BILSTM.name, arms.BILSTM_S.name) == BASELINES
    assert arms.rin(1).name == FULL_MODEL
    assert arms.PAPER_CELLS == PAPER_CELLS


def test_the_space_claims_has_the_arms_of_all_five_and_no_other() -> None:
    arms = [arm.name for arm in SPACES["claims"].arms]
    weighed = [contrast.weigh(arms) for contrast in PRIMARY]
    assert all(weighed)
    assert {arm for weights in weighed for arm, weight in weights.items() if weight} == set(arms)
