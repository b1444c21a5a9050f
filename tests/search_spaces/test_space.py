import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.published.numbers import published
from reports.tables.experiment import ON_TEST
from rin_core.config import Config
from rin_core.errors import ConfigError
from search_spaces import (
    SPACES,
    SpaceError,
    ablation,
    authors_programme,
    find_space,
    learning_curve,
    main_results,
    selection,
    version,
)
from search_spaces.arms import BILSTM_S, rin
from search_spaces.presets import PRESETS
from search_spaces.rounds_curve import SPACE
from search_spaces.space import Arm, Grid, parse_seeds

ARMS = st.lists(st.sampled_from(range(7)), min_size=1, max_size=5, unique=True)


def grid(rounds: list[int]) -> Grid:
    arms = tuple(Arm(name=f"k{k}", label=f"K = {k}", overrides={"model.rounds": k}) for k in rounds)
    return Grid(name="some", title="?", arms=arms, seeds=(0, 1))


def test_rounds_curve_is_figure_3() -> None:
    trials = SPACE.trials(["webnlg_star"])
    assert len(trials) == 13 * 5
    drawn = {(t.config.model.cell, t.config.model.rounds) for t in trials}
    assert drawn == {("gru", 0)} | {(c, k) for c in ("gru", "rnn") for k in range(1, 7)}


def test_encoder_has_table_1s_rows_over_a_pretrained_encoder_beside_the_bilstm() -> None:
    trials = SPACES["encoder"].trials(["webnlg_star"], seeds=[0])
    assert [(t.config.encoder.kind, t.config.model.rounds) for t in trials] == [
        (kind, rounds) for kind in ("bilstm", "transformer") for rounds in range(3)
    ]
    for trial in trials[3:]:
        assert trial.config.encoder.model == "all-MiniLM-L6-v2"
        assert trial.config.training.learning_rate == 2e-4
    shared = {t.config.fingerprint("data") for t in SPACE.trials(["webnlg_star"], seeds=[0])}
    assert {t.config.fingerprint("data") for t in trials[:3]} < shared


def test_selection_changes_the_choice_of_the_epoch_and_nothing_else() -> None:
    configs = resolved(selection.SPACE, "webnlg_star")
    assert list(configs) == [f"{a.name}{end}" for end in ("", ON_TEST) for a in selection.AUDITED]
    for name in ("bilstm-s", "gru-1", "gru-3"):
        usual, on_test = configs[name].flat(), configs[name + ON_TEST].flat()
        assert {k: v for k, v in on_test.items() if v != usual[k]} == {"training.selection": "test"}


def test_the_authors_programme_is_one_choice_an_arm_and_all_together() -> None:
    for base in ("bilstm-s", "gru-1"):
        configs = resolved(authors_programme.SPACE, "webnlg_star")
        usual = configs[base].flat()
        changed = {
            name.removeprefix(f"{base}-"): {k: v for k, v in c.flat().items() if v != usual[k]}
            for name, c in configs.items()
            if name.startswith(f"{base}-")
        }
        single: dict[str, dict[str, object]] = {
            "on-test": {"training.selection": "test"},
            "file-order": {"training.batch_order": "file"},
            "word-dropout": {"training.word_dropout": 0.04},
            "cased": {"data.lowercase": False},
            "vocabulary": {"data.vocabulary": "vectors"},
            "200-epochs": {"training.max_epochs": 200},
        }
        assert {name: changed[name] for name in single} == single
        together = {k: v for own in single.values() for k, v in own.items()}
        assert changed["all-on-test"] == together
        assert changed["all"] == {k: v for k, v in together.items() if k != "training.selection"}
    shared = {t.config.fingerprint("data") for t in SPACE.trials(["webnlg_star"], seeds=[0])}
    assert configs["gru-1"].fingerprint("data") in shared
    on_spans = resolved(authors_programme.SPACE, "webnlg")
    assert {config.data.entity_word for config in on_spans.values()} == {"last"}


def test_each_share_of_a_learning_curve_is_twice_the_one_before() -> None:
    configs = resolved(learning_curve.SPACE, "webnlg_star")
    assert [config.data.train_share for config in configs.values()] == [0.125, 0.25, 0.5, 1.0]
    (whole,) = SPACE.trials(["webnlg_star"], arms=["gru-1"], seeds=[0])
    assert configs["gru-1"] == whole.config
    usual = whole.config.flat()
    for config in configs.values():
        assert {k for k, v in config.flat().items() if v != usual[k]} <= {"data.train_share"}


def test_another_transformer_is_an_override() -> None:
    (trial,) = SPACES["encoder"].trials(
        ["webnlg_star"],
        arms=["transformer-1"],
        seeds=[0],
        overrides={"encoder.model": "/some/folder"},
    )
    assert trial.config.encoder.model == "/some/folder"


