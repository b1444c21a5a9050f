"""Searches as values: what may be searched, where it starts, what may share a storage."""

import dataclasses
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from rin_core.config import Config
from search_spaces import SEARCHES, find_space
from search_spaces.learning_rate import SPACE as LEARNING_RATE
from search_spaces.search import Asha, Parameter, Search
from search_spaces.space import Arm, SpaceError
from search_spaces.tune_rin import SPACE as TUNE_RIN
from study.commands.search import sized

RATE = Parameter(FloatDistribution(1e-5, 1e-2, log=True))


def search(**changes: Any) -> Search:
    given: dict[str, Any] = {
        "name": "some",
        "title": "?",
        "arms": (Arm(name="a", label="A"), Arm(name="b", label="B", overrides={"model.rounds": 3})),
        "parameters": {"training.learning_rate": RATE},
    }
    return Search(**{**given, **changes})


@pytest.mark.parametrize("space", SEARCHES.values(), ids=SEARCHES)
@pytest.mark.parametrize("corpus", ["demo", "webnlg_star"])
def test_every_search_starts_at_the_papers_settings(space: Search, corpus: str) -> None:
    chosen = space.on(corpus)
    for trial in chosen.starts().trials([corpus], seeds=[chosen.seed], arms=["*"]):
        point = chosen.start(trial.config)
        assert point, "nothing is searched in this arm"
        assert trial.config.with_overrides(point) == trial.config
        if chosen.asha is not None and chosen.asha.grace_period != "auto":
            assert chosen.asha.grace_period < trial.config.training.max_epochs


@pytest.mark.parametrize("space", SEARCHES.values(), ids=SEARCHES)
def test_every_corner_of_every_search_is_a_legal_configuration(space: Search) -> None:
    for trial in space.starts().trials(["webnlg_star"], arms=["*"]):
        for pick in itertools.product((0, -1), repeat=len(space.parameters)):
            ends = dict(zip(space.parameters, pick, strict=True))

            def corner(
                path: str, distribution: BaseDistribution, ends: dict[str, int] = ends
            ) -> object:
                if isinstance(distribution, CategoricalDistribution):
                    return distribution.choices[ends[path]]
                assert isinstance(distribution, FloatDistribution | IntDistribution)
                return (distribution.low, distribution.high)[ends[path]]

            trial.config.with_overrides(space.sample(trial.config, corner))


def test_a_conditional_parameter_is_asked_for_only_where_it_counts() -> None:
    def asked(rounds: int) -> tuple[list[str], dict[str, object]]:
        paths = []

        def suggest(path: str, distribution: BaseDistribution) -> object:
            paths.append(path)
            return rounds if path == "model.rounds" else "rnn" if path == "model.cell" else 0.1

        return paths, TUNE_RIN.sample(Config(), suggest)

    assert "model.cell" in asked(2)[0]
    assert "model.cell" not in asked(0)[0]
    assert "model.cell" not in asked(0)[1]
    assert "model.cell" not in TUNE_RIN.start(Config().override("model.rounds", 0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {"model.rate": RATE}}, r"some: parameters: model\.rate cannot be searched"),
        ({"parameters": {"training.seed": RATE}}, r"training\.seed cannot be searched"),
        ({"parameters": {"data.lowercase": RATE}}, r"data\.lowercase cannot be .* arms may set"),
        (
            {"parameters": {"training.selection": Parameter(CategoricalDistribution(["test"]))}},
            r"training\.selection: a search selects by dev F1 only",
        ),
        ({"parameters": {}}, r"parameters = \{\}: must be at least one"),
        ({"budget": 0}, "budget = 0: must be at least 1"),
        ({"confirm_seeds": (1000, 1)}, "seed 1000 is the seed of the search, .* fresh seeds"),
        ({"sampler": "grid"}, r"training\.learning_rate .* requires a step or choices"),
    ],
    ids=str,
)
def test_what_cannot_be_searched_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        search(**changes)


def test_asha_that_cannot_be_is_refused() -> None:
    for epochs in (0, True, 2.5, "soon", 10**400):
        with pytest.raises(SpaceError, match=r"asha\.grace_period = .*: must be from 1 to 100,000"):
            Asha(grace_period=epochs)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(SpaceError, match=r"asha\.reduction_factor = 1"):
        Asha(reduction_factor=1)


