import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rin_core.config import ConfigError
from search_spaces import SPACES, SpaceError, find_space
from search_spaces.rounds_curve import SPACE
from search_spaces.space import Arm, Grid, Trial, parse_seeds

ARMS = st.lists(st.sampled_from(range(7)), min_size=1, max_size=5, unique=True)


def grid(rounds: list[int]) -> Grid:
    arms = tuple(Arm(name=f"k{k}", label=f"K = {k}", overrides={"model.rounds": k}) for k in rounds)
    return Grid(name="some", title="?", arms=arms, seeds=(0, 1))


def test_rounds_curve_is_figure_3():
    trials = SPACE.trials(["webnlg_star"])
    assert len(trials) == 13 * 5
    drawn = {(t.config.model.cell, t.config.model.rounds) for t in trials}
    assert drawn == {("gru", 0)} | {(c, k) for c in ("gru", "rnn") for k in range(1, 7)}


def test_encoder_is_table_1s_bert_rows_beside_the_bilstm():
    trials = find_space("encoder").trials(["webnlg_star"], seeds=[0])
    assert [(t.config.encoder.kind, t.config.model.rounds) for t in trials] == [
        (kind, rounds) for kind in ("bilstm", "transformer") for rounds in range(3)
    ]
    for trial in trials[3:]:
        assert trial.config.encoder.model == "google-bert/bert-base-cased"
        assert trial.config.training.learning_rate == 2e-4
    shared = {t.config.fingerprint("data") for t in SPACE.trials(["webnlg_star"], seeds=[0])}
    assert {t.config.fingerprint("data") for t in trials[:3]} < shared


def test_another_transformer_is_an_override():
    (trial,) = find_space("encoder").trials(
        ["webnlg_star"],
        arms=["transformer-1"],
        seeds=[0],
        overrides={"encoder.model": "/some/folder"},
    )
    assert trial.config.encoder.model == "/some/folder"


def test_first_come_all_arms_with_one_seed():
    trials = SPACE.trials(["demo", "webnlg_star"], seeds=[4, 2])
    assert {t.seed for t in trials[:26]} == {4}
    assert {(t.corpus, t.arm) for t in trials[:26]} == {
        (c, a.name) for c in ("demo", "webnlg_star") for a in SPACE.arms
    }


def test_real_corpora_take_the_papers_settings_and_the_demo_its_own():
    (real,) = SPACE.trials(["webnlg_star"], arms=["gru-1"], seeds=[0])
    (demo,) = SPACE.trials(["demo"], arms=["gru-1"], seeds=[0])
    assert real.config.training.max_epochs == 100
    assert demo.config.training.max_epochs < 100


@given(ARMS, st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True))
def test_expansion_is_the_product_and_fingerprints_are_distinct(rounds, seeds):
    trials = grid(rounds).trials(["a"], seeds=seeds)
    assert len(trials) == len(rounds) * len(seeds)
    assert len({t.config.fingerprint("data") for t in trials}) == len(trials)


@given(ARMS)
def test_trials_survive_json(rounds):
    for trial in grid(rounds).trials(["a"]):
        assert Trial.from_json(json.loads(json.dumps(trial.to_json()))) == trial


def test_arms_are_chosen_by_pattern():
    assert [a.name for a in SPACE.select(["rnn-[12]", "bilstm-s"])] == [
        "bilstm-s",
        "rnn-1",
        "rnn-2",
    ]
    with pytest.raises(SpaceError, match=r"--arms gru-9: no such arm in rounds_curve; bilstm-s"):
        SPACE.select(["gru-1", "gru-9"])


def test_an_override_the_space_would_undo_is_refused():
    with pytest.raises(SpaceError, match=r"--set model\.rounds: rounds_curve varies it.*--arms"):
        SPACE.trials(["demo"], overrides={"model.rounds": 3})
    with pytest.raises(SpaceError, match=r"--set training\.seed.*--seeds"):
        SPACE.trials(["demo"], overrides={"training.seed": 3})
    with pytest.raises(ConfigError, match=r"training\.patience = 0: must be at least 1"):
        SPACE.trials(["demo"], overrides={"training.patience": 0})


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("1", (0,)), ("5", (0, 1, 2, 3, 4)), ("2-4", (2, 3, 4)), ("0,7,7", (0, 7)), ("3-3", (3,))],
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["0", "-1", "x", "4-2", "1-x", ",", ""])
def test_seeds_that_cannot_be(text):
    with pytest.raises(SpaceError, match=r"must be a count \(5\), a range"):
        parse_seeds(text)


def test_an_unknown_space_names_its_neighbour():
    with pytest.raises(
        SpaceError, match=r"rounds_curv: no such space; did you mean rounds_curve\?"
    ):
        find_space("rounds_curv")
    assert all(find_space(name) is space for name, space in SPACES.items())