def resolved(space: Grid, corpus: str) -> dict[str, Config]:
    return {t.arm: t.config for t in space.trials([corpus], seeds=[0])}


def test_main_results_is_table_1() -> None:
    models = {name: c.model for name, c in resolved(main_results.SPACE, "nyt").items()}
    assert list(models) == ["bilstm", "bilstm-s", "gru-1", "gru-3", "gru-5"]
    assert [m.rounds for m in models.values()] == [0, 0, 1, 3, 5]
    assert [m.task_features for m in models.values()] == [False, True, True, True, True]


def test_ablation_is_table_5() -> None:
    """Each arm is the full model less one thing."""
    models = {name: c.model for name, c in resolved(ablation.SPACE, "nyt").items()}
    full = models.pop("gru-1")
    assert full == Config().model
    less = {"no-relation-input": "relation_input", "no-entity-input": "entity_input"}
    less |= {"no-shared-input": "shared_input", "bilstm-s": "rounds", "linear": "cell"}
    assert less.keys() == models.keys()
    for name, model in models.items():
        changed = {f for f in full.__slots__ if getattr(full, f) != getattr(model, f)}
        assert changed == {less[name]}


@pytest.mark.parametrize("space", ["rounds_curve", "main_results", "ablation", "tasks", "scorer"])
@pytest.mark.parametrize("corpus", ["webnlg_star", "nyt", "demo"])
def test_a_name_is_one_configuration_in_all_spaces(space: str, corpus: str) -> None:
    """What two spaces share is trained once, so a name must not mean two things either."""
    mine = {name: c.fingerprint("data") for name, c in resolved(SPACES[space], corpus).items()}
    shared = set()
    for other in SPACES.values():
        for name, config in resolved(other, corpus).items():
            if name in mine:
                assert config.fingerprint("data") == mine[name], (other.name, name)
                shared |= {name} if other.name != space else set()
    assert shared >= {"gru-1"}
    assert space != "tasks" or shared == set(mine), "Table 4 is a report over Table 1's runs"


@pytest.mark.parametrize("space", ["main_results", "tasks", "ablation"])
def test_the_papers_arms_have_its_numbers(space: str) -> None:
    for arm in SPACES[space].arms:
        assert published("nyt", arm.name, "f1"), arm.name
        assert published("webnlg_star", arm.name, "f1"), arm.name


def test_an_arm_over_a_pretrained_encoder_has_the_name_of_the_encoder() -> None:
    for space in ("encoder", "main_results"):
        for trial in SPACES[space].trials(["webnlg_star"], arms=["mpnet-*"], seeds=[0]):
            assert trial.config.encoder.model == "all-mpnet-base-v2"
            assert trial.label == f"RIN (all-mpnet-base-v2, K = {trial.config.model.rounds})"
    overrides = {"encoder.model": "other"}
    with pytest.raises(SpaceError, match=r"encoder\.model"):
        SPACES["encoder"].trials(["demo"], arms=["mpnet-1"], overrides=overrides)
    given = {"encoder.model": "some/bert"}
    (trial,) = SPACES["encoder"].trials(
        ["demo"], arms=["transformer-1"], overrides=given, seeds=[0]
    )
    assert trial.config.encoder.model == "some/bert"


def test_berts_arms_run_when_they_are_named() -> None:
    names = {t.arm for t in main_results.SPACE.trials(["webnlg_star"])}
    assert not any(name.startswith("bert") for name in names)
    trials = main_results.SPACE.trials(["webnlg_star"], arms=["bert-*"], seeds=[0])
    assert [t.arm for t in trials] == ["bert-1", "bert-2"]
    for trial in trials:
        assert published("webnlg_star", trial.arm, "f1")
        assert trial.config.training.learning_rate == 2e-4


class TestVersion:
    @pytest.mark.parametrize(
        ("corpus", "rounds", "rate", "epochs"),
        [
            ("webnlg_star", 2, 5e-4, 150),
            ("webnlg", 3, 5e-4, 150),
            ("nyt", 4, 1e-3, 100),
            ("/some/where/nyt", 4, 1e-3, 100),
            ("nyt5k_star", 4, 1e-3, 100),
            ("my_corpus", 2, PRESETS["own"].settings["training.learning_rate"], 100),
            ("demo", 2, 5e-3, 8),
        ],
    )
    def test_all_arms_take_the_published_settings(
        self, corpus: str, rounds: int, rate: float, epochs: int
    ) -> None:
        for name, config in resolved(version.SPACE, corpus).items():
            assert config.training.learning_rate == rate
            assert config.training.max_epochs == epochs
            assert config.model.rounds == (0 if "no-interaction" in name else rounds)

    def test_arms_differ_in_version_scorer_and_rounds_alone(self) -> None:
        models = {
            name: (c.architecture, c.scorer, bool(c.rounds))
            for name, c in ((n, c.model) for n, c in resolved(version.SPACE, "nyt").items())
        }
        assert models == {
            "arxiv": ("arxiv", "separable", True),
            "arxiv-no-interaction": ("arxiv", "separable", False),
            "camera-ready": ("camera_ready", "concat", True),
            "camera-ready-no-interaction": ("camera_ready", "concat", False),
            "camera-ready-separable": ("camera_ready", "separable", True),
        }

    def test_shares_what_is_equal(self) -> None:
        """The arXiv version with NYT's K is a point of Figure 3; without rounds, its baseline."""
        mine = resolved(version.SPACE, "nyt")
        for name, arm in (("arxiv", rin(4)), ("arxiv-no-interaction", BILSTM_S)):
            theirs = Config().with_overrides({**arm.overrides, "training.seed": 0})
            assert mine[name].fingerprint("data") == theirs.fingerprint("data")


