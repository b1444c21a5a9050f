"""What tests of exported ledgers share: the options of a small run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TINY = {
    "encoder.hidden_size": 8,
    "encoder.word_dim": 4,
    "model.feature_size": 8,
    "training.max_epochs": 2,
    "training.batch_size": 200,
}
NOTHING = {"run": 0, "study": 0, "search": 0}
ONE_RUN = {**NOTHING, "run": 1}
SETTINGS = [f"--set={name}={value}" for name, value in TINY.items()]


def python(*arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr
