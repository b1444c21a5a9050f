"""Presets: which corpus gets which, and what they replace."""

import pytest

from rin_core.config import Config
from rin_core.errors import ConfigError
from search_spaces import SEARCHES, SPACES
from search_spaces.presets import PRESETS, Preset, find_preset, preset_of
from search_spaces.search import Search
from search_spaces.space import Arm, Grid


@pytest.mark.parametrize("preset", PRESETS.values())
def test_a_preset_is_valid_and_leaves_seed_and_selection_alone(preset: Preset) -> None:
    config = Config().with_overrides(preset.settings)
    assert all(config.flat()[path] == value for path, value in preset.settings.items())
    assert config.training.seed == Config().training.seed
    assert config.training.selection == "dev"
    assert PRESETS[preset.name] is preset


def test_the_papers_preset_is_the_default_configuration() -> None:
    assert not PRESETS["paper"].settings


@pytest.mark.parametrize(
    ("corpus", "name"),
    [
        ("demo", "demo"),
        ("webnlg", "paper"),
        ("webnlg_star", "paper"),
        ("nyt", "paper"),
        ("data/nyt5k_star/", "paper"),
        ("conll04", "own"),
        ("/some/where/my_corpus", "own"),
        ("/nyt/ade", "own"),
        ("/webnlg_star/..", "own"),
    ],
)
def test_the_name_of_a_corpus_chooses_its_preset(corpus: str, name: str) -> None:
    assert preset_of(corpus).name == name


def test_a_space_may_choose_for_all_corpora() -> None:
    arms = (Arm(name="a", label="A"),)
    grid = Grid(name="x", title="?", arms=arms, preset="paper")
    configs = [t.config for t in grid.trials(["demo", "mine", "nyt"], seeds=[0])]
    assert configs == [Config()] * 3
    with pytest.raises(ConfigError, match=r"preset = 'own2'.*own"):
        find_preset("own2")


def test_everything_else_lies_above_a_preset() -> None:
    made = Grid(
        name="some",
        title="?",
        arms=(Arm(name="a", label="A", overrides={"encoder.dropout": 0.3}),),
        settings={"*": {"training.batch_size": 4, "training.word_dropout": 0.1}},
        preset="own",
    )
    (trial,) = made.trials(["mine"], seeds=[0], overrides={"training.batch_size": 5})
    config = trial.config
    assert (config.encoder.dropout, config.training.word_dropout) == (0.3, 0.1)
    assert (config.training.batch_size, config.encoder.characters) == (5, "cnn")


@pytest.mark.parametrize("space", [*SPACES.values(), *SEARCHES.values()], ids=lambda s: s.name)
@pytest.mark.parametrize("corpus", ["demo", "nyt", "mine"])
def test_every_space_can_run_with_every_preset(space: Grid | Search, corpus: str) -> None:
    """A search starts from the preset, so its ranges include the preset's values."""
    grid = space if isinstance(space, Grid) else space.starts()
    for trial in grid.trials([corpus], seeds=[0], arms=["*"]):
        assert trial.preset is preset_of(corpus)
        if not isinstance(space, Grid):
            assert space.start(trial.config)