def test_a_spaces_settings_lie_between_the_demos_and_the_users() -> None:
    made = Grid(
        name="some",
        title="?",
        arms=(Arm(name="a", label="A"), Arm(name="b", label="B", overrides={"model.rounds": 3})),
        settings={"de*": {"training.patience": 7, "training.batch_size": 4}, "*": {}},
    )
    overrides = {"training.patience": 8}
    a, b = (t.config for t in made.trials(["demo"], seeds=[0], overrides=overrides))
    assert (a.training.patience, a.training.batch_size, a.training.max_epochs) == (8, 4, 8)
    assert (a.model.rounds, b.model.rounds) == (1, 3)
    (other, _) = made.trials(["webnlg_other"], seeds=[0])
    assert other.config == Config()


def test_first_come_all_arms_with_one_seed() -> None:
    trials = SPACE.trials(["demo", "webnlg_star"], seeds=[4, 2])
    assert {t.seed for t in trials[:26]} == {4}
    assert {(t.corpus, t.arm) for t in trials[:26]} == {
        (c, a.name) for c in ("demo", "webnlg_star") for a in SPACE.arms
    }


def test_real_corpora_take_the_papers_settings_and_the_demo_its_own() -> None:
    (real,) = SPACE.trials(["webnlg_star"], arms=["gru-1"], seeds=[0])
    (demo,) = SPACE.trials(["demo"], arms=["gru-1"], seeds=[0])
    assert real.config.training.max_epochs == 100
    assert demo.config.training.max_epochs < 100


@given(ARMS, st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True))
def test_expansion_is_the_product_and_fingerprints_are_distinct(
    rounds: list[int], seeds: list[int]
) -> None:
    trials = grid(rounds).trials(["a"], seeds=seeds)
    assert len(trials) == len(rounds) * len(seeds)
    assert len({t.config.fingerprint("data") for t in trials}) == len(trials)


@given(ARMS)
def test_a_recorded_trial_has_its_configuration(rounds: list[int]) -> None:
    for trial in grid(rounds).trials(["a"]):
        record = json.loads(json.dumps(trial.to_json()))
        assert Config.from_flat(record.pop("config")) == trial.config
        assert record == {"arm": trial.arm, "label": trial.label, "corpus": "a", "seed": trial.seed}


def test_arms_are_chosen_by_pattern() -> None:
    assert [a.name for a in SPACE.select(["rnn-[12]", "bilstm-s"])] == [
        "bilstm-s",
        "rnn-1",
        "rnn-2",
    ]
    with pytest.raises(SpaceError, match=r"--arms gru-9: no such arm in .*; did you mean "):
        SPACE.select(["gru-1", "gru-9"])


def test_an_override_the_space_would_undo_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"--set model\.rounds: rounds_curve varies it.*--arms"):
        SPACE.trials(["demo"], overrides={"model.rounds": 3})
    with pytest.raises(SpaceError, match=r"--set training\.seed.*--seeds"):
        SPACE.trials(["demo"], overrides={"training.seed": 3})
    with pytest.raises(ConfigError, match=r"training\.patience = 0: must be from 1 to"):
        SPACE.trials(["demo"], overrides={"training.patience": 0})


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("1", (0,)), ("5", (0, 1, 2, 3, 4)), ("2-4", (2, 3, 4)), ("0,7,7", (0, 7)), ("3-3", (3,))],
)
def test_seeds(text: str, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["0", "-1", "x", "4-2", "1-x", ",", ""])
def test_seeds_that_cannot_be(text: str) -> None:
    with pytest.raises(SpaceError, match=r"must be a count \(5\), a range"):
        parse_seeds(text)


def test_an_unknown_space_names_its_neighbour() -> None:
    with pytest.raises(
        SpaceError, match=r"rounds_curv: no such space; did you mean rounds_curve\?"
    ):
        find_space("rounds_curv")
    assert all(find_space(name) is space for name, space in SPACES.items())