def test_a_start_outside_its_range_is_refused() -> None:
    narrow = search(parameters={"training.learning_rate": Parameter(FloatDistribution(1e-5, 1e-4))})
    with pytest.raises(SpaceError, match=r"training\.learning_rate = 0\.001: a search starts"):
        narrow.start(Config())


def test_a_search_that_would_choose_on_test_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"training\.selection = 'test': a search .* dev F1 only"):
        search().start(Config().override("training.selection", "test"))


def test_a_parameter_that_is_set_is_searched_no_more() -> None:
    fixed = TUNE_RIN.fixing(["model.rounds", "training.weight_decay"])
    assert fixed.parameters.keys() == TUNE_RIN.parameters.keys() - {"model.rounds"}
    for rounds, asked in ((2, True), (0, False)):  # what depends on it goes by the value set
        base = Config().override("model.rounds", rounds)
        assert ("model.cell" in fixed.start(base)) == asked
    assert TUNE_RIN.fixing([]) == TUNE_RIN
    with pytest.raises(SpaceError, match=r"fixes every parameter of some; run a grid"):
        search().fixing(["training.learning_rate"])


def test_an_arm_on_request_is_searched_when_it_is_named() -> None:
    names = [trial.arm for trial in LEARNING_RATE.starts().trials(["webnlg_star"])]
    assert names == ["bilstm"]
    (asked,) = LEARNING_RATE.starts().trials(["webnlg_star"], arms=["trans*"])
    rates = {"training.learning_rate": 2e-4, "training.encoder_learning_rate": 2e-4}
    assert LEARNING_RATE.start(asked.config) == rates
    assert asked.arm in [arm.name for arm in LEARNING_RATE.every_arm()]


def test_a_grid_of_too_many_points_is_refused_before_it_is_made() -> None:
    parameters = {"training.batch_size": Parameter(IntDistribution(1, 10**12))}
    with pytest.raises(SpaceError, match=r"has 1,000,000,000,000 points, but must"):
        search(parameters=parameters, sampler="grid")


def test_the_grid_sampler_gets_every_value() -> None:
    parameters = {
        "model.rounds": Parameter(IntDistribution(0, 4, step=2)),
        "model.cell": Parameter(CategoricalDistribution(["gru", "rnn"])),
        "encoder.dropout": Parameter(FloatDistribution(0.0, 0.2, step=0.1)),
    }
    grid = search(parameters=parameters, sampler="grid").grid()
    assert grid["model.rounds"] == [0, 2, 4]
    assert grid["model.cell"] == ["gru", "rnn"]
    assert grid["encoder.dropout"] == pytest.approx([0, 0.1, 0.2])


