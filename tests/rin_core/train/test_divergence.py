"""A trial whose loss is NaN in its first epoch, which therefore reports nothing to Ray."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.studies import results

ROOT = Path(__file__).parents[3]
SMALL = {
    "encoder.hidden_size": 8,
    "encoder.word_dim": 8,
    "model.feature_size": 8,
    "training.max_epochs": 10,
}


def run(corpus: Path, out: Path, requests: Path, *options: str) -> tuple[int, str]:
    """Run a command one epoch of which is made to diverge, whichever comes first."""
    (requests / "nan").touch()
    settings = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    injected = {"PYTHONPATH": str(ROOT / "tests/chaos/injected"), "RIN_CHAOS": str(requests)}
    ran = subprocess.run(
        [
            *(sys.executable, "study/run.py", "--data", str(corpus), "--runs", str(out)),
            *("--tracking-uri", "none", *settings, *options),
        ],
        cwd=ROOT,
        env=os.environ | injected,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert not (requests / "nan").exists(), "nothing diverged"
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.ray
@pytest.mark.timeout(240)
def test_a_grid_goes_on_and_says_which(spert_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, shown = run(spert_folder, out, tmp_path, "--arms", "bilstm-s", "gru-1", "--seeds", "2")
    assert code == 1
    assert "Traceback" not in shown
    assert len(results(out)) == 3
    assert "3 of 4 trials finished" in shown
    assert "failed: epoch 1: the training loss is nan" in " ".join(shown.split())


@pytest.mark.ray
@pytest.mark.timeout(240)
def test_a_search_counts_it_as_a_failed_trial(spert_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--space", "fair_rounds", "--arms", "k-0", "--trials", "3", "--seeds", "0")
    _, shown = run(spert_folder, out, tmp_path, *options)
    assert "Traceback" not in shown
    assert "Last result" not in shown, "Ray speaks of a trial by a name of its own"
    assert len(results(out)) == 2
    assert "failed 1 0 0 s" in " ".join(shown.split())  # trials, epochs, time
