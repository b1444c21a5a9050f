"""Comparisons and searches of one's own, from TOML files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from rin_core.config import Config
from search_spaces import SPACES, Grid, Search, SpaceError, find_space
from search_spaces.search import Asha
from study.ledger.ledger import Ledger
from study.planning.grid import Experiment, make_plan

GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"
EXAMPLES = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)

ARM = "[arms.mine]\nmodel.rounds = 2\n"
SEARCH = "[parameters]\nencoder.dropout = { low = 0.0, high = 0.5 }\n"


def space(folder: Path, text: str, name: str = "mine") -> Grid | Search:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return find_space(str(path))


def grid(folder: Path, text: str) -> Grid:
    found = space(folder, text)
    assert isinstance(found, Grid)
    return found


def search(folder: Path, text: str) -> Search:
    found = space(folder, text)
    assert isinstance(found, Search)
    return found


def test_a_grid(tmp_path: Path) -> None:
    found = grid(
        tmp_path,
        'title = "?"\nseeds = "2-3"\n[arms.gru-1]\n'
        '[arms.mine]\nlabel = "Mine"\nmodel.rounds = 2\nencoder.dropout = 0.3\n',
    )
    assert (found.name, found.title, found.seeds) == ("mine", "?", (2, 3))
    known, mine = found.arms
    assert known in SPACES["rounds_curve"].arms, "the same arm, and so the same trials"
    assert (mine.name, mine.label) == ("mine", "Mine")
    configs = {t.arm: t.config for t in found.trials(["webnlg_star"])}
    assert (configs["mine"].model.rounds, configs["mine"].encoder.dropout) == (2, 0.3)


def test_settings_are_of_all_arms_and_recorded_like_those_of_the_command_line(
    tmp_path: Path,
) -> None:
    text = "[settings]\ntraining.batch_size = 7\n[arms.gru-1]\n[arms.b]\nmodel.rounds = 2\n"
    found = grid(tmp_path, text)
    for corpus in ("mine", "demo"):
        sizes = [trial.config.training.batch_size for trial in found.trials([corpus], seeds=[0])]
        assert sizes == [7, 7], "above what the demo corpus has"
    plan = make_plan(found, Ledger(tmp_path), ["demo"], seeds=[0])
    assert plan.settings == {"training.batch_size": 7}
    given = {"training.batch_size": 8, "training.patience": 3}
    plan = make_plan(found, Ledger(tmp_path), ["demo"], seeds=[0], overrides=given)
    assert plan.settings == given


def test_a_file_chooses_its_preset(tmp_path: Path) -> None:
    """Its settings and arms lie above the preset; sameness and conditions are judged with it."""
    text = 'preset = "own"\nsettings.training.batch_size = 7\n[arms.a]\n[arms.b]\n'
    found = grid(tmp_path, text + 'encoder.characters = "lstm"\n')
    for corpus in ("demo", "webnlg_star", "mine"):
        a, b = (trial.config for trial in found.trials([corpus], seeds=[0]))
        assert (a.training.batch_size, a.encoder.characters) == (7, "cnn")
        assert (b.training.batch_size, b.encoder.characters) == (7, "lstm")
    with pytest.raises(SpaceError, match=r"arms.b: is the same model as arms.a"):
        space(tmp_path, text + 'encoder.characters = "cnn"\n')
    with pytest.raises(SpaceError, match=r"preset = 'owm': no such preset; did you mean own"):
        space(tmp_path, text.replace("own", "owm"))


def test_a_search_may_have_known_points(tmp_path: Path) -> None:
    found = search(
        tmp_path,
        "points = [{ encoder.dropout = 0 }, { encoder.dropout = 0.4 }]\n" + SEARCH,
    )
    assert found.points == ({"encoder.dropout": 0.0}, {"encoder.dropout": 0.4})
    assert search(tmp_path, SEARCH).points == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ encoder.dropout = 0.6 }", r"points\[0\].encoder.dropout = 0.6: .* 0.0 to 0.5"),
        ("{}, { encoder.drop = 0.1 }", r"points\[1\].encoder.drop: .* did you mean enc.*dropout"),
        ("{ encoder.dropout = 'x' }", r"points\[0\]: encoder.dropout = 'x': must be a number"),
        ("{ encoder = 3 }", r"points\[0\].encoder: is not a parameter"),
        ("3", r"points\[0\] = 3: must be a valid dictionary"),
    ],
)
def test_a_point_that_the_search_cannot_try_is_named(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(SpaceError, match=message):
        space(tmp_path, f"points = [{text}]\n{SEARCH}")


def test_a_point_needs_the_values_that_its_other_values_give_an_effect(tmp_path: Path) -> None:
    parameters = (
        '[parameters]\ntraining.average = { choices = ["none", "ema"] }\n'
        'training.average_decay = { low = 0.9, high = 0.95, when.training.average = ["ema"] }\n'
    )
    found = search(tmp_path, f'points = [{{ training.average = "ema" }}]\n{parameters}')
    with pytest.raises(SpaceError, match=r"points\[0\] of mine: training.average_decay is missing"):
        found.first_points(Config())


def test_points_are_of_searches_that_do_not_try_every_point(tmp_path: Path) -> None:
    point = "points = [{ encoder.dropout = 0.1 }]\n"
    with pytest.raises(SpaceError, match=r"points: applies to searches"):
        space(tmp_path, point + ARM)
    steps = "[parameters]\nencoder.dropout = { low = 0.0, high = 0.5, step = 0.1 }\n"
    with pytest.raises(SpaceError, match=r"points: the sampler grid tries every point"):
        space(tmp_path, f"sampler = 'grid'\n{point}{steps}")


def test_without_a_preset_arms_differ_if_they_do_with_any(tmp_path: Path) -> None:
    found = grid(tmp_path, '[arms.a]\n[arms.b]\nencoder.characters = "none"\n')
    a, b = (trial.config for trial in found.trials(["mine"], seeds=[0]))
    assert (a.encoder.characters, b.encoder.characters) == ("cnn", "none")
    when = "{ choices = [10, 30], when = { encoder.characters = ['cnn'] } }"
    assert search(tmp_path, f"[parameters]\nencoder.character_dim = {when}\n").parameters
    with pytest.raises(SpaceError, match=r"encoder.characters = \['cnn'\]: no arm has this"):
        space(tmp_path, f"preset = 'paper'\n[parameters]\nencoder.character_dim = {when}\n")


def test_a_search(tmp_path: Path) -> None:
    found = search(
        tmp_path,
        "trials = 4\nseeds = [0, 3]\nsampler = 'random'\nhours = 2\n"
        "asha = { grace_period = 2, reduction_factor = 4 }\n"
        "[settings]\ntraining.patience = 10\n[arms.k-2]\nmodel.rounds = 2\n[parameters]\n"
        "model.feature_size = { low = 60, high = 260, step = 4 }\n"
        "training.learning_rate = { low = 1e-4, high = 1e-2, log = true }\n"
        "model.cell = { choices = ['gru', 'rnn'], when = { model.rounds = [1, 2] } }\n",
    )
    assert (found.sampler, found.hours) == ("random", 2)
    for sized in (found, found.on("demo")):
        assert (sized.budget, sized.confirm_seeds) == (4, (0, 3))
    assert found.asha == Asha(grace_period=2, reduction_factor=4)
    assert found.fixed == {"training.patience": 10}
    assert {path: p.distribution for path, p in found.parameters.items()} == {
        "model.feature_size": IntDistribution(60, 260, step=4),
        "training.learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
        "model.cell": CategoricalDistribution(["gru", "rnn"]),
    }
    assert found.parameters["model.cell"].when == {"model.rounds": (1, 2)}


def test_an_own_search_is_itself_on_the_demo_corpus(tmp_path: Path) -> None:
    found = search(tmp_path, f"asha = {{ grace_period = 5 }}\nseeds = 4\n{SEARCH}").on("demo")
    assert (found.asha, found.confirm_seeds) == (Asha(grace_period=5), (0, 1, 2, 3))
    assert len(grid(tmp_path, f"seeds = 4\n{ARM}").trials(["demo"])) == 4


def test_a_grace_period_is_measured_unless_it_is_given(tmp_path: Path) -> None:
    for asha in ("asha = true\n", "asha = { grace_period = 'auto' }\n", ""):
        assert search(tmp_path, f"{asha}{SEARCH}").asha == Asha()
    assert Asha().grace_period == "auto"


def test_conditions_come_first_however_toml_has_grouped_them(tmp_path: Path) -> None:
    text = (
        "[parameters]\nmodel.rounds = { low = 0, high = 3 }\n"
        "encoder.freeze = { choices = [true, false] }\n"
        "model.cell = { choices = ['gru', 'rnn'], when = { encoder.freeze = [false] } }\n"
    )
    found = search(tmp_path, text)
    assert list(found.parameters) == ["model.rounds", "encoder.freeze", "model.cell"]


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(ARM, encoding="utf-8-sig")
    assert find_space(str(tmp_path / "mine.toml")).arms


def test_a_search_without_arms_tunes_rin(tmp_path: Path) -> None:
    found = search(tmp_path, f"asha = false\nseeds = 0\n{SEARCH}")
    assert [arm.name for arm in found.arms] == ["rin"]
    assert (found.asha, found.confirm_seeds) == (None, ())


def test_what_an_arm_was_before_is_counted(tmp_path: Path) -> None:
    def experiment(dropout: float) -> Experiment:
        text = f"[arms.gru-1]\n[arms.mine]\nencoder.dropout = {dropout}\n"
        (found,) = make_plan(grid(tmp_path, text), Ledger(tmp_path), ["demo"]).experiments()
        return found

    before = experiment(0.3)
    ledger = Ledger(tmp_path)
    ledger.record_study(before.record({}))
    assert before.replaced(ledger.study(before.name)) == {}
    assert experiment(0.5).replaced(ledger.study(before.name)) == {"mine": 2}
    assert experiment(0.5).replaced(None) == {}


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_guides_examples_can_be_given(tmp_path: Path, text: str) -> None:
    assert len(EXAMPLES) == 2
    assert space(tmp_path, text).arms


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title =", "Invalid value"),
        ("", "must have arms"),
        ("arms = 3", "arms = 3: must be a valid dictionary"),
        ("title = 3\n" + ARM, "title = 3: must be a valid string"),
        ("seeds = 0\n" + ARM, "seeds = 0: must be a count"),
        ("seeds = ['x']\n" + SEARCH, "seeds = ..x..: must be a count"),
        ("seeds = 1.5\n" + ARM, "seeds = 1.5: must be a count"),
        ("trials = 3\n" + ARM, "trials: applies to searches, which have a parameters table"),
        (
            "arm = 3",
            "arm: no such field; there are title, seeds, preset, settings, arms, parameters",
        ),
        ("[arms.'a b']", "arms.a b: must be named with letters"),
        ("arms.a = 3", "arms.a = 3: must be a valid dictionary"),
        ("[arms.a]\nlabel = 3", "arms.a.label = 3: must be text"),
        ("[arms.a]\nmodel.round = 3", "arms.a: model.round: no such setting; did you mean model.r"),
        ("[arms.a]\nmodel.rounds = 'x'", "arms.a: model.rounds = 'x'"),
        ("[arms.a]\ntraining.seed = 3", "arms.a.training.seed: all arms have the same seeds"),
        ("[arms.a]\n[arms.b]", "arms.b: is the same model as arms.a; remove one"),
        (
            "[arms.gru-1]\nmodel.rounds = 2",
            "arms.gru-1: is an arm of the built-in space rounds_curve; l",
        ),
        (
            "[arms.camera-ready]",
            "arms.camera-ready: is an arm of the built-in space version; choose",
        ),
        (
            "[settings]\nmodel.rounds = 2\n[arms.a]\nmodel.rounds = 3",
            "arms.a.model.rounds: is also in settings; remove one",
        ),
        ("[settings]\nencoder.drop = 0.3\n" + ARM, "settings: encoder.drop: no such setting"),
        ("[parameters]\nmodel.round = { low = 1 }", "parameters.model.round"),
        ("[parameters]\nmodel.rounds = 3", "parameters.model.rounds: must be a setting with a tab"),
        ("[parameters]\nmodel.rounds = { low = 1 }", "parameters.model.rounds.high is missing"),
        ("[parameters]\nmodel.rounds = { low = 3, high = 1 }", "parameters.model.rounds: "),
        ("[parameters]\nmodel.cell = { low = 1, high = 2 }", "model.cell: must have choices"),
        ("[parameters]\nmodel.cell = { choices = ['gur'] }", "parameters.model.cell: .*'gur'"),
        ("[parameters]\nmodel.cell = { choices = 3 }", "parameters.model.cell.choices = 3"),
        (
            "[parameters]\nmodel.cell = { choices = ['gru'], when = { model.rounds = 1 } }",
            "parameters.model.cell: when.model.rounds = 1: must be a list",
        ),
        ("[parameters]\ntraining.max_epochs = { low = 1, high = 2 }", "cannot be searched"),
        ("trials = 0\n" + SEARCH, "trials = 0: must be greater than or equal to 1"),
        ("asha = { grace = 3 }\n" + SEARCH, "asha.grace: no such field"),
        ("asha = 'no'\n" + SEARCH, "asha = 'no': must be a valid dict"),
        ("seeds = [1000]\n" + SEARCH, "seed 1000 is the seed of the search"),
        ("settings.encoder.dropout = 0.3\n" + SEARCH, "encoder.dropout is a parameter and cannot"),
        (
            "[parameters]\nmodel.cell = { choices = ['gru'], when = { model.rounds = [1] } }\n"
            "model.rounds = { low = 0, high = 2, when = { model.cell = ['gru'] } }",
            "model.cell is conditional on model.rounds; list model.rounds before it",
        ),
        (
            "[parameters]\nmodel.cell = { choices = ['gru'], when = { model.rounds = [] } }",
            r"when.model.rounds = \[\]: must be a list of values, at least one",
        ),
        (
            "[parameters]\nmodel.cell = { choices = ['gru'], when = { model.rounds = [2] } }",
            r"parameters.model.cell: when.model.rounds = \[2\]: no arm has this value, and",
        ),
        (
            "[parameters]\nmodel.rounds = { low = 1, high = 5, step = 2 }\n"
            "model.cell = { choices = ['gru'], when = { model.rounds = [0, 2] } }",
            r"parameters.model.cell: when.model.rounds = \[0, 2\]: no arm",
        ),
        ("trials = true\n" + SEARCH, "trials = True: must be a valid integer"),
        ("hours = true\n" + SEARCH, "hours = True: must be a valid number"),
        (
            "asha = { grace_period = true }\n" + SEARCH,
            "asha.grace_period = True: must be",
        ),
        ("seeds = 10000000000\n" + ARM, "seeds = 10000000000: must be a count"),
        (
            "settings.'encoder.dropout' = 0.2\nsettings.encoder.dropout = 0.3\n" + ARM,
            "encoder.dropout: is given twice",
        ),
        *(
            (f"[parameters]\n{path} = {{ {spec} }}", rf"parameters\.{path}[.:] ?{message}")
            for path, spec, message in (
                ("model.cell", "choices = ['gru', 'gru']", "choices: 'gru' is given twice"),
                ("model.cell", "choices = { gru = 1 }", r"choices = .*: must be a valid list"),
                ("model.rounds", "low = 0, high = inf", "high = inf: must be a valid int"),
                ("model.rounds", "low = 0.5, high = 3", "low = 0.5: must be a valid int"),
                ("model.rounds", "low = false, high = true", "low = False: must be a valid int"),
                (
                    "model.rounds",
                    "low = 0, high = 3, step = 0.5",
                    "step = 0.5: must be a",
                ),
                ("encoder.dropout", "low = 0.1, high = nan", "high = nan: must be a finite"),
                ("encoder.dropout", "low = 0.1, high = 0.2, step = true", "step = True: must be"),
                (
                    "encoder.dropout",
                    "low = 0.1, high = 0.2, step = 0.0",
                    "step = 0.0: must be",
                ),
                ("encoder.dropout", "low = 0.1, high = 0.9, step = 0.3", "step = 0.3: must divide"),
                (
                    "encoder.dropout",
                    "low = 0.1, high = 0.2, log = 'no'",
                    "log = 'no': must be a",
                ),
                ("encoder.dropout", "low = 0.0, high = 1.5", "has an invalid value, .* 1.5"),
                (
                    "training.learning_rate",
                    "low = -1.0, high = 1.0",
                    "has an invalid value, .* -1.0",
                ),
                ("encoder.hidden_size", "low = 60, high = 260", "has an invalid value, .* 61"),
            )
        ),
        ("a = " + "[" * 9_000, "nested"),
        ("a = " + "[" * 100_000, "line 1: must have at most 10,000 characters"),
        ("[arms.a]\na" + ".b" * 4_900 + " = 1", "nested|no such setting"),
        ("[arms.a]\na" + ".b" * 50_000 + " = 1", "line 2: must have at most 10,000 characters"),
        ("[arms.a]\nmodel.rounds = 1" + "0" * 400, "model.rounds"),
        ("trials = 1" + "0" * 30 + "\n" + SEARCH, "trials = 1000.*: must be less than"),
        ("hours = 1" + "0" * 400 + "\n" + SEARCH, "hours"),
        (
            "[parameters]\nencoder.dropout = { low = 0.0, high = 0.5, step = 1e-300 }",
            "step = 1e-300",
        ),
        (  # longer than the range
            "[parameters]\nencoder.dropout = { low = 0.0, high = 0.5, step = 1e300 }",
            r"step = 1e\+300: must divide 0.0 to 0.5 into",
        ),
        (
            f"[parameters]\nmodel.rounds = {{ low = 0, high = {10**400} }}",
            r"parameters.model.rounds.high = 10+\.\.\.: must be less than",
        ),
        (
            f"[parameters]\nencoder.dropout = {{ choices = [0.1, {10**400}] }}",
            r"encoder.dropout = 10+\.\.\.: must be less than",
        ),
        (f"title = 'x'\nseeds = {'9' * 5000}\n" + ARM, "line 2: a number must have at most"),
        (f"[arms.a]\nlabel = '{'x' * 300}'", "label = .*: must be text of at most 200"),
        (
            "[parameters]\nmodel.cell = { choices = ['gru'], when = [1] }",
            "parameters.model.cell: when = .1.: must be a table",
        ),
    ],
)
def test_what_a_file_cannot_say_names_the_field(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SpaceError, match=rf"^--space \S+/mine\.toml: .*{message}"):
        space(tmp_path, text)


def test_files_that_cannot_be_a_space(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"none\.toml: No such file"):
        find_space(str(tmp_path / "none.toml"))
    for name in ("rounds_curve", "tune_rin", "my space", "paper-x", "..", ".hidden"):
        with pytest.raises(
            SpaceError, match=rf"'{re.escape(name)}': cannot be the name of your own space"
        ):
            space(tmp_path, ARM, name)
    (tmp_path / "mine.toml").write_bytes(b"\xff")
    with pytest.raises(SpaceError, match=r"mine\.toml: .*decode"):
        find_space(str(tmp_path / "mine.toml"))


def test_a_range_of_the_smallest_steps_does_not_have_a_usual_start(tmp_path: Path) -> None:
    text = "[parameters]\ntraining.learning_rate = { low = 1e-320, high = 1e-319, step = 1e-320 }"
    rate = search(tmp_path, text).parameters["training.learning_rate"]
    assert not rate.tries(0.005)
    assert rate.tries(1e-320)


def test_a_label_is_one_line_and_does_not_act_on_a_terminal(tmp_path: Path) -> None:
    made = space(tmp_path, '[arms.a]\nlabel = "one\\ntwo \\u001b[2J"\nmodel.rounds = 1')
    assert [arm.label for arm in made.arms] == ["one two \\x1b[2J"]
