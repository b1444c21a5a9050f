"""The plan gives the control for capacity its width."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rin_core.model.capacity import parameters_after_encoder
from search_spaces import SPACES
from search_spaces.arms import EQUAL_CAPACITY
from search_spaces.fair_rounds import SPACE as FAIR_ROUNDS
from search_spaces.space import Grid
from study.ledger.ledger import Ledger
from study.planning.grid import make_plan
from study.planning.search import make_search_plans


@pytest.mark.parametrize("name", ["main_results", "rounds_curve"])
def test_the_control_is_planned_on_request(name: str) -> None:
    space = SPACES[name]
    assert isinstance(space, Grid)
    assert EQUAL_CAPACITY.name not in {arm.name for arm in space.select([])}
    assert [arm.name for arm in space.select(["*-wide"])] == [EQUAL_CAPACITY.name]


def test_the_control_has_the_parameters_of_one_round(tmp_path: Path) -> None:
    arms = ["gru-1", "bilstm-s", EQUAL_CAPACITY.name]
    plan = make_plan(SPACES["main_results"], Ledger(tmp_path), ["demo"], arms=arms, seeds=[0])
    (vocabulary,) = {corpus.vocabulary for corpus in plan.corpora.values()}
    sizes = {
        planned.trial.arm: parameters_after_encoder(planned.trial.config, vocabulary)
        for planned in plan.trials
    }
    assert sizes["bilstm-s"] < 0.9 * sizes["gru-1"]
    assert sizes[EQUAL_CAPACITY.name] == pytest.approx(sizes["gru-1"], rel=0.01)
    recorded = plan.experiments()[0].record({"space": ["main_results"]})
    width = {run.arm: run.config["model.feature_size"] for run in recorded.trials}
    assert width[EQUAL_CAPACITY.name] > width["bilstm-s"]


def test_a_search_tunes_the_control_at_its_width(tmp_path: Path) -> None:
    (plan,) = make_search_plans(FAIR_ROUNDS, Ledger(tmp_path), ["demo"])
    sizes = {
        arm: parameters_after_encoder(plan.base(arm), plan.corpus.vocabulary) for arm in plan.starts
    }
    assert sizes["k-0-wide"] == pytest.approx(sizes["k-1"], rel=0.01)
    identities = [plan.search.identity(arm) for arm in plan.search.arms]
    assert len({json.dumps(identity) for identity in identities}) == len(identities)
