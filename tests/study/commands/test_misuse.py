"""What a command line refuses, and how: one line and an exit code."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console

from study.commands import audit, rerun, train
from study.commands.arguments import Audit, Rerun, Train
from tests.commands import command, exit_code
from tests.corpora import write_corpus

ROOT = Path(__file__).parents[3]


def bad_corpus(folder: Path, spert_folder: Path, **splits: object) -> str:
    folder.mkdir()
    for split in ("train", "dev", "test"):
        good = (spert_folder / f"{split}.json").read_text()
        (folder / f"{split}.json").write_text(str(splits.get(split, good)))
    return str(folder)


def test_misuse_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], spert_folder: Path, tmp_path: Path
) -> None:
    lines = [json.dumps(r) for r in json.loads((spert_folder / "train.json").read_text())]
    truncated = bad_corpus(
        tmp_path / "cut", spert_folder, train="\n".join([*lines[:6], lines[6][:40]])
    )
    sentence = {"text": "Ann met Bob .", "triple_list": [["Ann", "met", "Bob"]]}
    absent = {"text": "Ann met Bob .", "triple_list": [["Eve", "met", "Bob"]]}
    astray = json.dumps([sentence] * 19 + [absent])
    unplaced = bad_corpus(tmp_path / "astray", spert_folder, train=astray, dev=astray, test=astray)
    no_train = tmp_path / "nyt"
    no_train.mkdir()
    (no_train / "dev.json").write_text((spert_folder / "dev.json").read_text())
    vectors = tmp_path / "glove.txt"
    vectors.write_text("the " + "0.1 " * 100 + "\nof " + "0.1 " * 99 + "\n")
    cases = {
        ("--space", "rounds_curv"): "did you mean rounds_curve?",
        ("--set", "model.round=3"): "model.round: no such setting; did you mean model.rounds?",
        ("--set", f"encoder.word_dim={10**19}"): "encoder.word_dim = 10000",
        ("--set", f"encoder.word_dim={10**400}"): "encoder.word_dim = 10000",
        ("--set", f"training.learning_rate={10**400}"): "training.learning_rate = inf: must be",
        ("--seeds", str(10**19)): "--seeds 10000",
        ("--set", "training.batch_size"): "must be SETTING=VALUE",
        ("--set", "training\nbatch_size"): "must be SETTING=VALUE",
        ("--set", "training.learning_rate=fast"): "must be a number",
        ("--max-epochs", "0"): "--max-epochs 0: must be positive",
        ("--cpus-per-trial", "nan"): "--cpus-per-trial nan: must be positive",
        ("--gpus-per-trial", "nan"): "--gpus-per-trial nan: must be 0 or more",
        ("--max-epochs", "9" * 400): "--max-epochs 999",
        ("--cpus-per-trial", "inf"): "--cpus-per-trial inf: must be at most",
        ("--trials", "9" * 30): "--trials 999",
        ("--data",): "--data: must name at least one corpus",
        ("--space", "learning_rate", "--data"): "--data: must name at least one corpus",
        ("--experiment", "../../elsewhere"): "must be a name without folders",
        ("--experiment", ".."): "must be a name without folders",
        ("--experiment", "a\nb"): "must be a name without folders",
        ("--arms", "a\n\x1b[31mb"): r"--arms a\n\x1b[31mb: no such arm",
        ("--experiment", "corpora"): "already use that folder name",
        ("--shared", "nowhere://x"): "--shared nowhere://x: Protocol not known",
        ("--arms", "lstm"): "--arms lstm: no such arm",
        ("--space", "learning_rate", "--set", "training.selection=test"): "training.selection",
        ("--data", truncated): "train.json:7: ",
        ("--data", unplaced): "data.max_missing",
        ("--data", str(no_train)): "train",
        ("--data", "nowhere"): "--data-root",
        ("--embeddings", str(vectors)): "glove.txt:2: ",
    }
    for arguments, expected in cases.items():
        code, shown = command(capsys, "--dry-run", *arguments)
        assert code == 2, (arguments, shown)
        assert expected in shown, (arguments, shown)
        assert "Traceback" not in shown
        assert len(shown.strip().splitlines()) == 1, (arguments, shown)


@pytest.mark.parametrize("space", ["rounds_curve", "learning_rate"])
def test_different_corpora_of_one_name_are_refused(
    capsys: pytest.CaptureFixture[str], spert_folder: Path, tmp_path: Path, space: str
) -> None:
    same, other = tmp_path / "a" / spert_folder.name, tmp_path / "b" / spert_folder.name
    shutil.copytree(spert_folder, same)
    write_corpus(other, (40, 10, 10))
    options = ("--dry-run", "--space", space, "--runs", str(tmp_path / "out"))
    code, shown = command(capsys, *options, "--data", str(spert_folder), str(same))
    assert code == 0, shown
    code, shown = command(capsys, *options, "--data", str(spert_folder), str(other))
    assert (code, shown.count("\n")) == (2, 1)
    assert f"error: --data {spert_folder} {other}: different corpora" in shown
    assert "my_corpus; rename one of the folders" in shown


@pytest.mark.parametrize(
    ("main", "message"),
    [
        (lambda: train.run(Train(threads=0), Console()), "--threads 0: must be at least 1"),
        (lambda: train.run(Train(gpu=True), Console()), "--gpu: torch finds no GPU"),
        (
            lambda: rerun.run(Rerun(fingerprints=("f",), gpu=True), Console()),
            "--gpu: torch finds no GPU",
        ),
        (lambda: audit.run(Audit(experiment="x", n=0), Console()), "--n 0: must be at least 1"),
        (
            lambda: audit.run(Audit(experiment="x", max_concurrent=-1), Console()),
            "--max-concurrent -1: must be at least 1",
        ),
    ],
)
def test_what_other_commands_cannot_do_is_refused(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    main: Callable[[], int],
    message: str,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code = exit_code(main)
    shown = capsys.readouterr().err
    assert (code, shown.count("\n")) == (2, 1)
    assert message in shown


def start_one_trial(
    capsys: pytest.CaptureFixture[str], corpus: Path, out: Path, *where: str
) -> tuple[int, str]:
    one = ("--arms", "gru-1", "--seeds", "1")
    return command(capsys, "--data", str(corpus), "--runs", str(out), *one, *where)


def test_a_dead_tracking_server_is_exit_code_1(
    capsys: pytest.CaptureFixture[str], spert_folder: Path, tmp_path: Path
) -> None:
    where = ("--tracking-uri", "http://ann:secret@127.0.0.1:9")
    code, shown = start_one_trial(capsys, spert_folder, tmp_path / "out", *where)
    assert code == 1
    assert "error: --tracking-uri http://127.0.0.1:9: " in shown
    assert "secret" not in shown
    assert "secret" not in (tmp_path / "out/studies/rounds_curve-my_corpus.json").read_text()


def test_an_unknown_scheme_of_a_tracking_uri_is_misuse(
    capsys: pytest.CaptureFixture[str], spert_folder: Path, tmp_path: Path
) -> None:
    where = ("--tracking-uri", "htp://ann:secret@127.0.0.1:9")
    code, shown = start_one_trial(capsys, spert_folder, tmp_path / "out", *where)
    assert code == 2
    assert "--tracking-uri htp://127.0.0.1:9: unknown scheme 'htp'; did you mean http?" in shown
    assert not (tmp_path / "out").exists()


def test_a_dead_cluster_is_exit_code_1_and_no_run_in_mlflow(
    capsys: pytest.CaptureFixture[str], spert_folder: Path, tmp_path: Path
) -> None:
    where = ("--ray-address", "127.0.0.1:9")
    code, shown = start_one_trial(capsys, spert_folder, tmp_path / "out", *where)
    assert code == 1
    assert "error: --ray-address 127.0.0.1:9: " in shown
    assert not (tmp_path / "out/mlflow.db").exists()


def test_ray_client_is_misuse_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str], spert_folder: Path, tmp_path: Path
) -> None:
    where = ("--ray-address", "ray://head:10001")
    code, shown = start_one_trial(capsys, spert_folder, tmp_path / "out", *where)
    assert code == 2
    assert "error: --ray-address ray://head:10001: " in shown
    assert "ray job submit" in shown
    assert "--ray-address auto" in shown


def test_a_model_that_is_not_there_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ("--space", "encoder", "--arms", "transformer-1", "--set", "encoder.model=./none")
    code, shown = command(capsys, "--dry-run", "--runs", str(tmp_path / "out"), *options)
    assert code == 2
    assert shown.startswith("error: encoder.model = './none': no such folder; give a folder with")
    assert shown.count("\n") == 1


def test_the_former_name_of_the_ledgers_option_names_the_new_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for words in (("--out", "x"), ("show", "--out=x")):
        code, shown = command(capsys, *words)
        assert (code, shown.startswith("error: --out: is now --runs")) == (2, True)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("study", "rounds_curve"), "study rounds_curve: takes options only; did you mean --space"),
        (("status",), "status: no such command; did you mean show?"),
        (("setings",), "setings: no such command; did you mean settings?"),
        (("settings", "nosuch"), "nosuch: no such setting; 'rin-study settings' lists all "),
        (("settings", "training.lr"), "did you mean training.learning_rate?"),
        (("--arms", "gru1"), "--arms gru1: no such arm in rounds_curve; did you mean gru-1"),
        (("--arms", "zzz"), "--arms zzz: no such arm in rounds_curve; there are 14; --list"),
    ],
)
def test_a_wrong_name_gets_close_suggestions_and_no_long_list(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...], hint: str
) -> None:
    where = () if words[0][0] != "-" else ("--runs", str(tmp_path / "runs"))
    code, shown = command(capsys, *words, *where)
    assert code == 2
    assert hint in shown
    assert len(shown) < 200


def test_a_missing_package_is_one_line_with_the_extra_that_has_it(tmp_path: Path) -> None:
    """As after ``pip install rin-study``, which installs what prediction needs."""
    (tmp_path / "optuna.py").write_text("raise ModuleNotFoundError('gone', name='optuna')")
    ran = subprocess.run(
        [sys.executable, "-m", "study", "--list"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    (line,) = ran.stderr.splitlines()
    assert (ran.returncode, line.partition(": ")[0]) == (1, "error")
    assert "optuna" in line
    assert "rin-study[study]" in line
