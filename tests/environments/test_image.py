"""The container image: the steps of its recipe without a container engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version

import pytest

from tests.environments.image import DOWNLOADS, ROOT, Image, context, steps


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image, with this machine's packages in place of those that a recipe downloads."""
    if os.getuid() != 0:
        pytest.skip("only root may change the root folder")
    probe = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"no mount namespaces here: {probe.stderr.decode().strip()}")
    built = Image(tmp_path_factory.mktemp("image") / "root")
    built.build()
    # In place of the step that installs the project, and of the base image's Python.
    built.environment["PYTHONPATH"] = built.folder
    built.environment["PATH"] = f"/opt/bin:{sys.prefix}/bin:{built.environment['PATH']}"
    (built.root / "opt" / "bin").mkdir(parents=True)
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for name, place in scripts.items():
        module, _, function = place.partition(":")
        script = built.root / "opt" / "bin" / name
        script.write_text(f"#!{sys.executable}\nfrom {module} import {function}\n{function}()\n")
        script.chmod(0o755)
    return built


def test_every_step_runs_except_downloads(image: Image) -> None:
    skipped = [text for text in image.skipped if not text.startswith(("FROM ", "ARG "))]
    assert len(skipped) == 3
    assert all(any(word in text for word in DOWNLOADS) for text in skipped)
    ran = image.run("sh", "-c", "id -u; id -un; pwd; command -v git; command -v ps")
    assert ran.stdout.split()[:3] == ["1000", "ray", image.folder]
    assert len(ran.stdout.split()) == 5


def test_the_recipe_installs_the_locked_versions(image: Image) -> None:
    (text,) = (text for _, text in steps() if "--require-hashes" in text)
    named = [
        image.run("sh", "-c", command).stdout.strip()
        for command in re.findall(r'"\$\((sed .*?requirements\.lock)\)"', text)
    ]
    torch = version("torch").partition("+")[0]
    assert named == [f"torch=={torch}", f"ray[default]=={version('ray')}"]


def test_every_tracked_file_is_in_the_image_and_no_password_is() -> None:
    found = set(context())
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True
    )
    assert not [name for name in listed.stdout.splitlines() if name not in found]
    assert not [name for name in found if name == ".git/config" or name.startswith(".env")]


@pytest.mark.slow
def test_help_works_with_read_only_code(image: Image) -> None:
    assert "Read-only" in image.run("touch", "study/x", read_only=True).stderr
    ran = image.run(*image.command.split(), read_only=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "--data" in ran.stdout


@pytest.mark.ray
@pytest.mark.slow
def test_a_study_runs_with_read_only_code(image: Image) -> None:
    """Ray, MLflow's database, compiled kernels and the page, with room in the home alone."""
    arms = ["--space", "rounds_curve", "--arms", "gru-1", "bilstm-s", "--seeds", "1"]
    where = ["--max-epochs", "1", "--max-concurrent", "1", "--runs", "/home/ray/runs"]
    ran = image.run("rin-study", *arms, *where, read_only=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    out = image.root / "home" / "ray" / "runs"
    assert len(list(out.glob("units/*/result.json"))) == 2
    assert (out / "reports" / "index.html").stat().st_size > 10_000
    assert (out / "mlflow.db").exists()
    shown = image.run("rin-study", "show", "rounds_curve-demo", "--runs", "/home/ray/runs")
    assert shown.returncode == 0, shown.stderr
    assert "finished" in shown.stdout