CHANGES: dict[str, object] = {
    "parameters": {"training.learning_rate": Parameter(FloatDistribution(1e-5, 1e-3, log=True))},
    "fixed": {"training.batch_size": 20},
    "sampler": "random",
    "asha": None,
    "design_points": 5,
    "exchange": False,
    "seed": 7,
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_search_has_another_identity(name: str) -> None:
    before, after = search(), search(**{name: CHANGES[name]})
    arm = before.arms[0]
    assert json.dumps(before.identity(arm)) != json.dumps(after.identity(arm))


def test_a_search_without_a_common_design_has_the_identity_of_older_records() -> None:
    old = search(design_points=0, exchange=False)
    assert "design" not in old.identity(old.arms[0])
    assert search().identity(old.arms[0]).keys() - old.identity(old.arms[0]).keys() == {"design"}


def test_every_arm_gets_the_same_points_as_far_as_they_apply() -> None:
    space = TUNE_RIN.fixing(["model.rounds"])
    none, three = (Config().override("model.rounds", rounds) for rounds in (0, 3))
    first, second = (space.first_points(base) for base in (none, three))
    assert len(first) == len(second) == 1 + space.design_points
    for with_cell, without in zip(second[1:], first[1:], strict=True):
        assert {p: v for p, v in with_cell.items() if p != "model.cell"} == without
    assert all(three.with_overrides(point) for point in second)
    longer = dataclasses.replace(space, design_points=20)
    assert longer.first_points(three)[: len(second)] == second


def test_every_arm_tries_the_known_points_after_its_start() -> None:
    cells = Parameter(CategoricalDistribution(["gru", "rnn"]), when={"model.rounds": (3,)})
    parameters = {"training.learning_rate": RATE, "model.cell": cells}
    known = {"training.learning_rate": 2e-3, "model.cell": "rnn"}
    points: tuple[dict[str, object], ...] = (known, {}, {"training.learning_rate": 3e-3}, known)
    space, without = (search(parameters=parameters, points=p) for p in (points, ()))
    none, three = (Config().override("model.rounds", rounds) for rounds in (0, 3))
    first, plain = space.first_points(three), without.first_points(three)
    assert first[1:3] == [known, {"training.learning_rate": 3e-3, "model.cell": "gru"}]
    assert [*first[:1], *first[3:]] == plain, "the initial settings are tried once"
    assert space.first_points(none)[1:3] == [
        {"training.learning_rate": 2e-3},
        {"training.learning_rate": 3e-3},
    ]
    arm = space.arms[0]
    assert space.identity(arm) != without.identity(arm)
    fixed = space.fixing(["model.cell"])
    assert fixed.first_points(three)[1] == {"training.learning_rate": 2e-3}


def test_what_another_arm_found_is_adopted_where_the_parameter_exists() -> None:
    cells = Parameter(CategoricalDistribution(["gru", "rnn"]), when={"model.rounds": (3,)})
    space = search(parameters={"training.learning_rate": RATE, "model.cell": cells})
    none, three = (Config().override("model.rounds", rounds) for rounds in (0, 3))
    found = {"training.learning_rate": 2e-3, "model.cell": "rnn"}
    assert space.adopt(none, found, {}) == {"training.learning_rate": 2e-3}
    own = {"training.learning_rate": 5e-3, "model.cell": "rnn"}
    assert space.adopt(three, {"training.learning_rate": 2e-3}, own) == found
    assert space.adopt(none, {"model.cell": "rnn"}, own) is None


@pytest.mark.parametrize(
    ("changes", "arms", "count"),
    [({}, 3, 2), ({}, 1, 0), ({"budget": 3}, 3, 1), ({"exchange": False}, 3, 0)],
)
def test_the_exchange_takes_no_more_than_a_third_of_the_budget(
    changes: dict[str, object], arms: int, count: int
) -> None:
    assert search(**changes).exchanged(arms) == count


@given(budget=st.integers(1, 99), seeds=st.sets(st.integers(0, 99)), hours=st.floats(0.1, 9))
def test_a_budget_may_grow_and_the_confirmation_change(
    budget: int, seeds: set[int], hours: float
) -> None:
    before = search()
    after = search(budget=budget, confirm_seeds=tuple(seeds), hours=hours)
    assert all(before.identity(arm) == after.identity(arm) for arm in before.arms)
    assert before.identity(before.arms[0]) != before.identity(before.arms[1])


def test_the_demo_corpus_has_a_size_of_its_own() -> None:
    small, real = search().on("demo"), search().on("webnlg_star")
    assert real == search()
    assert small.budget < real.budget
    assert len(small.confirm_seeds) == 2
    assert search(asha=None).on("demo").asha is None


def test_the_command_line_sizes_a_search() -> None:
    assert sized(search(), None, None, None) == search()
    larger = sized(search(), 50, 1.5, "2-4")
    assert (larger.budget, larger.hours, larger.confirm_seeds) == (50, 1.5, (2, 3, 4))
    demo = larger.on("demo")
    assert (demo.budget, demo.confirm_seeds) == (50, (2, 3, 4))
    assert sized(search(), None, None, "0").confirm_seeds == ()
    for asked, message in {
        (0, None, None): "--trials 0: must be at least 1",
        (None, 0.0, None): "--hours 0: must be positive",
        (None, None, "999-1001"): "seed 1000 is the seed of the search",
        (None, None, "x"): "--seeds x: must be a count",
    }.items():
        with pytest.raises(SpaceError, match=message):
            sized(search(), *asked)


def test_searches_are_found_by_name() -> None:
    assert find_space("learning_rate") is SEARCHES["learning_rate"]
    with pytest.raises(SpaceError, match="did you mean tune_rin"):
        find_space("tune_rim")
