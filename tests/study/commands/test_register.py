"""``--register``: what is refused before anything runs, and when a model is registered."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from study.commands import grids
from study.commands.closing import Closing
from study.commands.context import Ended
from study.commands.main import parse
from study.commands.start import run_study
from study.tracking.base import DISABLED
from study.tracking.mlflow import registry
from study.tracking.open import TRACKERS


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["--register", "a/b"], "without slashes"),
        (["--register", ""], "without slashes"),
        (["--register", "it's"], "quotes"),
        (["--register", "rin", "--tracking-uri", "none"], "requires MLflow"),
        (["--register", "rin", "--data", "demo", "other"], "a single study"),
        (["--register", "rin", "--space", "ablation", "scorer"], "a single study"),
    ],
)
def test_what_cannot_be_registered_is_refused_at_once(
    given: list[str], problem: str, tmp_path: Path
) -> None:
    options = parse([*given, "--runs", str(tmp_path / "runs")])
    with pytest.raises(ValueError, match=f"^--register.*{problem}"):
        run_study(options, Console(quiet=True))
    assert not (tmp_path / "runs").exists()


def test_a_tracker_without_a_registry_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TRACKERS, "other", TRACKERS[DISABLED])
    uri = "other:somewhere"
    options = parse(["--register", "rin", "--tracking-uri", uri, "--runs", str(tmp_path / "runs")])
    with pytest.raises(ValueError, match=rf"^--register rin: requires MLflow.*{uri}"):
        run_study(options, Console(quiet=True))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("code", [0, 1, 130])
def test_only_a_complete_study_registers_its_model(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def register(*given: Any) -> str:
        asked.append(given)
        return "models:/rin/3"

    monkeypatch.setattr(registry, "register_model", register)
    monkeypatch.setattr(grids, "run_grids", lambda *_: Ended(code, ("curve-demo",)))
    monkeypatch.setattr(Closing, "print", lambda *_: None)
    options, shown = parse(["--register", "rin", "--runs", str(tmp_path)]), io.StringIO()
    assert run_study(options, Console(file=shown)).code == code
    assert asked == ([] if code else [(options.uri(), "curve-demo", "rin")])
    assert ("models:/rin/3" in shown.getvalue()) is (code == 0)
    assert "register" not in options.record(), "the model of a study changes none of its numbers"
