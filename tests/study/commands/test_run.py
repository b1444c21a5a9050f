"""The command line without Ray: what it shows and records."""

import dataclasses
import itertools
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mlflow.tracking import MlflowClient
from rich.console import Console

from rin_core.data.pretrained import load_pretrained
from rin_core.model import matmul
from search_spaces import SEARCHES, SPACES
from search_spaces.search import Search
from search_spaces.space import Arm, Grid
from study.commands import main as run
from study.commands import train
from study.commands.arguments import Train
from study.commands.experiments import print_missing
from study.commands.main import parse
from study.execution.trial import train_run
from study.ledger.command import render
from study.ledger.ledger import Ledger
from study.ledger.origin import PretrainedName
from study.planning.grid import make_plan
from tests.commands import command, exit_code

ROOT = Path(__file__).parents[3]


def test_list_shows_spaces_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = command(capsys, "--list")
    assert code == 0
    assert len(SPACES) >= 8
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    spaces: list[Grid | Search] = [*SPACES.values(), *SEARCHES.values()]
    for space in spaces:
        start = next(n for n, line in enumerate(lines) if line.startswith(f"{space.name}:"))
        indented = itertools.takewhile(lambda line: line.startswith(" "), lines[start + 1 :])
        words = " ".join(indented).split()
        assert " ".join(words).startswith(space.title)
        assert {arm.name for arm in (*space.arms, *space.on_request)} < set(words)
        if isinstance(space, Grid):
            assert f" {len(space.arms) * len(space.seeds)} trials " in lines[start]


def test_the_command_study_takes_the_options_of_the_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--data", "demo", "--dry-run", "--arms", "gru-1", "--seeds", "1"]
    assert parse(["study", *words]) == parse(words) != parse([])
    assert parse(["study"]) == parse([])
    with pytest.raises(SystemExit) as ended:
        parse(["study", "--help"])
    assert ended.value.code == 0
    assert "--max-epochs" in capsys.readouterr().out


def test_dry_run_resolves_trials_and_runs_nothing(
    capsys: pytest.CaptureFixture[str], spert_folder: Path, tmp_path: Path
) -> None:
    options = ("--data", str(spert_folder), "--seeds", "2", "--arms", "rnn-2", "bilstm-s")
    code, shown = command(capsys, "--dry-run", "--runs", str(tmp_path / "out"), *options)
    assert code == 0
    assert "4 trials" in shown
    assert shown.count("planned") == 4
    assert "model.cell=rnn" in shown
    assert "my_corpus" in shown
    assert not (tmp_path / "out").exists()


def test_several_spaces_run_as_one_study(
    capsys: pytest.CaptureFixture[str], spert_folder: Path, tmp_path: Path
) -> None:
    """What they share is one trial; options of one space are refused; a search runs alone."""
    mine = tmp_path / "mine.toml"
    mine.write_text("[arms.gru-1]")
    options = ("--data", str(spert_folder), "--seeds", "2", "--runs", str(tmp_path / "out"))
    code, shown = command(capsys, "--dry-run", *options, "--space", "main_results", "ablation")
    assert code == 0
    assert "18 trials" in shown  # 5 and 6 arms, of which BiLSTM_s and K = 1 are in both
    rows = [line.split() for line in shown.splitlines() if " my_corpus " in line]
    assert [row[3] for row in rows] == ["0"] * 9 + ["1"] * 9, "one seed of every arm comes first"
    for wrong, message in (
        (("main_results", "ablation", "--arms", "gru-*"), "--arms: requires a single space"),
        (("main_results", "ablation", "--experiment", "x"), "--experiment: requires a single"),
        ((), "--space: must name at least one"),
        (("main_results", "tune_rin"), "tune_rin is a search; run it alone"),
        (("main_results", "abltion"), "no such space; did you mean ablation?"),
        (
            (str(mine), f"{mine.parent}/../{mine.parent.name}/mine.toml"),
            "two studies are named mine-my_c",
        ),
    ):
        code, shown = command(capsys, *options, "--space", *wrong)
        assert (code, shown.count("\n")) == (2, 1)
        assert message in shown


