"""A model from MLflow, where this project is not installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from rin_core.predict.loading import extra_packages, load_model
from rin_core.train.checkpoint import load_tensors, save_tensors
from study.tracking.mlflow.model import SERVED_WITH, requirement, save_model
from tests.conftest import Trained

ROOT = Path(__file__).parents[2]
# Nothing of the checkout can be imported: neither from a path nor by a finder of `pip install -e`.
LOAD = """
import importlib.util, json, pathlib, sys
here = lambda path: (pathlib.Path(path or ".") / "rin_core").is_dir()
sys.path = [path for path in sys.path if not here(path)]
sys.meta_path = [f for f in sys.meta_path if "editable" not in getattr(f, "__module__", "")]
assert importlib.util.find_spec("rin_core") is None
import mlflow
model = mlflow.pyfunc.load_model(sys.argv[1])
import rin_core
assert pathlib.Path(rin_core.__file__).is_relative_to(sys.argv[1]), rin_core.__file__
print(json.dumps(model.predict(json.load(sys.stdin))))
"""


@pytest.fixture(scope="module")
def model(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(trained.weights, tmp_path_factory.mktemp("elsewhere") / "model")


@pytest.fixture(scope="module")
def texts(trained: Trained) -> list[str]:
    return [" ".join(sentence.words) for sentence in trained.corpus.dev[:20]]


def predicted(trained: Trained, texts: list[str]) -> list[dict[str, Any]]:
    """Return what the command writes in the checkout."""
    command = [sys.executable, "-m", "rin_core.predict", "--model", str(trained.weights), "--json"]
    ran = subprocess.run([*command, *texts], capture_output=True, check=True)
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert any(sentence["triples"] for answer in answers for sentence in answer["sentences"])
    return answers


def test_requirements_can_be_installed_from_a_package_index(model: Path) -> None:
    lines = (model / "requirements.txt").read_text(encoding="utf-8").split()
    assert [line.partition("==")[0] for line in lines] == list(SERVED_WITH)
    assert all(re.fullmatch(r"[\w-]+==\d+(\.\w+)*", line) for line in lines), lines
    # That of the build here is left out: an index has none with a label.
    assert f"torch=={version('torch').partition('+')[0]}" in lines


def test_requirements_include_every_dependency_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=\[]", line)[0] for line in project["dependencies"]}
    assert names == set(SERVED_WITH) - {"mlflow"}


def test_a_package_that_is_not_installed_gets_the_version_used_in_training() -> None:
    assert requirement("no-such-tagger", {"no-such-tagger": "0.20.1+local"}) == (
        "no-such-tagger==0.20.1"
    )
    assert requirement("no-such-tagger", {}) == "no-such-tagger"


def test_a_model_requires_the_tagger_that_it_was_trained_with(
    trained: Trained, tmp_path: Path
) -> None:
    assert extra_packages(trained.weights) == []
    tensors, metadata = load_tensors(trained.weights)
    metadata["vocabulary"]["tagger"] = "textblob"
    tagged = tmp_path / "weights.safetensors"
    save_tensors(tagged, tensors, metadata)
    assert load_model(tagged).vocabulary.tagger == "textblob"
    assert extra_packages(tagged) == ["textblob"]
    saved = save_model(tagged, tmp_path / "model", {"textblob": "0.20.1"})
    assert "textblob==0.20.1" in (saved / "requirements.txt").read_text(encoding="utf-8").split()


def test_lora_requires_peft(trained: Trained, tmp_path: Path) -> None:
    tensors, metadata = load_tensors(trained.weights)
    metadata["config"]["encoder.lora"] = 8
    path = tmp_path / "weights.safetensors"
    save_tensors(path, tensors, metadata)
    assert extra_packages(path) == ["peft"]


@pytest.mark.slow
def test_a_model_predicts_in_a_process_without_the_project(
    model: Path, trained: Trained, texts: list[str], tmp_path: Path
) -> None:
    moved = shutil.copytree(model, tmp_path / "moved")
    ran = subprocess.run(
        [sys.executable, "-I", "-c", LOAD, str(moved)],
        cwd=tmp_path,
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == predicted(trained, texts)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.skipif("RIN_PIP" not in os.environ, reason="RIN_PIP=1 installs from a package index")
def test_a_model_predicts_in_an_environment_with_its_requirements_only(
    model: Path, trained: Trained, texts: list[str], tmp_path: Path
) -> None:
    """What ``--env-manager virtualenv`` makes, by pip alone: MLflow would install Python, too."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = str(environment / "bin" / "python")
    packages = [python, "-m", "pip", "install", "--quiet", "-r", str(model / "requirements.txt")]
    subprocess.run(packages, check=True)
    ran = subprocess.run(
        [python, "-I", "-c", LOAD, str(model)],
        cwd=tmp_path,
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == predicted(trained, texts)