@pytest.mark.slow
def test_a_trial_of_two_spaces_is_in_the_reports_and_mlflow_of_both(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    spert_folder: Path,
    tmp_path: Path,
) -> None:
    small = {"encoder.hidden_size": 8, "model.feature_size": 8, "training.max_epochs": 1}
    arms = {name: Arm(name=name, label=name, overrides=small) for name in ("shared", "left")}
    arms["left"] = dataclasses.replace(arms["left"], overrides={**small, "model.rounds": 0})
    for name, members in (("one", ("shared", "left")), ("other", ("shared",))):
        grid = Grid(name=name, title="?", arms=tuple(arms[m] for m in members), seeds=(0,))
        monkeypatch.setitem(SPACES, name, grid)
        plan = make_plan(grid, Ledger(tmp_path), [str(spert_folder)])
        for planned in plan.trials:
            train_run(planned.trial.config, plan.corpora[planned.corpus_key], planned.run)
    options = ("--data", str(spert_folder), "--runs", str(tmp_path), "--space", "one", "other")
    code, shown = command(capsys, *options)
    assert code == 0
    assert "2 of 2 trials finished" in shown
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    for experiment, expected in (("one-my_corpus", 2), ("other-my_corpus", 1)):
        assert (tmp_path / "reports" / experiment).is_dir()
        found = client.get_experiment_by_name(experiment)
        runs = client.search_runs([found.experiment_id], "tags.`rin.kind` = 'trial'")
        assert [r.info.status for r in runs] == ["FINISHED"] * expected


def test_a_study_says_and_records_its_preset(
    capsys: pytest.CaptureFixture[str], spert_folder: Path, tmp_path: Path
) -> None:
    """The preset is what the name of the corpus chooses, or the one that is named."""
    options = ("--data", str(spert_folder), "--runs", str(tmp_path), "--arms", "gru-1")
    code, own = command(capsys, "--dry-run", *options)
    assert code == 0
    assert "my_corpus: preset own" in own
    assert own.count("encoder.characters=cnn") == 1, "once for the study, not in every row"
    code, paper = command(capsys, "--dry-run", *options, "--preset", "paper")
    assert code == 0
    assert "my_corpus: preset paper" in paper
    assert "encoder.characters" not in paper
    code, shown = command(capsys, "--dry-run", *options, "--preset", "papr")
    assert code == 2
    assert "did you mean paper?" in shown


@pytest.mark.parametrize(("chosen", "named"), [(None, "own"), ("paper", None), ("demo", "demo")])
def test_the_record_of_a_study_names_its_preset(
    spert_folder: Path, tmp_path: Path, chosen: str | None, named: str | None
) -> None:
    """A record without a preset means the paper's settings, as all records once did."""
    space = dataclasses.replace(SPACES["rounds_curve"], preset=chosen)
    plan = make_plan(space, Ledger(tmp_path), [str(spert_folder)], arms=["gru-1"], seeds=[0])
    (experiment,) = plan.experiments()
    study = experiment.record({"data": [str(spert_folder)]})
    settings = {} if named is None else {"preset": named}
    assert study.trials[0].settings == settings
    assert study.options == {"data": [str(spert_folder)], **settings}
    shared = experiment.record({"data": ["demo", str(spert_folder)]})
    assert "preset" not in shared.options, "each of the corpora has another"


def test_a_failure_is_shown_as_it_was_recorded(
    capsys: pytest.CaptureFixture[str], spert_folder: Path, tmp_path: Path
) -> None:
    """What Rich would take for markup is text."""
    options = ("--data", str(spert_folder), "--arms", "gru-1", "--seeds", "1")
    where = ("--runs", str(tmp_path), "--dry-run")
    (planned,) = make_plan(
        SPACES["rounds_curve"], Ledger(tmp_path), [str(spert_folder)], arms=["gru-1"], seeds=[0]
    ).trials
    planned.run.record_failure("cannot open [/tmp/x]")
    code, shown = command(capsys, *options, *where)
    assert code == 0
    assert "failed: cannot open [/tmp/x]" in shown
    print_missing([planned], run.CONSOLE)
    assert "failed: cannot open [/tmp/x]" in capsys.readouterr().out


def test_a_set_but_empty_address_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert parse(["--runs", str(tmp_path)]).uri() == f"sqlite:///{tmp_path}/mlflow.db"


@pytest.mark.parametrize(
    "uri",
    ["sqlite:///runs/optuna.db", "sqlite:///optuna.db?timeout=5", "sqlite+pysqlite:///a/optuna.db"],
)
def test_mlflow_does_not_get_optunas_database(uri: str) -> None:
    with pytest.raises(ValueError, match=r"--tracking-uri .*is Optuna's own database"):
        parse(["--tracking-uri", uri]).check()


def test_a_trial_that_was_taken_over_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The second of two commands on one run claims it after the first one's first epoch."""
    small = ("encoder.hidden_size=8", "model.feature_size=8", "training.max_epochs=2")

    class Claiming(Console):
        def print(self, *_: object, **__: object) -> None:
            for taken in Ledger(tmp_path).runs():
                taken.claim()

    options = Train(set=small, runs=tmp_path)
    code = exit_code(lambda: train.run(options, Claiming()))
    shown = capsys.readouterr().err
    assert (code, shown.count("\n")) == (1, 1)
    assert "taken over by process" in shown


def test_the_recorded_options_have_no_password_and_the_command_its_quotes() -> None:
    given = ("--shared", "file:///mnt/my store?password=hunter2", "--seeds", "2")
    recorded = parse(given).record()
    assert recorded == {
        "space": ["rounds_curve"],
        "data": ["demo"],
        "seeds": "2",
        "shared": "file:///mnt/my store?",
    }
    again = parse(shlex.split(render(recorded))[1:])
    assert again.record() == recorded


@pytest.mark.parametrize("script", ["study/run.py", "reports/build.py"])
def test_scripts_run_from_the_projects_root(script: str) -> None:
    ran = subprocess.run(
        [sys.executable, script, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "--runs" in ran.stdout


def test_encoders_share_a_plan_but_not_their_arrays(
    spert_folder: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    """Settings name the model, and not where it lies on one machine."""
    (tmp_path / "vectors.txt").write_text("was " + " ".join(["0.1"] * 100))
    plan = make_plan(
        SPACES["encoder"],
        Ledger(tmp_path),
        [str(spert_folder)],
        arms=["bilstm-s", "gru-*", "transformer-*"],
        seeds=[0],
        overrides={"encoder.model": str(tiny_bert)},
        embeddings=tmp_path / "vectors.txt",
    )
    assert plan.settings == {"encoder.model": "tiny/bert", "vectors": "vectors.txt"}
    assert len(plan.trials) == 6
    assert len(plan.corpora) == 2
    for planned in plan.trials:
        corpus = plan.corpora[planned.corpus_key]
        is_bilstm = planned.trial.config.encoder.kind == "bilstm"
        assert (corpus.pretrained is None) == (corpus.vectors is not None) == is_bilstm
    labels = {p.trial.arm: p.trial.label for p in plan.trials}
    assert labels["gru-1"] == "RIN (GRU, K = 1)"
    assert labels["transformer-1"] == "RIN (bert, K = 1)", "the folder's name"


def test_a_trial_of_a_transformer_records_what_it_started_from(
    spert_folder: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    fields = {
        "encoder.kind": "transformer",
        "encoder.model": tiny_bert,
        "training.max_epochs": 1,
    }
    options = Train(
        data=str(spert_folder),
        set=tuple(f"{name}={value}" for name, value in fields.items()),
        runs=tmp_path,
    )
    assert train.run(options, Console()) == 0
    (trained,) = Ledger(tmp_path).runs()
    record = trained.result()
    assert record is not None
    assert record.vectors is None
    digest = load_pretrained(str(tiny_bert), 512).digest
    assert record.pretrained == PretrainedName(name="tiny/bert", digest=digest)
    widest, library = record.provenance.arithmetic.split()
    assert widest == torch.backends.cpu.get_cpu_capability()
    assert library == matmul.library()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["--data", "demo", "study", "--dry-run"], ["--data", "demo", "--dry-run"]),
        (["--dry-run", "study", "--seeds=1"], ["--dry-run", "--seeds=1"]),
        (["--runs", "x", "show", "NAME"], ["show", "NAME", "--runs", "x"]),
        (["--data", "a", "b", "export", "FILE"], ["export", "FILE", "--data", "a", "b"]),
        (["--data=demo", "train"], ["train", "--data", "demo"]),
    ],
)
def test_options_may_stand_before_the_command(typed: list[str], meant: list[str]) -> None:
    assert parse(typed) == parse(meant)


def test_a_value_is_no_command() -> None:
    assert parse(["--experiment", "show", "--arms", "study"]).experiment == "show"


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        (["--sead", "1"], "--seeds"),
        (["--max_epoch=3"], "--max-epochs"),
        (["train", "--max-epoch", "3"], "--max-epochs"),
        (["show", "x", "--rns", "y"], "--runs"),
        (["--rns", "y", "show", "x"], "--runs"),
        (["show", "--seeds", "3"], "--runs"),
    ],
)
def test_an_option_that_is_near_is_suggested(typed: list[str], near: str) -> None:
    with pytest.raises(ValueError, match=r": no such option of ") as raised:
        parse(typed)
    assert near in str(raised.value).partition(";")[2].replace("?", "").split()


def test_training_alone_takes_the_epochs_as_a_study_does(
    spert_folder: Path, tmp_path: Path
) -> None:
    small = ("encoder.hidden_size=8", "model.feature_size=8")
    options = Train(data=str(spert_folder), set=small, max_epochs=1, runs=tmp_path)
    assert train.run(options, Console(quiet=True)) == 0
    (run,) = Ledger(tmp_path).runs()
    result = run.result()
    assert result is not None
    assert (len(result.history), result.config["training.max_epochs"]) == (1, 1)
